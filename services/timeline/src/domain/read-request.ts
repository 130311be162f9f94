import type { Issue } from '@trackline/contracts';
import { err, ok, type Result } from '@trackline/kernel';
import { parseMoment } from './asked-time.ts';
import { decodeCursor, placeBefore, type Place } from './page-cursor.ts';
import { keepsFrom } from './retention.ts';

/** What a list asks for, checked: a stretch of time, a place to go on from, a size, filters. */
export interface ReadRequest {
  readonly fromMs: number;
  /** Exclusive. */
  readonly toMs: number;
  readonly place: Place;
  readonly limit: number;
  readonly name?: string | undefined;
  readonly source?: string | undefined;
}

interface AskedRead {
  readonly from?: string;
  readonly to?: string;
  readonly cursor?: string;
  readonly name?: string;
  readonly source?: string;
}

/** An event may have occurred 5 minutes ahead of its receipt, by a clock that is ahead of ours. */
const AHEAD_MS = 3_600_000;

/** All that may be read at this moment: nothing outside it is on a timeline. */
export const readableTime = (nowMs: number): { readonly fromMs: number; readonly toMs: number } => ({
  fromMs: keepsFrom('event', nowMs),
  toMs: nowMs + AHEAD_MS,
});

/** The request, or everything that is wrong with it. `limit` is within its bounds already. */
export function toReadRequest(
  asked: AskedRead,
  limit: number,
  nowMs: number,
): Result<ReadRequest, readonly Issue[]> {
  const issues: Issue[] = [];
  const readable = readableTime(nowMs);
  const moment = (field: 'from' | 'to', absent: number): number => {
    const text = asked[field];
    const ms = text === undefined ? absent : parseMoment(text);
    if (ms === undefined) {
      issues.push({
        path: `/${field}`,
        message: `"${text}" is no moment: write 2026-11-20 or 2026-11-20T10:00:00Z.`,
      });
    }
    return ms ?? absent;
  };
  const fromMs = Math.max(readable.fromMs, moment('from', readable.fromMs));
  const toMs = Math.min(readable.toMs, moment('to', readable.toMs));
  const place = asked.cursor === undefined ? placeBefore(toMs) : decodeCursor(asked.cursor);
  if (place === undefined) {
    issues.push({
      path: '/cursor',
      message: 'The cursor is not one of ours: give "nextCursor" of the page before, unchanged.',
    });
  }
  return place === undefined || issues.length > 0
    ? err(issues)
    : ok({ fromMs, toMs, place, limit, name: asked.name, source: asked.source });
}
