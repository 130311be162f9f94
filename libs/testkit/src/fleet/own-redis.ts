import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { eventually } from '../eventually.ts';
import type { Address } from '../fault-proxy.ts';
import { freePort } from './free-port.ts';
import { OwnProcess } from './own-process.ts';
import { noteStrike } from './strikes-file.ts';

export interface OwnRedisSettings {
  readonly name: string;
  /** `redis-server`, or the like. */
  readonly command: string;
  readonly directory: string;
  readonly logFile: string;
  readonly args?: readonly string[];
}

const UP_WITHIN_MS = 60_000;

/** A Redis of the test's own: without persistence, so that a kill loses everything. */
export class OwnRedis {
  readonly address: Address;
  readonly process: OwnProcess;
  private readonly settings: OwnRedisSettings;
  private known: Redis | undefined;

  private constructor(settings: OwnRedisSettings, port: number) {
    this.settings = settings;
    this.address = { host: '127.0.0.1', port };
    const directory = join(settings.directory, settings.name);
    mkdirSync(directory, { recursive: true });
    this.process = new OwnProcess({
      name: settings.name,
      command: settings.command,
      args: [
        ...['--port', String(port), '--bind', '127.0.0.1', '--dir', directory],
        ...['--save', '', '--appendonly', 'no', '--maxmemory-policy', 'noeviction'],
        // A replica gets what it asks for at once; the default waits five seconds for others to ask as well.
        ...['--repl-diskless-sync-delay', '0'],
        ...(settings.args ?? []),
      ],
      env: process.env,
      logFile: settings.logFile,
    });
  }

  static async start(settings: OwnRedisSettings): Promise<OwnRedis> {
    const redis = new OwnRedis(settings, await freePort());
    try {
      await redis.start();
    } catch (error) {
      await redis.close();
      throw error;
    }
    return redis;
  }

  get url(): string {
    return `redis://${this.address.host}:${this.address.port}`;
  }

  /** Of the test itself, past every proxy. */
  get client(): Redis {
    this.known ??= this.connect();
    return this.known;
  }

  /** Everything that it held is gone. */
  async killAndStartEmpty(): Promise<void> {
    noteStrike('redis killed');
    await this.process.kill();
    await this.start();
  }

  /** FLUSHALL: the server goes on, and knows nothing. */
  async flush(): Promise<void> {
    noteStrike('redis flushed');
    await this.client.flushall();
  }

  /** Another one that follows this one, up to date when it is returned. */
  async replica(name = `${this.settings.name}-replica`): Promise<OwnRedis> {
    const replica = await OwnRedis.start({
      ...this.settings,
      name,
      logFile: this.settings.logFile.replace(/\.log$/, '-replica.log'),
    });
    await replica.client.replicaof(this.address.host, this.address.port);
    await eventually(async () => /master_link_status:up/.test(await replica.client.info('replication')), {
      withinMs: UP_WITHIN_MS,
    });
    return replica;
  }

  /** From now on it hears nothing of its primary: what it knows grows old, until somebody promotes it. */
  async cutOff(): Promise<void> {
    noteStrike('redis replica cut off');
    await this.client.replicaof('NO', 'ONE');
  }

  async close(): Promise<void> {
    this.known?.disconnect();
    await this.process.kill();
  }

  private async start(): Promise<void> {
    this.process.start();
    await eventually(async () => (await this.client.ping()) === 'PONG', {
      withinMs: UP_WITHIN_MS,
      everyMs: 20,
    });
  }

  private connect(): Redis {
    const client = new Redis({
      ...this.address,
      maxRetriesPerRequest: 0,
      retryStrategy: () => 50,
      commandTimeout: 5_000,
    });
    client.on('error', () => undefined);
    return client;
  }
}
