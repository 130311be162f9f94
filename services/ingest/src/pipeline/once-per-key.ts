import type { Outcome } from '@trackline/contracts';
import type { Clock } from '@trackline/kernel';
import { isRemembered, keyOfAnotherRequest, replayOf } from '../domain/idempotency.ts';
import { nothingRecorded } from '../domain/unavailable.ts';
import type { Decision } from '../domain/decision.ts';
import type { AnswerMemory, KeyedRequest } from '../ports.ts';

export interface OncePerKeyParts {
  readonly memory: AnswerMemory;
  readonly clock: Clock;
  readonly newToken: () => string;
  readonly pause: (ms: number) => Promise<unknown>;
  /** Longer than any request takes: after that a try counts as dead, and the next one takes over. */
  readonly leaseMs: number;
}

/** `onLate` is to hear the outcomes that the answer did not wait for. */
export type Work = (onLate: (outcome: Outcome) => void) => Promise<Decision>;

export type OncePerKey = (request: KeyedRequest, work: Work) => Promise<Decision>;

const FIRST_PAUSE_MS = 10;
const MAX_PAUSE_MS = 100;

/**
 * Carries out the first request of a key and tells every other its answer: claim → work → keep. Who comes while the
 * first is in flight waits for it. When the memory is away the work is done all the same: the events are named by the
 * key, so a retry still has no second effect, and gets its answer from what the first one did.
 */
export function oncePerKey({ memory, clock, newToken, pause, leaseMs }: OncePerKeyParts): OncePerKey {
  return async function once(request, work) {
    const token = newToken();
    const givenUpAtMs = clock.now() + 2 * leaseMs;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(MAX_PAUSE_MS, pauseMs * 2)) {
      const claim = await memory.claim(request, token, leaseMs);
      switch (claim.state) {
        case 'first':
          return carryOut(request, token, work);
        case 'unknown':
          return work(() => undefined);
        case 'answered':
          return replayOf(claim.decision);
        case 'other_request':
          return keyOfAnotherRequest();
        case 'in_flight':
          if (clock.now() >= givenUpAtMs) {
            throw nothingRecorded('Another request with this Idempotency-Key is still being carried out.');
          }
          await pause(pauseMs);
      }
    }
  };

  async function carryOut(request: KeyedRequest, token: string, work: Work): Promise<Decision> {
    let decision: Decision;
    let isKept = false;
    let isRefusedLate = false;
    const onLate = ({ verdict }: Outcome): void => {
      // Answered 202, and refused by the cap after that: such an event claims no key.
      if (verdict !== 'over_limit') return;
      isRefusedLate = true;
      if (isKept) void memory.forget(request);
    };
    try {
      decision = await work(onLate);
    } catch (error) {
      await memory.release(request, token);
      throw error;
    }
    isKept = isRemembered(decision) && !isRefusedLate;
    await (isKept ? memory.keep(request, decision) : memory.release(request, token));
    return decision;
  }
}
