import { createHash } from 'node:crypto';
import {
  Unavailable,
  type Answer,
  type Judge,
  type KnownIdentities,
  type Question,
  type SeededMonth,
  type Token,
} from '../../ports.ts';
import { eventKey, monthKey, uniqueKey } from './keys.ts';
import { JUDGE, REMEMBER, SEED } from './judge.script.ts';
import { fromReply, toEventValue, toUniqueValue } from './judge-reply.ts';
import type { RedisClient } from './redis-client.ts';

export interface RedisJudgeSettings {
  /** How long an identity that a client may send again is kept. */
  readonly hotWindowMs: number;
}

/**
 * An id made at our door comes again only when a producer's request was written twice, within moments. Redis need not keep it for
 * longer; the ledger does, and has the last word.
 */
const DOOR_ID_WINDOW_MS = 10 * 60_000;

/** An event received before an identity expired may be judged after that: the judge must still hear of it. */
const MIN_KEPT_SECONDS = 60;

/** Past the month's end, the retention of the source topics and any outage: a missing hash must mean a lost one. */
const MONTH_KEPT_SECONDS = 75 * 86_400;

/** Bounds what one script call keeps other organisations waiting for. */
const MAX_KEYS_PER_CALL = 1_000;

interface Script {
  readonly text: string;
  readonly sha: string;
}

const script = (text: string): Script => ({ text, sha: createHash('sha1').update(text).digest('hex') });
const judgeScript = script(JUDGE);
const seedScript = script(SEED);
const rememberScript = script(REMEMBER);

interface Call {
  readonly script: Script;
  readonly keys: readonly string[];
  readonly args: readonly (string | number)[];
}

/** The judge in Redis: all keys of an organisation share a hash tag, so that one script call sees them on a cluster too. */
export class RedisJudge implements Judge {
  private readonly client: RedisClient;
  private readonly hotWindowSeconds: number;

  constructor(client: RedisClient, { hotWindowMs }: RedisJudgeSettings) {
    this.client = client;
    this.hotWindowSeconds = Math.ceil(hotWindowMs / 1_000);
  }

  async judge(questions: readonly Question[], token: Token): Promise<Answer[]> {
    const replies = await this.run(questions.map((question) => toJudgeCall(question, token)));
    return replies.map((reply, at) => fromReply(questions[at]!, reply as (string | number)[]));
  }

  async remember({ events, uniques }: KnownIdentities): Promise<void> {
    const byOrganization = new Map<string, { keys: string[]; args: (string | number)[] }[]>();
    const add = (organizationId: string, key: string, value: string, seconds: number): void => {
      let calls = byOrganization.get(organizationId);
      if (!calls) byOrganization.set(organizationId, (calls = []));
      let call = calls.at(-1);
      if (!call || call.keys.length === MAX_KEYS_PER_CALL) calls.push((call = { keys: [], args: [] }));
      call.keys.push(key);
      call.args.push(value, seconds);
    };
    for (const known of events) {
      const seconds = isDoorMade(known.eventId) ? DOOR_ID_WINDOW_MS / 1_000 : this.hotWindowSeconds;
      add(known.organizationId, eventKey(known.organizationId, known.eventId), toEventValue(known), seconds);
    }
    const nowMs = Date.now();
    for (const { organizationId, identity, eventId, expiresAtMs } of uniques) {
      const secondsLeft = Math.max(MIN_KEPT_SECONDS, Math.floor((expiresAtMs - nowMs) / 1_000));
      const seconds = Math.min(this.hotWindowSeconds, secondsLeft);
      add(organizationId, uniqueKey(organizationId, identity), toUniqueValue(eventId), seconds);
    }
    await this.run([...byOrganization.values()].flat().map((call) => ({ script: rememberScript, ...call })));
  }

  async seed(months: readonly SeededMonth[], epoch: number): Promise<void> {
    await this.run(
      months.map(({ organizationId, month, used }) => ({
        script: seedScript,
        keys: [monthKey(organizationId, month)],
        args: [epoch, MONTH_KEPT_SECONDS, ...[...used].flat()],
      })),
    );
  }

  private async run(calls: readonly Call[]): Promise<unknown[]> {
    if (calls.length === 0) return [];
    try {
      return await this.send(calls);
    } catch (error) {
      // Whatever Redis says: it is never an event's fault.
      throw new Unavailable(`Redis: ${(error as Error).message}`, { cause: error });
    }
  }

  /** All of them in one round trip. Nothing is sent again by the client; a script that Redis does not have was not run. */
  private async send(calls: readonly Call[]): Promise<unknown[]> {
    const results = await this.client.sendAll(
      calls.map(({ script: { sha }, keys, args }) => ['evalsha', sha, keys.length, ...keys, ...args]),
    );
    const missing = calls.filter((_, at) => isMissingScript(results[at]));
    if (missing.length > 0) {
      const again = await this.client.sendAll(
        missing.map(({ script: { text }, keys, args }) => ['eval', text, keys.length, ...keys, ...args]),
      );
      for (let at = 0, next = 0; at < calls.length; at++) {
        if (isMissingScript(results[at])) results[at] = again[next++]!;
      }
    }
    return results.map((result) => {
      if (result instanceof Error) throw result;
      return result;
    });
  }
}

const isMissingScript = (result: unknown): boolean =>
  result instanceof Error && result.message.startsWith('NOSCRIPT');

/** Version 7: made at the door. A client-named id is a hash, of version 8. */
const isDoorMade = (eventId: string): boolean => eventId[14] === '7';

function toJudgeCall(question: Question, { epoch, sourceId, term, attempt }: Token): Call {
  const { organizationId, month, candidates, hardCap, planVersion, committedShare } = question;
  const keys = [monthKey(organizationId, month)];
  const uniques: string[] = [];
  let flags = '';
  for (const { event, unique } of candidates) {
    keys.push(eventKey(organizationId, event.eventId));
    if (unique === undefined) flags += '-';
    else {
      flags += 'u';
      uniques.push(uniqueKey(organizationId, unique));
    }
  }
  return {
    script: judgeScript,
    keys: keys.concat(uniques),
    args: [epoch, sourceId, term, attempt, committedShare, hardCap ?? '', planVersion, flags],
  };
}
