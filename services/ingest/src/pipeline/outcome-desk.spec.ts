import { describe, expect, it, jest } from '@jest/globals';
import type { Outcome } from '@trackline/contracts';
import { Problem } from '@trackline/contracts';
import { OutcomeDesk } from './outcome-desk.ts';

const clock = { now: () => 1_000 };
const desk = (limits = {}) =>
  new OutcomeDesk({ partition: 5, nonce: 'n', clock, deadlineMs: 2_000, ...limits });
const correlationOf = (replyTo: string): string => replyTo.slice(replyTo.indexOf('/') + 1);
const outcome = (replyTo: string, fields: Partial<Outcome> = {}): Outcome => ({
  correlation: correlationOf(replyTo),
  eventId: 'e',
  verdict: 'admitted',
  workflowsTriggered: 0,
  executionsResumed: 0,
  monthUsed: 1,
  ...fields,
});

/** Of 6,000 events half were judged, a thousand a second: 3,000 are on their way. */
function crowdedDesk() {
  const time = { nowMs: 0 };
  const crowded = desk({ clock: { now: () => time.nowMs } });
  const expectation = crowded.expect('o', 6_000);
  for (const replyTo of expectation.replyTos.slice(0, 3_000)) {
    crowded.deliver([outcome(replyTo)]);
    time.nowMs += 1;
  }
  return { crowded, time, expectation };
}

describe('the outcome desk', () => {
  it('names the partition it listens at, and a correlation of its own per event', () => {
    const replyTos = desk().expect('o', 2).replyTos;
    expect(replyTos).toEqual(['5/n.0', '5/n.1']);
  });

  it('gives outcomes in the order of the events, however they come', async () => {
    const waited = desk();
    const expectation = waited.expect('o', 2);
    const settled = expectation.settled(60_000);
    waited.deliver([outcome(expectation.replyTos[1]!, { eventId: 'second' })]);
    waited.deliver([outcome(expectation.replyTos[0]!, { eventId: 'first' })]);
    expect((await settled).map((one) => one?.eventId)).toEqual(['first', 'second']);
    expect(waited.size).toBe(0);
  });

  it('gives at once what had come before anybody waited', async () => {
    const waited = desk();
    const expectation = waited.expect('o', 1);
    waited.deliver([outcome(expectation.replyTos[0]!)]);
    expect(await expectation.settled(0)).toHaveLength(1);
  });

  it('stops waiting at the deadline with what it has, and forgets the rest', async () => {
    const waited = desk();
    const expectation = waited.expect('o', 2);
    waited.deliver([outcome(expectation.replyTos[0]!)]);
    const settled = await expectation.settled(1_010);
    expect(settled.map((one) => one?.verdict)).toEqual(['admitted', undefined]);
    expect(waited.size).toBe(0);
    expect(waited.deliver([outcome(expectation.replyTos[1]!)])).toBe(0);
  });

  it('tells a late outcome to who asked for it, once, and only a late one', async () => {
    const waited = desk();
    const onLate = jest.fn();
    const expectation = waited.expect('o', 2, onLate);
    waited.deliver([outcome(expectation.replyTos[0]!)]);
    await expectation.settled(0);
    const late = outcome(expectation.replyTos[1]!, { verdict: 'over_limit' });
    waited.deliver([late, late, outcome(expectation.replyTos[0]!)]);
    expect(onLate.mock.calls).toEqual([[late]]);
  });

  it('listens for so many late ones and lets the oldest go', async () => {
    const waited = desk({ maxLate: 2 });
    const heard: string[] = [];
    const replyTos: string[] = [];
    for (const name of ['a', 'b', 'c']) {
      const expectation = waited.expect('o', 1, () => heard.push(name));
      replyTos.push(expectation.replyTos[0]!);
      await expectation.settled(0);
    }
    waited.deliver(replyTos.map((replyTo) => outcome(replyTo)));
    expect(heard).toEqual(['b', 'c']);
  });

  it('ignores outcomes of other processes, and doubles', async () => {
    const waited = desk();
    const expectation = waited.expect('o', 2);
    const double = outcome(expectation.replyTos[0]!);
    waited.deliver([outcome('5/other.0'), double, double]);
    expect((await expectation.settled(0)).map((one) => one?.verdict)).toEqual(['admitted', undefined]);
  });

  it('turns callers away when too many wait', () => {
    const waited = desk({ maxWaiting: 3 });
    const first = waited.expect('o', 2);
    expect(() => waited.expect('o', 2)).toThrow(Problem);
    first.abandon();
    expect(waited.size).toBe(0);
    expect(waited.expect('o', 3).replyTos).toHaveLength(3);
  });

  it('is crowded while more is on its way than is judged in time, also when nobody waits for that any more', async () => {
    const { crowded, time, expectation } = crowdedDesk();
    expect(crowded.isCrowdedFor('o')).toBe(true);
    await expectation.settled(time.nowMs);
    expect(crowded.size).toBe(0);
    expect(crowded.isCrowdedFor('o')).toBe(true);
    for (const replyTo of expectation.replyTos.slice(3_000, 5_500)) crowded.deliver([outcome(replyTo)]);
    expect(crowded.isCrowdedFor('o')).toBe(false);
  });

  it('no longer counts what has not come for a long time', async () => {
    const { crowded, time, expectation } = crowdedDesk();
    await expectation.settled(time.nowMs);
    time.nowMs = 9_001;
    expect(crowded.isCrowdedFor('o')).toBe(false);
  });
});
