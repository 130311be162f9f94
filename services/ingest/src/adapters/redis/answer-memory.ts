import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { eventIdentity } from '../../domain/event-identity.ts';
import { rememberedMs } from '../../domain/idempotency.ts';
import {
  packDecision,
  unpackDecision,
  type ItemId,
  type PackedDecision,
} from '../../domain/packed-decision.ts';
import type { AnswerMemory, Claim, KeyedRequest } from '../../ports.ts';
import type { Bypass } from './bypass.ts';

/** A hash per key: `f` fingerprint of the request, `t` token of the try that is in flight, `d` its decision once there is one. */
const CLAIM = `
local known = redis.call('HMGET', KEYS[1], 'f', 't', 'd')
if not known[1] then
  redis.call('HSET', KEYS[1], 'f', ARGV[1], 't', ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  return {'first'}
end
if known[1] ~= ARGV[1] then return {'other_request'} end
if known[3] then return {'answered', known[3]} end
if known[2] == ARGV[2] then return {'first'} end
return {'in_flight'}
`;

/** The first answer that is kept stays: a try whose claim has lapsed does not replace the answer of the one that took over. */
const KEEP = `
local known = redis.call('HMGET', KEYS[1], 'f', 'd')
if known[2] or (known[1] and known[1] ~= ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'f', ARGV[1], 'd', ARGV[2])
redis.call('HDEL', KEYS[1], 't')
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
`;

const RELEASE = `
if redis.call('HGET', KEYS[1], 't') == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
`;

const FORGET = `
if redis.call('HGET', KEYS[1], 'f') == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
`;

interface WithScripts extends Redis {
  claimAnswer(
    key: string,
    fingerprint: string,
    token: string,
    leaseMs: number,
  ): Promise<[Claim['state'], string?]>;
  keepAnswer(key: string, fingerprint: string, decision: string, forMs: number): Promise<0 | 1>;
  releaseAnswer(key: string, token: string): Promise<0 | 1>;
  forgetAnswer(key: string, fingerprint: string): Promise<0 | 1>;
}

/** First answers of Idempotency-Keys, shared by all instances. */
export function redisAnswerMemory(redis: Redis, bypass: Bypass, keyPrefix: string): AnswerMemory {
  redis.defineCommand('claimAnswer', { numberOfKeys: 1, lua: CLAIM });
  redis.defineCommand('keepAnswer', { numberOfKeys: 1, lua: KEEP });
  redis.defineCommand('releaseAnswer', { numberOfKeys: 1, lua: RELEASE });
  redis.defineCommand('forgetAnswer', { numberOfKeys: 1, lua: FORGET });
  const scripted = redis as WithScripts;
  const keyOf = ({ organizationId, key }: KeyedRequest): string =>
    `${keyPrefix}tl:ingest:answer:${organizationId}:${createHash('sha256').update(key).digest('base64url')}`;
  return {
    async claim(request, token, leaseMs) {
      const claimed = await bypass.attempt('idempotency_claim', () =>
        scripted.claimAnswer(keyOf(request), request.fingerprint, token, leaseMs),
      );
      if (!claimed) return { state: 'unknown' };
      const [state, decision] = claimed;
      if (state !== 'answered') return { state } as Claim;
      return { state, decision: unpackDecision(JSON.parse(decision!) as PackedDecision, itemIdOf(request)) };
    },
    async keep(request, decision) {
      const packed = JSON.stringify(packDecision(decision, itemIdOf(request)));
      await bypass.attempt('idempotency_keep', () =>
        scripted.keepAnswer(keyOf(request), request.fingerprint, packed, rememberedMs(decision)),
      );
    },
    async release(request, token) {
      await bypass.attempt('idempotency_release', () => scripted.releaseAnswer(keyOf(request), token));
    },
    async forget(request) {
      await bypass.attempt('idempotency_forget', () =>
        scripted.forgetAnswer(keyOf(request), request.fingerprint),
      );
    },
  };
}

const itemIdOf =
  ({ organizationId, key }: KeyedRequest): ItemId =>
  (index) =>
    eventIdentity(organizationId, key, () => '', index).eventId;
