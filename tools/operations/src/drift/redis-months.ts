import { Cluster, Redis } from 'ioredis';
import { reach } from '../mistake.ts';
import type { Look } from './compare.ts';

const CHUNK = 200;
const COMMAND_TIMEOUT_MS = 10_000;

/** A month's hash as dedup-meter keeps it (services/dedup-meter, adapters/redis/judge.script.ts), read whole, with the server's id. */
const READ = `
local replid = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
return {replid, redis.call('HGETALL', KEYS[1])}
`;

export interface RedisMonths {
  /** By organisation; missing is what Redis does not hold, or holds from an epoch or a server that is no more. */
  read(
    organizationIds: readonly string[],
    month: string,
    epoch: number,
  ): Promise<Map<string, NonNullable<Look['redis']>>>;
  close(): void;
}

/** Several addresses with commas between them are nodes of a cluster, as for dedup-meter. */
export async function openRedisMonths(redisUrl: string): Promise<RedisMonths> {
  const urls = redisUrl.split(',').map((url) => url.trim());
  const options = { commandTimeout: COMMAND_TIMEOUT_MS, connectTimeout: 3_000, maxRetriesPerRequest: 1 };
  const client =
    urls.length === 1
      ? new Redis(urls[0]!, { ...options, lazyConnect: true, retryStrategy: () => null })
      : new Cluster(urls, { redisOptions: options, lazyConnect: true, clusterRetryStrategy: () => null });
  let lastError: Error | undefined;
  client.on('error', (error: Error) => (lastError = error));
  await reach('Redis could not be reached', () =>
    client.connect().catch((error: unknown) => Promise.reject(lastError ?? (error as Error))),
  );
  return {
    async read(organizationIds, month, epoch) {
      const found = new Map<string, NonNullable<Look['redis']>>();
      for (let from = 0; from < organizationIds.length; from += CHUNK) {
        const ids = organizationIds.slice(from, from + CHUNK);
        const replies = await Promise.all(
          ids.map((id) => client.eval(READ, 1, `tl:{${id}}:m:${month}`) as Promise<[string, string[]]>),
        );
        for (const [at, [serverId, fields]] of replies.entries()) {
          const counted = toCount(fields, serverId, epoch);
          if (counted) found.set(ids[at]!, counted);
        }
      }
      return found;
    },
    close: () => client.disconnect(),
  };
}

/** `undefined`: not there, or void. */
export function toCount(
  fields: readonly string[],
  serverId: string,
  epoch: number,
): NonNullable<Look['redis']> | undefined {
  const hash = new Map<string, string>();
  for (let at = 0; at < fields.length; at += 2) hash.set(fields[at]!, fields[at + 1]!);
  if (Number(hash.get('epoch')) !== epoch || hash.get('replid') !== serverId) return undefined;
  let shares = 0;
  for (const [name, value] of hash) if (name.startsWith('s:')) shares += Number(value);
  return { total: Number(hash.get('total')), shares };
}
