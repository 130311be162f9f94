import type { Redis } from 'ioredis';
import type { RateState, RequestRate } from '../../domain/request-rate.ts';
import type { RateLimiter } from '../../ports.ts';
import type { Bypass } from './bypass.ts';

/**
 * A token bucket as one number (GCRA): the moment, in microseconds, at which all of the burst will be there again. A
 * request puts it one interval further; it is refused when that would be more than a burst ahead. Redis' own clock, so
 * that instances need not agree on the time; a bucket that is full again has no key.
 */
const TAKE = `
local interval = 60000000 / tonumber(ARGV[1])
local burst = interval * tonumber(ARGV[2])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local full_at = math.max(now, tonumber(redis.call('GET', KEYS[1]) or 0))
local after = full_at + interval
local short_by = after - burst - now
if short_by > 0 then
  return {0, 0, math.ceil(short_by / 1000), math.ceil((full_at - now) / 1000)}
end
redis.call('SET', KEYS[1], string.format('%.0f', after), 'PX', math.ceil((after - now) / 1000))
return {1, math.floor(-short_by / interval + 0.000001), 0, math.ceil((after - now) / 1000)}
`;

type Taken = [allowed: 0 | 1, remaining: number, retryAfterMs: number, fullAfterMs: number];

interface WithTake extends Redis {
  takeRequest(key: string, perMinute: number, burst: number): Promise<Taken>;
}

/** One bucket per organisation, shared by all instances. */
export function redisRateLimiter(redis: Redis, bypass: Bypass, keyPrefix: string): RateLimiter {
  redis.defineCommand('takeRequest', { numberOfKeys: 1, lua: TAKE });
  const scripted = redis as WithTake;
  return {
    async take(organizationId: string, rate: RequestRate): Promise<RateState | undefined> {
      const key = `${keyPrefix}tl:ingest:rate:${organizationId}`;
      const taken = await bypass.attempt('request_rate', () =>
        scripted.takeRequest(key, rate.requestsPerMinute, rate.burst),
      );
      if (!taken) return undefined;
      const [allowed, remaining, retryAfterMs, fullAfterMs] = taken;
      return { allowed: allowed === 1, remaining, retryAfterMs, fullAfterMs };
    },
  };
}
