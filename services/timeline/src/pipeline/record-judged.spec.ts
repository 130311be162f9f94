import { describe, expect, it } from '@jest/globals';
import type { JudgedEvent, RawMessage } from '@trackline/contracts';
import type { Commit } from '../ports.ts';
import { KnownPositions } from './known-positions.ts';
import { recordJudged } from './record-judged.ts';

const nowMs = Date.parse('2026-11-20T10:00:00Z');

const event = (offset: number, more: Partial<JudgedEvent> = {}): JudgedEvent => ({
  eventId: `event-${offset}`,
  organizationId: 'org',
  contactId: 'contact',
  name: 'n',
  source: 's',
  backfill: false,
  properties: '{}',
  occurredAtMs: nowMs,
  receivedAtMs: nowMs,
  position: { source: 'a', offset },
  ...more,
});

/** Messages that carry their event as an object: what decoding does is the contract's own test. */
const message = (decoded: JudgedEvent | Error, offset: number): RawMessage =>
  ({ offset, decoded, headers: {} }) as unknown as RawMessage;

function rig(commits: Commit[], held: [string, number][] = []) {
  const written: string[][] = [];
  const moved: number[] = [];
  let loads = 0;
  const flow = recordJudged<JudgedEvent>({
    decode(raw) {
      const { decoded } = raw as unknown as { decoded: JudgedEvent | Error };
      if (decoded instanceof Error) throw decoded;
      return decoded;
    },
    hasEffect: (one) => !one.backfill,
    positions: new KnownPositions({
      load: async () => {
        loads += 1;
        return new Map(held);
      },
    }),
    writer: {
      commit: async (_owner, moves, events) => {
        moved.push(...moves.map(({ next }) => next));
        written.push(events.map((one) => one.eventId));
        return commits.shift() ?? { kind: 'committed', written: events.length };
      },
    },
    clock: { now: () => nowMs },
  });
  const redrive = (one: JudgedEvent) =>
    flow({
      topic: 't',
      partition: 0,
      assignment: 1,
      messages: [{ ...message(one, 900), headers: { 'redrive-group': Buffer.from('timeline') } }],
    });
  const run = (events: (JudgedEvent | Error)[], assignment = 1) =>
    flow({
      topic: 't',
      partition: 0,
      assignment,
      messages: events.map((one, i) => message(one, 100 + i)),
    });
  return { run, redrive, written, moved, loads: () => loads };
}

describe('recording judged events', () => {
  it('writes what is beyond the position, and knows the new position without asking again', async () => {
    const { run, written, loads } = rig([], [['a', 4]]);
    expect(await run([event(4), event(5), event(6)])).toEqual({ written: 2, passedOver: 1 });
    expect(await run([event(6), event(7)])).toEqual({ written: 1, passedOver: 1 });
    expect(written).toEqual([['event-5', 'event-6'], ['event-7']]);
    expect(loads()).toBe(1);
  });

  it('reads the position anew with each assignment', async () => {
    const { run, loads } = rig([]);
    await run([event(1)], 1);
    await run([event(2)], 2);
    expect(loads()).toBe(2);
  });

  it('moves the position for what has no effect', async () => {
    const { run, written } = rig([]);
    expect(await run([event(1, { backfill: true })])).toEqual({ written: 0, passedOver: 1 });
    expect(written).toEqual([[]]);
    expect(await run([event(1, { backfill: true })])).toEqual({ written: 0, passedOver: 1 });
    expect(written).toHaveLength(1);
  });

  it('looks again where the positions are when another owner was there, and does not try for ever', async () => {
    const { run, loads } = rig([{ kind: 'overtaken' }]);
    expect(await run([event(1)])).toEqual({ written: 1, passedOver: 0 });
    expect(loads()).toBe(2);
    const always = rig(Array.from({ length: 9 }, (): Commit => ({ kind: 'overtaken' })));
    await expect(always.run([event(1)])).rejects.toThrow(/two processes hold this partition/);
  });

  it('puts down what came back from the dead letters, wherever the position is, and leaves that where it is', async () => {
    const { run, redrive, written, moved } = rig([], [['a', 4]]);
    expect(await redrive(event(2))).toEqual({ written: 1, passedOver: 0 });
    expect(await redrive(event(9))).toEqual({ written: 1, passedOver: 0 });
    expect(await run([event(5)])).toEqual({ written: 1, passedOver: 0 });
    expect(written).toEqual([['event-2'], ['event-9'], ['event-5']]);
    expect(moved).toEqual([5]);
  });

  it('names the message that cannot be put down by its offset', async () => {
    const { run } = rig([{ kind: 'unstorable', index: 1, detail: 'no' }], [['a', 1]]);
    expect(await run([event(1), event(2), event(3, { backfill: true }), event(4)])).toEqual({
      offset: 103,
      reason: 'not_storable',
      detail: 'no',
    });
    expect(await rig([]).run([event(1), new Error('no header')])).toEqual({
      offset: 101,
      reason: 'undecodable',
      detail: 'no header',
    });
    expect(await rig([]).run([event(1, { occurredAtMs: Number.NaN })])).toMatchObject({
      offset: 100,
      reason: 'time_out_of_range',
    });
  });
});
