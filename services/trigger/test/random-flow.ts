import type { WorkflowStep } from '@trackline/contracts';
import fc from 'fast-check';
import type { Fault } from './memory-store.ts';

/** What may happen to the flows, and the definitions to which it happens. */

const NAMES = ['a', 'b', 'c'] as const;

export type Action =
  | {
      readonly kind: 'track';
      readonly name: string;
      readonly contact: number;
      readonly flag: 'plain' | 'backfill' | 'replay';
    }
  | { readonly kind: 'handle'; readonly instance: number; readonly count: number }
  | { readonly kind: 'rewind'; readonly instance: number; readonly by: number }
  | { readonly kind: 'fire'; readonly instance: number }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'decided' }
  | { readonly kind: 'status'; readonly workflow: number; readonly status: 'enabled' | 'paused' | 'archived' }
  | { readonly kind: 'fault'; readonly fault: Fault; readonly at: 'commit' | 'publish' | 'update' };

const nat = (max: number) => fc.nat(max);
const weighted = <T>(weight: number, arbitrary: fc.Arbitrary<T>) => ({ weight, arbitrary });
export const action: fc.Arbitrary<Action> = fc.oneof(
  weighted(
    10,
    fc.record({
      kind: fc.constant('track' as const),
      name: fc.constantFrom(...NAMES, 'b'),
      contact: fc.constantFrom(0, 0, 0, 1),
      flag: fc.constantFrom(
        'plain' as const,
        'plain' as const,
        'plain' as const,
        'backfill' as const,
        'replay' as const,
      ),
    }),
  ),
  weighted(
    8,
    fc.record({
      kind: fc.constant('handle' as const),
      instance: nat(1),
      count: fc.integer({ min: 1, max: 4 }),
    }),
  ),
  weighted(2, fc.record({ kind: fc.constant('rewind' as const), instance: nat(1), by: nat(5) })),
  weighted(5, fc.record({ kind: fc.constant('fire' as const), instance: nat(1) })),
  weighted(
    5,
    fc.record({ kind: fc.constant('pass' as const), ms: fc.constantFrom(1, 400, 700, 1_000, 1_000, 60_000) }),
  ),
  weighted(3, fc.record({ kind: fc.constant('decided' as const) })),
  weighted(
    2,
    fc.record({
      kind: fc.constant('status' as const),
      workflow: nat(1),
      status: fc.constantFrom(
        'enabled' as const,
        'paused' as const,
        'enabled' as const,
        'paused' as const,
        'archived' as const,
      ),
    }),
  ),
  weighted(
    1,
    fc.record({
      kind: fc.constant('fault' as const),
      fault: fc.constantFrom('refused' as const, 'reply lost' as const),
      at: fc.constantFrom('commit' as const, 'publish' as const, 'update' as const),
    }),
  ),
);

/** Steps without ids: those are given when the whole is there. */
export type Bare = Omit<WorkflowStep, 'id' | 'branches'> & { branches?: { yes?: Bare[]; no?: Bare[] } };
const { steps: bareSteps } = fc.letrec<{
  steps: Bare[];
  step: Bare;
  branches: NonNullable<Bare['branches']>;
}>((tie) => ({
  steps: fc.array(tie('step'), { maxLength: 3, depthIdentifier: 'steps' }),
  branches: fc.record({ yes: tie('steps'), no: tie('steps') }, { requiredKeys: [] }),
  step: fc.oneof(
    { depthSize: 'small', depthIdentifier: 'steps' },
    fc.constant<Bare>({
      type: 'update_contact',
      config: { updates: [{ field: 'seen', operation: 'set', value: true }] },
    }),
    fc.constant<Bare>({ type: 'delay', config: { amount: 1, unit: 'minutes' } }),
    fc.constant<Bare>({ type: 'exit', config: {} }),
    fc.record({
      type: fc.constant('condition' as const),
      config: fc.record({
        field: fc.constantFrom('seen', 'event.n'),
        operator: fc.constant('is_set' as const),
      }),
      branches: tie('branches'),
    }) as fc.Arbitrary<Bare>,
    fc.record({
      type: fc.constant('wait_for_event' as const),
      config: fc.record({ eventName: fc.constantFrom(...NAMES), timeoutSeconds: fc.constantFrom(1, 2) }),
      branches: tie('branches'),
    }) as fc.Arbitrary<Bare>,
  ),
}));

export function named(steps: readonly Bare[], prefix = 's'): WorkflowStep[] {
  return steps.map((step, index) => {
    const id = `${prefix}-${index}`;
    const { yes, no } = step.branches ?? {};
    const branches = { ...(yes && { yes: named(yes, `${id}-y`) }), ...(no && { no: named(no, `${id}-n`) }) };
    return { ...step, id, ...(step.branches && { branches }) } as WorkflowStep;
  });
}

/** Most begin with a wait for what is not their trigger: there the races are. */
const definition = fc.tuple(
  fc.constantFrom('a', 'a', ...NAMES),
  fc.oneof(
    weighted(1, bareSteps),
    weighted(
      4,
      fc
        .tuple(fc.constantFrom('b', 'b', 'c', 'a'), fc.constantFrom(1, 2), bareSteps, bareSteps, bareSteps)
        .map(([eventName, timeoutSeconds, yes, no, after]): Bare[] => [
          { type: 'wait_for_event', config: { eventName, timeoutSeconds }, branches: { yes, no } },
          ...after,
        ]),
    ),
    weighted(
      1,
      bareSteps.map((after): Bare[] => [{ type: 'delay', config: { amount: 1, unit: 'minutes' } }, ...after]),
    ),
  ),
);
export const definitions = fc.array(definition, { minLength: 2, maxLength: 2 });
