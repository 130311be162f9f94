import { describe, expect, it } from '@jest/globals';
import { MAX_STEPS as PUBLISHED_STEPS } from '@trackline/contracts';
import fc from 'fast-check';
import { definitionShapes } from '../pipeline/definition-shapes.ts';
import { MAX_STEP_DEPTH, MAX_STEPS, validateDefinition } from './validate-definition.ts';

const delay = { id: 'd', type: 'delay', config: { amount: 1, unit: 'days' } };
const sound = { name: 'welcome', trigger: { type: 'event', eventName: 'signed_up' }, steps: [delay] };
const check = (body: unknown) => validateDefinition(body, definitionShapes);

const issuesOf = (body: unknown): Record<string, string> => {
  const validation = check(body);
  return validation.ok
    ? {}
    : Object.fromEntries(validation.issues.map(({ path, message }) => [path, message]));
};
const withSteps = (...steps: unknown[]) => ({ ...sound, steps });
const wait = (config: object, branches: object = { yes: [] }) => ({
  id: 'w',
  type: 'wait_for_event',
  config,
  branches,
});

describe('a definition', () => {
  it('that is right is given back as it is', () => {
    expect(check(sound)).toEqual({ ok: true, value: sound });
    expect(check({ ...sound, trigger: { type: 'event.received', eventName: 'x' } }).ok).toBe(true);
    expect(check({ ...sound, trigger: { type: 'api' } }).ok).toBe(true);
    expect(check({ ...sound, settings: { allowReentry: false } }).ok).toBe(true);
  });

  it('has all its issues told at once, each with its path', () => {
    const body = {
      name: '',
      trigger: { type: 'event' },
      steps: [
        { id: 'a', type: 'delay', config: { amount: -1, unit: 'years' } },
        {
          id: 'a',
          type: 'condition',
          config: { field: 'x', operator: 'greater_than', value: 'much' },
          branches: { yes: [{}], no: [] },
        },
      ],
      colour: 'red',
    };
    expect(Object.keys(issuesOf(body)).sort()).toEqual(
      [
        '/name',
        '/colour',
        '/trigger/eventName',
        '/steps/0/config/amount',
        '/steps/0/config/unit',
        '/steps/1/id',
        '/steps/1/config/value',
        '/steps/1/branches/yes/0/id',
        '/steps/1/branches/yes/0/type',
      ].sort(),
    );
  });

  it.each([
    [
      { ...sound, trigger: { type: 'schedule', schedule: '* * * * *' } },
      '/trigger/type',
      'not available yet',
    ],
    [{ ...sound, trigger: { type: 'segment_entry' } }, '/trigger/type', 'no segments yet'],
    [{ ...sound, trigger: { type: 'contact_created' } }, '/trigger/type', 'not available yet'],
    [{ ...sound, trigger: { type: 'dance' } }, '/trigger/type', 'not available'],
    [{ ...sound, trigger: { type: 'api', eventName: 'x' } }, '/trigger/eventName', 'means nothing'],
    [
      { ...sound, settings: { contactCooldownSeconds: 5 } },
      '/settings/contactCooldownSeconds',
      'not available yet',
    ],
    [
      withSteps({ id: 's', type: 'send_email', config: { template: 't' } }),
      '/steps/0/type',
      'not available yet',
    ],
    [withSteps({ id: 's', type: 'webhook', config: {} }), '/steps/0/type', 'not available yet'],
    [withSteps({ id: 's', type: 'sing' }), '/steps/0/type', 'must be one of'],
    [withSteps({ id: 's', type: 'delay' }), '/steps/0/config', 'needs a config'],
    [withSteps({ ...delay, branches: { yes: [] } }), '/steps/0/branches', 'has no branches'],
    [withSteps({ ...delay, id: 'with.dot' }), '/steps/0/id', 'letters'],
    [withSteps({ ...delay, config: { amount: 60, unit: 'weeks' } }), '/steps/0/config/amount', '366 days'],
    [
      withSteps(wait({ eventName: 'x', timeoutSeconds: 0 })),
      '/steps/0/config/timeoutSeconds',
      'whole number',
    ],
    [withSteps(wait({ eventName: 'x', timout: 5 })), '/steps/0/config/timout', 'not known'],
    [
      withSteps(wait({ eventName: 'x', filter: [{ field: 'a', operator: 'is_set', value: 1 }] })),
      '/steps/0/config/filter/0/value',
      'takes no value',
    ],
    [
      { ...sound, trigger: { ...sound.trigger, filter: [{ field: 'a', operator: 'equals' }] } },
      '/trigger/filter/0/value',
      'needs a value',
    ],
    [withSteps({ id: 'x', type: 'exit' }, delay), '/steps/1', 'No way leads here'],
    [withSteps(wait({ eventName: 'x' }, {}), delay), '/steps/1', 'No way leads here'],
    [
      withSteps(wait({ eventName: 'x' }, { yes: [{ id: 'x', type: 'exit' }] }), delay),
      '/steps/1',
      'No way leads here',
    ],
    [{ ...sound, steps: [] }, '/steps', ''],
    [null, '', 'object'],
    [[], '', 'object'],
  ])('is refused: %j', (body, path, words) => {
    expect(issuesOf(body)[path]).toEqual(expect.stringContaining(words));
  });

  it('has a limit to its steps and to its depth', () => {
    const many = Array.from({ length: MAX_STEPS + 1 }, (_, index) => ({ ...delay, id: `d${index}` }));
    expect(issuesOf(withSteps(...many))['/steps']).toBeDefined();
    let steps: unknown[] = [delay];
    for (let depth = 0; depth < MAX_STEP_DEPTH; depth++)
      steps = [
        { id: `w${depth}`, type: 'wait_for_event', config: { eventName: 'x' }, branches: { no: steps } },
      ];
    expect(Object.values(issuesOf({ ...sound, steps }))).toEqual([expect.stringContaining('nested deeper')]);
  });

  it('is held against the limits that are published', () => {
    expect(MAX_STEPS).toBe(PUBLISHED_STEPS);
  });

  it('of any shape is judged without a crash', () => {
    fc.assert(fc.property(fc.jsonValue(), (body) => void check(body)));
    const step = fc.letrec((tie) => ({
      step: fc.record(
        {
          id: fc.oneof(fc.string(), fc.jsonValue()),
          type: fc.oneof(
            fc.constantFrom('delay', 'exit', 'condition', 'wait_for_event', '__proto__'),
            fc.jsonValue(),
          ),
          config: fc.jsonValue(),
          branches: fc.oneof(
            fc.jsonValue(),
            fc.record({ yes: fc.array(tie('step')), no: fc.array(tie('step')) }),
          ),
        },
        { requiredKeys: [] },
      ),
    })).step;
    fc.assert(
      fc.property(
        fc.array(step),
        fc.jsonValue(),
        (steps, trigger) => void check({ name: 'x', trigger, steps }),
      ),
    );
  });
});
