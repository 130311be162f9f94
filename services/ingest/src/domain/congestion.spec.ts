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

/** Of one organisation that has all of them on its way. */
const alone = (count: number) => ({ all: count, ofOrganization: count, organizations: 1 });

describe('congestion', () => {
  it('turns nobody away before anything was seen to queue', () => {
    const congestion = new Congestion(DEADLINE_MS);
    expect(congestion.hasRoom(alone(40_000), 0)).toBe(true);
    const nowMs = judged(congestion, 0, 5, 5_000, 100);
    expect(congestion.hasRoom(alone(40_000), nowMs)).toBe(true);
  });

  it('lets in as many as are judged in half of the deadline, once they queue', () => {
    const congestion = new Congestion(DEADLINE_MS);
    const nowMs = judged(congestion, 0, 5, 5_000, 900);
    expect(congestion.hasRoom(alone(4_900), nowMs)).toBe(true);
    expect(congestion.hasRoom(alone(5_100), nowMs)).toBe(false);
  });

  it('lets a thousand events in however slow it is', () => {
    const congestion = new Congestion(DEADLINE_MS);
    const nowMs = judged(congestion, 0, 5, 50, 1_900);
    expect(congestion.hasRoom(alone(999), nowMs)).toBe(true);
    expect(congestion.hasRoom(alone(1_000), nowMs)).toBe(false);
  });

  it('keeps room for those who have less than an even share on their way, not without a bound', () => {
    const congestion = new Congestion(DEADLINE_MS);
    const nowMs = judged(congestion, 0, 5, 5_000, 900);
    const crowd = { all: 6_500, organizations: 10 };
    expect(congestion.hasRoom({ ...crowd, ofOrganization: 6_400 }, nowMs)).toBe(false);
    expect(congestion.hasRoom({ ...crowd, ofOrganization: 100 }, nowMs)).toBe(true);
    expect(congestion.hasRoom({ ...crowd, all: 7_500, ofOrganization: 100 }, nowMs)).toBe(false);
  });

  it('takes a few late verdicts for a pause, not for all that goes through', () => {
    const congestion = new Congestion(DEADLINE_MS);
    for (let nowMs = 0; nowMs < 5_000; nowMs += 10) congestion.judgedAfter(nowMs % 40 ? 20 : 1_500, nowMs);
    expect(congestion.hasRoom(alone(5_000), 5_000)).toBe(true);
  });

  it('lets in more and more when nothing queues any more, and forgets after ten seconds', () => {
    const congestion = new Congestion(DEADLINE_MS);
    const queuedMs = judged(congestion, 0, 5, 5_000, 900);
    expect(congestion.hasRoom(alone(6_000), queuedMs)).toBe(false);
    const easedMs = judged(congestion, queuedMs, 3, 2_000, 50);
    expect(congestion.hasRoom(alone(6_000), easedMs)).toBe(true);
    expect(congestion.hasRoom(alone(30_000), easedMs)).toBe(false);
    expect(congestion.hasRoom(alone(30_000), easedMs + 10_001)).toBe(true);
  });

  it('knows the next queue at once after an hour without one', () => {
    const congestion = new Congestion(DEADLINE_MS);
    const queuedMs = judged(congestion, 0, 5, 5_000, 900);
    const calmMs = judged(congestion, queuedMs, 3_600, 20, 50);
    const nowMs = judged(congestion, calmMs, 1.2, 5_000, 900);
    expect(congestion.hasRoom(alone(6_000), nowMs)).toBe(false);
  });

  it('measures nothing in a silence: verdicts that come after it say nothing of a rate', () => {
    const congestion = new Congestion(DEADLINE_MS);
    congestion.judgedAfter(1_900, 60_000);
    congestion.judgedAfter(1_900, 70_000);
    expect(congestion.hasRoom(alone(30_000), 70_000)).toBe(true);
  });
});
