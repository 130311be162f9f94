import { describe, expect, it } from '@jest/globals';
import type { WorkflowStep } from '@trackline/contracts';
import { hour, mark, wait } from '../../test/engine-builders.ts';
import { toGraph } from './graph.ts';

const ways = (definition: readonly WorkflowStep[]) => {
  const { start, steps: laid } = toGraph({ steps: definition });
  return {
    start,
    ways: Object.fromEntries([...laid].map(([id, { next, yes, no }]) => [id, [next, yes, no]])),
  };
};

describe('a graph', () => {
  it('goes from step to step and ends after the last', () => {
    expect(ways([hour('a'), mark('b')])).toEqual({
      start: 'a',
      ways: { a: ['b', null, null], b: [null, null, null] },
    });
  });

  it('goes on after a branch that is given, an empty one too, and ends after one that is not', () => {
    const steps = [wait('e', { yes: [mark('a')] }, {}, 'w'), mark('z')];
    expect(ways(steps).ways).toEqual({ w: [null, 'a', null], a: ['z', null, null], z: [null, null, null] });
    expect(ways([wait('e', { yes: [], no: [] }, {}, 'w'), mark('z')]).ways.w).toEqual([null, 'z', 'z']);
  });

  it('goes nowhere from an exit', () => {
    const exit = { id: 'x', type: 'exit', config: {} } as const;
    expect(ways([wait('e', { yes: [exit], no: [] }, {}, 'w'), mark('z')]).ways).toMatchObject({
      w: [null, 'x', 'z'],
      x: [null, null, null],
    });
  });

  it('of nothing begins nowhere', () => expect(toGraph({ steps: [] }).start).toBeNull());
});
