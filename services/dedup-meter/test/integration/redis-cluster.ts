import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '@trackline/testkit';
import { Redis } from 'ioredis';

const SLOTS = 16_384;
/** Each server takes a second port for the others of its cluster, so far above its first. Both lie below what systems give to outgoing connections. */
const BUS_PORT_OFFSET = 1_000;
const PORTS = { from: 20_000, to: 27_000 };
/** How long a server may be silent before the others vote for its replica. */
const NODE_TIMEOUT_MS = 1_000;
const UP_WITHIN_MS = 30_000;

export interface ClusterNode {
  readonly port: number;
  readonly redis: Redis;
  readonly process: ChildProcess;
}

/** Three primaries of a Redis Cluster on free ports, with a third of the slots each, and replicas when asked for. */
export class RedisCluster {
  readonly primaries: readonly ClusterNode[];
  private readonly nodes: ClusterNode[] = [];
  private readonly directory: string;

  private constructor(directory: string, primaries: readonly ClusterNode[]) {
    this.directory = directory;
    this.primaries = primaries;
    this.nodes.push(...primaries);
  }

  static async start(): Promise<RedisCluster> {
    const directory = mkdtempSync(join(tmpdir(), 'trackline-cluster-'));
    const primaries = [await startNode(directory), await startNode(directory), await startNode(directory)];
    const cluster = new RedisCluster(directory, primaries);
    try {
      for (const [at, { redis }] of primaries.entries()) {
        await redis.call('CLUSTER', 'ADDSLOTSRANGE', firstSlot(at), firstSlot(at + 1) - 1);
        if (at > 0) await meet(redis, primaries[0]!);
      }
      await cluster.whole();
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  /** Of all primaries, as REDIS_URL takes them. */
  get url(): string {
    return this.primaries.map(({ port }) => `redis://127.0.0.1:${port}`).join(',');
  }

  async ownerOf(key: string): Promise<ClusterNode> {
    const slot = await this.slotOf(key);
    const held = await Promise.all(this.nodes.map(async (node) => ({ node, slots: await slotsOf(node) })));
    const owner = held.find(({ slots }) => slots.some(([from, to]) => from <= slot && slot <= to));
    if (!owner) throw new Error(`nobody holds slot ${slot}`);
    return owner.node;
  }

  /** How often a server has answered so since it started: `TRYAGAIN`, `MOVED`, … */
  async errorsOf({ redis }: ClusterNode, name: string): Promise<number> {
    const report = await redis.info('errorstats');
    return Number(new RegExp(`errorstat_${name}:count=(\\d+)`).exec(report)?.[1] ?? 0);
  }

  /** Gives the key's slot to another primary as an operator does: announced on both, keys moved, announced to all. `meanwhile` runs half-way. */
  async moveSlotOf(key: string, meanwhile: () => Promise<void>): Promise<ClusterNode> {
    const slot = await this.slotOf(key);
    const from = await this.ownerOf(key);
    const to = this.primaries.find((node) => node !== from)!;
    const [fromId, toId] = [await from.redis.cluster('MYID'), await to.redis.cluster('MYID')];
    await to.redis.cluster('SETSLOT', slot, 'IMPORTING', String(fromId));
    await from.redis.cluster('SETSLOT', slot, 'MIGRATING', String(toId));
    const keys = await from.redis.cluster('GETKEYSINSLOT', slot, 100_000);
    const half = Math.ceil(keys.length / 2);
    await migrate(from, to, keys.slice(0, half));
    await meanwhile();
    await migrate(from, to, await from.redis.cluster('GETKEYSINSLOT', slot, 100_000));
    for (const { redis } of [to, from]) await redis.cluster('SETSLOT', slot, 'NODE', String(toId));
    await eventually(async () => (await this.ownerOf(key)) === to, { withinMs: UP_WITHIN_MS });
    return to;
  }

  /** A replica of the primary, in step with it. */
  async addReplica(primary: ClusterNode): Promise<ClusterNode> {
    const replica = await startNode(this.directory);
    this.nodes.push(replica);
    const primaryId = String(await primary.redis.cluster('MYID'));
    await meet(replica.redis, primary);
    await eventually(() => replica.redis.cluster('REPLICATE', primaryId), { withinMs: UP_WITHIN_MS });
    await eventually(async () => /master_link_status:up/.test(await replica.redis.info('replication')), {
      withinMs: UP_WITHIN_MS,
    });
    await this.whole();
    return replica;
  }

  /** Ends a server as a crash does. */
  async kill(node: ClusterNode): Promise<void> {
    this.nodes.splice(this.nodes.indexOf(node), 1);
    node.redis.disconnect();
    node.process.kill('SIGKILL');
    if (node.process.exitCode === null && node.process.signalCode === null) await once(node.process, 'exit');
  }

  async stop(): Promise<void> {
    for (const node of [...this.nodes]) await this.kill(node);
    rmSync(this.directory, { recursive: true, force: true });
  }

  private async slotOf(key: string): Promise<number> {
    return this.primaries[0]!.redis.cluster('KEYSLOT', key);
  }

  /** Until every server that runs says that all slots are served and knows all others. */
  private async whole(): Promise<void> {
    await eventually(
      async () => {
        for (const { redis } of this.nodes) {
          const report = String(await redis.cluster('INFO'));
          if (!/cluster_state:ok/.test(report)) throw new Error('cluster_state is not ok');
          if (!report.includes(`cluster_known_nodes:${this.nodes.length}`))
            throw new Error('a node is not known');
        }
        return true;
      },
      { withinMs: UP_WITHIN_MS },
    );
  }
}

const firstSlot = (at: number): number => Math.floor((at * SLOTS) / 3);

async function slotsOf({ redis }: ClusterNode): Promise<(readonly [number, number])[]> {
  const own = String(await redis.cluster('NODES'))
    .split('\n')
    .find((line) => line.includes('myself'))!;
  const [, , flags, , , , , , ...ranges] = own.split(' ');
  if (!flags!.includes('master')) return [];
  return ranges
    .filter((range) => !range.startsWith('['))
    .map((range) => {
      const [from, to = from] = range.split('-').map(Number);
      return [from!, to!] as const;
    });
}

const meet = (redis: Redis, { port }: ClusterNode): Promise<unknown> =>
  redis.call('CLUSTER', 'MEET', '127.0.0.1', port, port + BUS_PORT_OFFSET);

async function migrate(from: ClusterNode, to: ClusterNode, keys: readonly string[]): Promise<void> {
  if (keys.length === 0) return;
  await from.redis.call('MIGRATE', '127.0.0.1', to.port, '', 0, 5_000, 'KEYS', ...keys);
}

async function startNode(directory: string): Promise<ClusterNode> {
  const port = await freePort();
  const dir = join(directory, String(port));
  mkdirSync(dir);
  const process = spawn(
    redisServer(),
    [
      ...['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--save', '', '--appendonly', 'no'],
      ...['--cluster-enabled', 'yes', '--cluster-port', String(port + BUS_PORT_OFFSET)],
      ...['--cluster-node-timeout', String(NODE_TIMEOUT_MS), '--maxmemory-policy', 'noeviction'],
      // A replica that is one write behind may still be elected: the test wants the failover, not its refusal.
      ...['--cluster-replica-validity-factor', '0', '--repl-diskless-sync-delay', '0'],
    ],
    { stdio: 'ignore' },
  );
  const redis = new Redis({ host: '127.0.0.1', port, retryStrategy: () => 100, maxRetriesPerRequest: null });
  redis.on('error', () => undefined);
  await eventually(async () => (await redis.ping()) === 'PONG', { withinMs: UP_WITHIN_MS });
  return { port, redis, process };
}

/** REDIS_SERVER names the one that the stack has found; else the machine's own. */
function redisServer(): string {
  const named = process.env.REDIS_SERVER;
  if (named) return named;
  const found = ['redis-server', 'valkey-server'].find(
    (command) => spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0,
  );
  if (!found) throw new Error('This test needs redis-server or valkey-server on the PATH, or REDIS_SERVER.');
  return found;
}

async function freePort(): Promise<number> {
  return eventually(async () => {
    const port = PORTS.from + Math.floor(Math.random() * (PORTS.to - PORTS.from));
    return (await isFree(port)) && (await isFree(port + BUS_PORT_OFFSET)) && port;
  });
}

async function isFree(port: number): Promise<boolean> {
  return new Promise((settle) => {
    const server = createServer();
    server.once('error', () => settle(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => settle(true)));
  });
}
