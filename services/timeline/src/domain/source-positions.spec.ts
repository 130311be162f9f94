import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { pass } from './source-positions.ts';

const at = (source: string, offset: number) => ({ position: { source, offset } });

describe('passing what has been seen', () => {
  it('keeps what is beyond the position of its source', () => {
    const known = new Map([['a', 5]]);
    expect(pass(known, [at('a', 4), at('a', 5), at('a', 7), at('b', 0)])).toEqual({
      fresh: [at('a', 7), at('b', 0)],
      moves: [
        { source: 'a', expected: 5, next: 7 },
        { source: 'b', expected: -1, next: 0 },
      ],
    });
  });

  it('keeps each place once within a batch', () => {
    expect(pass(new Map(), [at('a', 1), at('a', 1), at('a', 2), at('a', 1)]).fresh).toEqual([
      at('a', 1),
      at('a', 2),
    ]);
  });

  it('moves nothing when nothing is new', () => {
    expect(pass(new Map([['a', 5]]), [at('a', 5)])).toEqual({ fresh: [], moves: [] });
  });

  it('has an effect once per place, however a log that keeps each source’s order is cut, repeated and redelivered', () => {
    const logs = fc.array(
      fc.record({ source: fc.constantFrom('a', 'b', 'c'), gap: fc.integer({ min: 1, max: 3 }) }),
    );
    const rewinds = fc.array(fc.tuple(fc.nat(10), fc.nat(10)));
    fc.assert(
      fc.property(logs, rewinds, (steps, cuts) => {
        const ends = new Map<string, number>();
        const log = steps.map(({ source, gap }) => {
          const offset = (ends.get(source) ?? -1) + gap;
          ends.set(source, offset);
          return at(source, offset);
        });
        const known = new Map<string, number>();
        const effects: unknown[] = [];
        const deliver = (batch: typeof log) => {
          const { fresh, moves } = pass(known, batch);
          effects.push(...fresh);
          for (const { source, expected, next } of moves) {
            expect(known.get(source) ?? -1).toBe(expected);
            known.set(source, next);
          }
        };
        let done = 0;
        for (const [forward, back] of cuts) {
          deliver(log.slice(Math.max(0, done - back), done + forward));
          done = Math.min(log.length, done + forward);
        }
        deliver(log.slice(done));
        deliver(log);
        expect(effects).toEqual(log);
      }),
    );
  });
});
