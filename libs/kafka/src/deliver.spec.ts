import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { deliver, MAX_ATTEMPTS, type DeliveryDesk } from './deliver.ts';
import { DependencyFault, PoisonMessage } from './faults.ts';
import type { IncomingMessage } from './message.ts';

const message = (offset: number): IncomingMessage => ({
  key: null,
  value: null,
  headers: {},
  timestampMs: 0,
  offset,
});
const messages = (count: number) => Array.from({ length: count }, (_, i) => message(i));

/** Records what happened; `handler` gets offsets and may throw. */
function desk(handler: (offsets: number[], call: number) => void, tellsOfPassedOver = false) {
  const seen = {
    handed: [] as number[][],
    buried: [] as [number, string][],
    told: [] as number[][],
    waits: 0,
    causes: [] as string[],
  };
  let abandonAfter = Number.POSITIVE_INFINITY;
  const it: DeliveryDesk = {
    tellsOfPassedOver,
    hand: (part, buried) => {
      const offsets = part.map(({ offset }) => offset);
      seen.handed.push(offsets);
      try {
        handler(offsets, seen.handed.length);
        seen.told.push(buried.map(({ offset }) => offset));
        return Promise.resolve();
      } catch (error) {
        return Promise.reject(error as Error);
      }
    },
    bury: ({ offset }, reason) => {
      seen.buried.push([offset, reason]);
      return Promise.resolve();
    },
    isAbandoned: () => seen.handed.length >= abandonAfter,
    wait: () => {
      seen.waits++;
      return Promise.resolve();
    },
    retried: (cause) => void seen.causes.push(cause),
  };
  return { it, seen, abandonAfter: (handed: number) => (abandonAfter = handed) };
}

