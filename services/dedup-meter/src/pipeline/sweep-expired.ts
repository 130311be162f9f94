import type { Clock } from '@trackline/kernel';
import type { Expiring, ExpiryBook, Log } from '../ports.ts';

export interface SweepTools {
  readonly book: ExpiryBook;
  readonly clock: Clock;
  readonly log: Log;
  readonly hotWindowMs: number;
  readonly pause: (ms: number) => Promise<unknown>;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Uniqueness holds for 24 months; the ledger itself replaces one that is older when it is used again. */
const UNIQUE_MONTHS = 24;
/** As long as the dead letter topics keep theirs. */
const DEAD_LETTERS_KEPT_MS = 30 * DAY_MS;

const BLOCKS_PER_CHUNK = 64;
const PAUSE_MS = 20;

/** Removes what has expired, when it is this process's turn. Rows stay a little longer than they must: nobody minds one that is still known. */
export function sweepExpired({ book, clock, log, hotWindowMs, pause }: SweepTools) {
  const plan: readonly { swept: Expiring; everyMs: number; before: (nowMs: number) => Date }[] = [
    { swept: 'event_identity', everyMs: hotWindowMs / 8, before: (nowMs) => new Date(nowMs - hotWindowMs) },
    { swept: 'unique_identity', everyMs: 7 * DAY_MS, before: monthsBefore },
    { swept: 'dead_letter', everyMs: DAY_MS, before: (nowMs) => new Date(nowMs - DEAD_LETTERS_KEPT_MS) },
  ];
  return async function sweep(signal: AbortSignal): Promise<void> {
    for (const { swept, everyMs, before } of plan) {
      if (signal.aborted || !(await book.takeTurn(swept, everyMs))) continue;
      const limit = before(clock.now());
      let removed = 0;
      for (const { part, blocks } of await book.parts(swept)) {
        for (let from = 0; from < blocks && !signal.aborted; from += BLOCKS_PER_CHUNK) {
          removed += await book.remove(swept, part, from, from + BLOCKS_PER_CHUNK, limit);
          await pause(PAUSE_MS);
        }
      }
      log.info({ swept, removed, before: limit }, 'what has expired was removed');
    }
  };
}

function monthsBefore(nowMs: number): Date {
  const date = new Date(nowMs);
  date.setUTCMonth(date.getUTCMonth() - UNIQUE_MONTHS);
  return date;
}
