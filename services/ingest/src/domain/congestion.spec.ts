import { describe, expect, it } from '@jest/globals';
import { Congestion } from './congestion.ts';

const DEADLINE_MS = 2_000;

/** Verdicts of some seconds, evenly, each so old when it came. */
function judged(
  congestion: Congestion,
  fromMs: number,
  seconds: number,
  perSecond: number,
  ageMs: number,
): number {
  const everyMs = 1_000 / perSecond;
  const untilMs = fromMs + seconds * 1_000;
  for (let nowMs = fromMs; nowMs < untilMs; nowMs += everyMs) congestion.judgedAfter(ageMs, nowMs);
  return untilMs;
}

describe('congestion', () => {
  it('turns nobody away before anything was seen to queue', () => {
    const congestion = new Congestion(DEADLINE_MS);
    expect(congestion.hasRoom(1_000, 40_000, 0)).toBe(true);
    const nowMs = judged(congestion, 0, 5, 5_000, 100);
    expect(congestion.hasRoom(1_000, 40_000, nowMs)).toBe(true);
  });

  it('lets in as many as are judged in half the deadline, once they queue', () => {
    const congestion = new Congestion(DEADLINE_MS);
    const nowMs = judged(congestion, 0, 5, 5_000, 900);
    expect(congestion.hasRoom(1_000, 3_900, nowMs)).toBe(true);
    expect(congestion.hasRoom(1_000, 4_200, nowMs)).toBe(false);
  });

  it('lets a thousand events in however slow it is, and one request when nothing is on its way', () => {
    const congestion = new Congestion(DEADLINE_MS);
    const nowMs = judged(congestion, 0, 5, 50, 1_900);
    expect(congestion.hasRoom(1, 999, nowMs)).toBe(true);
    expect(congestion.hasRoom(2, 999, nowMs)).toBe(false);
    expect(congestion.hasRoom(5_000, 0, nowMs)).toBe(true);
  });

  it('lets in more and more when nothing queues any more, and forgets after ten seconds', () => {
    const congestion = new Congestion(DEADLINE_MS);
    const queuedMs = judged(congestion, 0, 5, 5_000, 900);
    expect(congestion.hasRoom(1, 6_000, queuedMs)).toBe(false);
    const easedMs = judged(congestion, queuedMs, 3, 2_000, 50);
    expect(congestion.hasRoom(1, 6_000, easedMs)).toBe(true);
    expect(congestion.hasRoom(1, 30_000, easedMs)).toBe(false);
    expect(congestion.hasRoom(1, 30_000, easedMs + 10_001)).toBe(true);
  });

  it('measures nothing in a silence: verdicts that come after it say nothing of a rate', () => {
    const congestion = new Congestion(DEADLINE_MS);
    congestion.judgedAfter(1_900, 60_000);
    congestion.judgedAfter(1_900, 70_000);
    expect(congestion.hasRoom(1, 30_000, 70_000)).toBe(true);
  });
});