describe('deliver', () => {
  it('hands a batch over once when all is well', async () => {
    const { it: world, seen } = desk(() => undefined);
    expect(await deliver(messages(3), world)).toBe(true);
    expect(seen).toEqual({ handed: [[0, 1, 2]], buried: [], told: [[]], waits: 0, causes: [] });
  });

  it('buries poison at once and hands the rest again', async () => {
    const { it: world, seen } = desk((offsets) => {
      for (const bad of [1, 3]) if (offsets.includes(bad)) throw new PoisonMessage(bad, 'bad_json', 'why');
    });
    expect(await deliver(messages(4), world)).toBe(true);
    expect(seen.buried).toEqual([
      [1, 'bad_json'],
      [3, 'bad_json'],
    ]);
    expect(seen.handed).toEqual([
      [0, 1, 2, 3],
      [0, 2, 3],
      [0, 2],
    ]);
    expect(seen.waits).toBe(0);
  });

  it('tells with the rest what was buried', async () => {
    const { it: world, seen } = desk((offsets) => {
      for (const bad of [1, 3]) if (offsets.includes(bad)) throw new PoisonMessage(bad, 'bad_json', 'why');
    });
    expect(await deliver(messages(4), world)).toBe(true);
    expect(seen.told).toEqual([[1, 3]]);
  });

  it('tells a handler that asks for it also when nothing is left', async () => {
    const { it: world, seen } = desk((offsets) => {
      if (offsets.length > 0) throw new PoisonMessage(offsets[0]!, 'bad', 'why');
    }, true);
    expect(await deliver(messages(2), world)).toBe(true);
    expect(seen.told).toEqual([[0, 1]]);
    const none = desk(() => undefined, true);
    expect(await deliver([], none.it)).toBe(true);
    expect(none.seen.told).toEqual([[]]);
  });

  it('tells of each buried message once, whichever way it was found', async () => {
    const { it: world, seen } = desk((offsets) => {
      if (offsets.includes(0)) throw new PoisonMessage(0, 'bad', 'why');
      if (offsets.includes(2) || offsets.includes(5)) throw new Error('no');
    }, true);
    expect(await deliver(messages(6), world)).toBe(true);
    expect(seen.buried.map(([offset]) => offset)).toEqual([0, 2, 5]);
    expect(seen.told.flat()).toEqual([0, 2, 5]);
  });

  it('never tells of a buried message before those that precede it are done', async () => {
    const done: number[] = [];
    const { it: world, seen } = desk((offsets) => {
      if (offsets.includes(7)) throw new PoisonMessage(7, 'bad', 'why');
      if (offsets.includes(1)) throw new Error('no');
      done.push(...offsets);
    }, true);
    expect(await deliver(messages(8), world)).toBe(true);
    expect(done).toEqual([0, 2, 3, 4, 5, 6]);
    expect(seen.told.at(-1)).toEqual([7]);
    expect(seen.told.flat()).toEqual([1, 7]);
  });

  it('waits, buries nothing, when a handler cannot be told', async () => {
    let calls = 0;
    const { it: world, seen } = desk((offsets) => {
      if (offsets.length > 0) throw new PoisonMessage(offsets[0]!, 'bad', 'why');
      if (++calls < 8) throw new Error('no');
    }, true);
    expect(await deliver(messages(1), world)).toBe(true);
    expect(seen.buried).toEqual([[0, 'bad']]);
    expect(seen.causes).toEqual(Array.from({ length: 7 }, () => 'fault'));
  });

  it('is done when all of it is poison', async () => {
    const { it: world, seen } = desk((offsets) => {
      throw new PoisonMessage(offsets[0]!, 'bad', 'why');
    });
    expect(await deliver(messages(2), world)).toBe(true);
    expect(seen.buried.map(([offset]) => offset)).toEqual([0, 1]);
  });

  it('waits for a dependency for ever and blames no message', async () => {
    const { it: world, seen } = desk((_offsets, call) => {
      if (call < 50) throw new DependencyFault('away');
    });
    expect(await deliver(messages(2), world)).toBe(true);
    expect(seen.handed).toHaveLength(50);
    expect(seen.buried).toEqual([]);
    expect(new Set(seen.causes)).toEqual(new Set(['fault']));
  });

  it('tries five times before it looks for the message to blame', async () => {
    const { it: world, seen } = desk((_offsets, call) => {
      if (call < MAX_ATTEMPTS) throw new Error('now and then');
    });
    expect(await deliver(messages(8), world)).toBe(true);
    expect(seen.handed).toHaveLength(MAX_ATTEMPTS);
    expect(seen.buried).toEqual([]);
  });

  it('isolates any set of bad messages: these become dead letters, all others are handled, in order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 60 }), fc.func(fc.boolean()), async (count, isBad) => {
        const bad = new Set(
          messages(count)
            .map(({ offset }) => offset)
            .filter((offset) => isBad(offset)),
        );
        const handled: number[] = [];
        const { it: world, seen } = desk((offsets) => {
          if (offsets.some((offset) => bad.has(offset))) throw new Error('cannot');
          handled.push(...offsets);
        });
        expect(await deliver(messages(count), world)).toBe(true);
        expect(seen.buried).toEqual(
          [...bad].sort((a, b) => a - b).map((offset) => [offset, 'handler_failed']),
        );
        expect(handled).toEqual(
          messages(count)
            .map(({ offset }) => offset)
            .filter((offset) => !bad.has(offset)),
        );
      }),
      { numRuns: 100 },
    );
  });

  it('still waits for a dependency while it isolates', async () => {
    let faults = 0;
    const { it: world, seen } = desk((offsets) => {
      if (offsets.length === 1 && offsets[0] === 2 && faults++ < 10) throw new DependencyFault('away');
      if (offsets.includes(1)) throw new Error('cannot');
    });
    expect(await deliver(messages(4), world)).toBe(true);
    expect(seen.buried).toEqual([[1, 'handler_failed']]);
  });

  it('treats poison that names a message outside the batch as a failure of the handler', async () => {
    const { it: world, seen } = desk(() => {
      throw new PoisonMessage(99, 'bad', 'why');
    });
    expect(await deliver(messages(1), world)).toBe(true);
    expect(seen.buried).toEqual([[0, 'handler_failed']]);
  });

  it('stops trying when it is abandoned, and says that the batch is not done', async () => {
    for (const error of [new DependencyFault('away'), new Error('cannot')]) {
      const {
        it: world,
        seen,
        abandonAfter,
      } = desk(() => {
        throw error;
      });
      abandonAfter(3);
      expect(await deliver(messages(4), world)).toBe(false);
      expect(seen.handed).toHaveLength(3);
      expect(seen.buried).toEqual([]);
    }
  });
});
