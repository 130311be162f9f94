import { setTimeout as sleep } from 'node:timers/promises';
import { Cluster, Redis } from 'ioredis';
import type { Log } from '../../ports.ts';

export type RedisCommand = readonly [name: string, ...args: (string | number)[]];

/** Redis as the judge needs it, on one server or a cluster. */
export interface RedisClient {
  /** Replies in order; one that is an error stands in its place. Rejects when Redis cannot be reached: some may have been carried out. */
  sendAll(commands: readonly RedisCommand[]): Promise<unknown[]>;
  isReady(): boolean;
  /** `INFO memory` of each server that holds keys. */
  memoryReports(): Promise<string[]>;
  close(): Promise<void>;
}

export interface RedisSettings {
  /** `redis://…`; of a cluster one node or several, with commas. */
  readonly url: string;
  readonly isCluster?: boolean;
  readonly commandTimeoutMs?: number;
  readonly startTimeoutMs?: number;
  readonly log: Log;
}

const COMMAND_TIMEOUT_MS = 2_000;
const CONNECT_TIMEOUT_MS = 2_000;
const START_TIMEOUT_MS = 20_000;

/**
 * Nothing is sent twice behind our back and nothing waits in a queue while Redis is away: a command whose reply was lost may have
 * been carried out, and only the caller knows under which token it may ask again.
 */
const OPTIONS = {
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  enableOfflineQueue: false,
  connectTimeout: CONNECT_TIMEOUT_MS,
  keepAlive: 10_000,
  // A server that became a replica: find the new primary.
  reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
  retryStrategy: (times: number) => Math.min(50 * times, 1_000),
} as const;

/** Waits for the first connection (`startTimeoutMs`); afterwards lost ones are opened again for ever. */
export async function connectRedis({
  url,
  isCluster = false,
  commandTimeoutMs = COMMAND_TIMEOUT_MS,
  startTimeoutMs = START_TIMEOUT_MS,
  log,
}: RedisSettings): Promise<RedisClient> {
  const urls = url.split(',').map((one) => one.trim());
  const options = { ...OPTIONS, commandTimeout: commandTimeoutMs };
  const client =
    urls.length === 1 && !isCluster
      ? new Redis(urls[0]!, { ...options, lazyConnect: true })
      : new Cluster(urls, {
          redisOptions: options,
          enableOfflineQueue: false,
          lazyConnect: true,
          clusterRetryStrategy: (times) => Math.min(50 * times, 1_000),
        });
  client.on('error', (error: Error) => log.warn({ err: error }, 'Redis connection failed'));
  await firstConnection(client, startTimeoutMs);
  return client instanceof Redis ? single(client) : cluster(client);
}

/** The first try may fail, and another is under way then: what counts is whether one succeeds in time. */
async function firstConnection(client: Redis | Cluster, withinMs: number): Promise<void> {
  let lastError: unknown;
  const ready = new Promise<true>((resolve) => client.once('ready', () => resolve(true)));
  const tooLate = new AbortController();
  client.connect().catch((error: unknown) => (lastError = error));
  const connected = await Promise.race([
    ready,
    sleep(withinMs, false, { signal: tooLate.signal }).catch(() => false),
  ]);
  tooLate.abort();
  if (connected) return;
  client.disconnect();
  throw new Error(`Redis could not be reached within ${withinMs} ms.`, { cause: lastError });
}

const single = (client: Redis): RedisClient => ({
  sendAll: together(async (commands) => {
    const pipeline = client.pipeline();
    for (const [name, ...args] of commands) pipeline.call(name, ...args);
    const results = (await pipeline.exec()) ?? [];
    return results.map(([error, reply]) => error ?? reply);
  }),
  isReady: () => client.status === 'ready',
  memoryReports: async () => [await client.info('memory')],
  close: () => quit(client),
});

interface Caller {
  readonly commands: readonly RedisCommand[];
  resolve(replies: unknown[]): void;
  reject(error: unknown): void;
}

/** Those who send in the same turn of the event loop share a pipeline: one write and one read, for all partitions that began together. */
export function together(send: RedisClient['sendAll']): RedisClient['sendAll'] {
  let callers: Caller[] = [];
  const flush = async (): Promise<void> => {
    const sent = callers;
    callers = [];
    try {
      const replies = await send(sent.flatMap(({ commands }) => commands));
      let at = 0;
      for (const { commands, resolve } of sent) resolve(replies.slice(at, (at += commands.length)));
    } catch (error) {
      for (const { reject } of sent) reject(error);
    }
  };
  return (commands) =>
    new Promise((resolve, reject) => {
      if (callers.length === 0) setImmediate(() => void flush());
      callers.push({ commands, resolve, reject });
    });
}

/** A pipeline of a cluster takes keys of one node only: commands go one by one, each to the node of its first key. */
const cluster = (client: Cluster): RedisClient => ({
  sendAll: (commands) =>
    Promise.all(
      commands.map(([name, ...args]) => client.call(name, ...args).catch((error: unknown) => error)),
    ),
  isReady: () => client.status === 'ready',
  memoryReports: () => Promise.all(client.nodes('master').map((node) => node.info('memory'))),
  close: () => quit(client),
});

async function quit(client: Redis | Cluster): Promise<void> {
  if (client.status === 'ready') await client.quit().catch(() => undefined);
  client.disconnect();
}

/** Throws unless every server keeps all that it is given: one that evicts would forget counts without a sign. */
export async function refuseEviction(client: RedisClient): Promise<void> {
  for (const report of await client.memoryReports()) {
    const policy = /^maxmemory_policy:(\S+)/m.exec(report)?.[1];
    if (policy !== 'noeviction') {
      throw new Error(
        `Redis has the maxmemory-policy "${policy ?? 'unknown'}", with which it would drop counts when it is full. Set it to "noeviction".`,
      );
    }
  }
}
