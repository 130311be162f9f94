import type {
  FilterClause,
  WorkflowDefinition,
  WorkflowSettings,
  WorkflowStep,
  WorkflowTransition,
} from '@trackline/contracts';
import fc from 'fast-check';
import { isBranching, isStopping, toGraph, waysFrom, type Graph } from '../src/domain/graph.ts';

/** Random definitions that are right, in both forms. */

export const EVENTS = ['a', 'b', 'c'] as const;

type Bare = Omit<WorkflowStep, 'id' | 'branches'>;

const clause: FilterClause = { field: 'n', operator: 'equals', value: 1 };
const FILTERS: (FilterClause[] | undefined)[] = [undefined, undefined, undefined, [clause]];
const filter = fc.nat(FILTERS.length - 1).map((index) => FILTERS[index]);
const constant = <Type extends WorkflowStep['type']>(
  type: Type,
  config: Extract<WorkflowStep, { type: Type }>['config'],
) => fc.constant({ type, config } as Bare);

const wait: fc.Arbitrary<Bare> = fc
  .tuple(
    fc.subarray<string>([...EVENTS], { minLength: 1 }),
    fc.constantFrom(1, 2, 60),
    filter,
    fc.constantFrom(undefined, 0, 2, 120),
  )
  .map(([eventNames, timeoutSeconds, clauses, lookbackSeconds]) => ({
    type: 'wait_for_event',
    config: {
      eventNames,
      timeoutSeconds,
      ...(clauses && { filter: clauses }),
      ...(lookbackSeconds !== undefined && { lookbackSeconds }),
    },
  }));

const onFailure = fc.constantFrom('continue' as const, 'fail' as const);

export const step: fc.Arbitrary<Bare> = fc.oneof(
  { weight: 4, arbitrary: wait },
  { weight: 2, arbitrary: constant('delay', { amount: 1, unit: 'minutes' }) },
  {
    weight: 2,
    arbitrary: fc.constantFrom('seen', 'event.n', 'nobody').map((field) => ({
      type: 'condition' as const,
      config: { field, operator: 'is_set' as const },
    })),
  },
  constant('update_contact', { updates: [{ field: 'seen', operation: 'set', value: true }] }),
  {
    weight: 2,
    arbitrary: onFailure.map((fail) => ({
      type: 'send_email' as const,
      config: { subject: 'Hi {{firstName|you}}', text: '{{n}} {{nobody}}', onFailure: fail },
    })),
  },
  constant('send_sms', { body: 'Hi {{n}}' }),
  constant('send_whatsapp', { template: { name: 't', language: 'es', parameters: ['{{n}}'] } }),
  {
    weight: 1,
    arbitrary: onFailure.map((fail) => ({
      type: 'webhook' as const,
      config: { url: 'https://example.com/{{n}}', body: { n: '{{n}}' }, onFailure: fail },
    })),
  },
  constant('subscribe_topic', { topicId: 'news' }),
  constant('unsubscribe_topic', { topicId: 'news' }),
  {
    weight: 2,
    arbitrary: constant('wait_for_email_engagement', {
      emailStepId: '?',
      engagementType: 'opened',
      timeoutSeconds: 60,
    }),
  },
  fc.constantFrom('completed' as const, 'failed' as const, 'cancelled' as const).map((markAs) => ({
    type: 'exit' as const,
    config: { markAs },
  })),
);

const idOf = (index: number): string => `s${index}`;

/** Ways forward lead anywhere, ways back only from where time passes. */
const flat: fc.Arbitrary<Pick<WorkflowDefinition, 'steps' | 'transitions'>> = fc
  .array(fc.tuple(step, fc.tuple(fc.nat(), fc.nat()), fc.tuple(fc.nat(9), fc.nat(9))), {
    minLength: 1,
    maxLength: 9,
  })
  .map((drawn) => {
    const steps = drawn.map(([bare], index) => ({ ...bare, id: idOf(index) }) as WorkflowStep);
    const transitions = drawn.flatMap(([bare, targets, odds], index) => {
      if (bare.type === 'exit') return [];
      const branches = isBranching(bare) ? (['yes', 'no'] as const) : [undefined];
      return branches.flatMap((branch, way): WorkflowTransition[] => {
        const first = isStopping(bare) ? 0 : index + 1;
        const room = steps.length - first;
        if (room <= 0 || odds[way]! === 0) return [];
        const toStepId = idOf(first + (targets[way]! % room));
        return [{ fromStepId: idOf(index), toStepId, ...(branch && { condition: { branch } }) }];
      });
    });
    return reachable(steps, transitions);
  });

function reachable(
  steps: readonly WorkflowStep[],
  transitions: readonly WorkflowTransition[],
): Pick<WorkflowDefinition, 'steps' | 'transitions'> {
  const graph = toGraph({ steps, transitions });
  const kept = reachedFrom(graph, graph.start!).add(graph.start!);
  return {
    steps: steps.filter(({ id }) => kept.has(id)),
    transitions: transitions.filter(({ fromStepId }) => kept.has(fromStepId)),
  };
}

function reachedFrom(graph: Graph, from: string): Set<string> {
  const reached = new Set<string>();
  const open = [from];
  while (open.length > 0)
    for (const way of waysFrom(graph.steps.get(open.pop()!)!))
      if (!reached.has(way)) {
        reached.add(way);
        open.push(way);
      }
  return reached;
}

const { steps: nestedSteps } = fc.letrec<{
  steps: (Bare & { branches?: object })[];
  step: Bare & { branches?: object };
  branches: object;
}>((tie) => ({
  steps: fc.array(tie('step'), { maxLength: 3, depthIdentifier: 'steps' }),
  branches: fc.record({ yes: tie('steps'), no: tie('steps') }, { requiredKeys: [] }),
  step: fc.oneof(
    { depthSize: 'small', depthIdentifier: 'steps' },
    step.filter((bare) => !isBranching(bare)),
    fc
      .tuple(
        step.filter((bare) => isBranching(bare)),
        tie('branches'),
      )
      .map(([bare, branches]) => ({ ...bare, branches })),
  ),
}));

type Nested = Bare & { branches?: { yes?: Nested[]; no?: Nested[] } };

/** Ids are given when the whole is there, and what no way leads to is left out. */
function named(
  steps: readonly Nested[],
  prefix: string,
): { readonly steps: WorkflowStep[]; readonly goesOn: boolean } {
  const out: WorkflowStep[] = [];
  for (const [index, { branches, ...bare }] of steps.entries()) {
    const id = `${prefix}${index}`;
    const yes = branches?.yes && named(branches.yes, `${id}y`);
    const no = branches?.no && named(branches.no, `${id}n`);
    const inner = { ...(yes && { yes: yes.steps }), ...(no && { no: no.steps }) };
    out.push({ ...bare, id, ...(branches && { branches: inner }) } as WorkflowStep);
    const goesOn = isBranching(bare) ? (yes?.goesOn ?? false) || (no?.goesOn ?? false) : bare.type !== 'exit';
    if (!goesOn) return { steps: out, goesOn: false };
  }
  return { steps: out, goesOn: true };
}

const nested: fc.Arbitrary<Pick<WorkflowDefinition, 'steps'>> = nestedSteps
  .map((steps) => ({ steps: named(steps as Nested[], 's').steps }))
  .filter(({ steps }) => steps.length > 0);

const EMAIL: Nested = { type: 'send_email', config: { subject: 'Hi', text: '{{n}}' } };
const MINUTE: Nested = { type: 'delay', config: { amount: 1, unit: 'minutes' } };
const OPENED: Bare = {
  type: 'wait_for_email_engagement',
  config: { emailStepId: '?', engagementType: 'opened', timeoutSeconds: 60 },
};

/** An email, now and then a delay, and then a wait for what becomes of it: left to chance these come together too seldom. */
const mailing: fc.Arbitrary<Pick<WorkflowDefinition, 'steps'>> = fc
  .tuple(nestedSteps, nestedSteps, fc.boolean())
  .map(([yes, no, isLater]) => {
    const branches = { yes: yes as Nested[], no: no as Nested[] };
    return { steps: named([EMAIL, ...(isLater ? [MINUTE] : []), { ...OPENED, branches }], 's').steps };
  });

/** An engagement waits for an email that comes before it; where there is none, it is a plain wait. */
function withEmails<Form extends Pick<WorkflowDefinition, 'steps' | 'transitions'>>(form: Form): Form {
  const graph = toGraph(form);
  const emails = [...graph.steps.values()].filter(({ step: laid }) => laid.type === 'send_email');
  const fix = (steps: readonly WorkflowStep[]): WorkflowStep[] =>
    steps.map((given) => {
      const { branches, ...bare } = given;
      const inner = branches && {
        branches: {
          ...(branches.yes && { yes: fix(branches.yes) }),
          ...(branches.no && { no: fix(branches.no) }),
        },
      };
      if (bare.type !== 'wait_for_email_engagement') return { ...bare, ...inner } as WorkflowStep;
      const email = emails.find(({ step: { id } }) => reachedFrom(graph, id).has(bare.id));
      const fixed = email
        ? { ...bare, config: { ...bare.config, emailStepId: email.step.id } }
        : { ...bare, type: 'wait_for_event' as const, config: { eventName: 'a', timeoutSeconds: 2 } };
      return { ...fixed, ...inner } as WorkflowStep;
    });
  return { ...form, steps: fix(form.steps) };
}

const settings: fc.Arbitrary<WorkflowSettings> = fc.record(
  {
    allowReentry: fc.boolean(),
    reentryDelaySeconds: fc.constantFrom(0, 2),
    maxConcurrentExecutions: fc.constantFrom(1, 2, 100),
    contactCooldownSeconds: fc.constantFrom(0, 2),
  },
  { requiredKeys: [] },
);

const trigger = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(fc.constantFrom('a', 'a', ...EVENTS), filter).map(([eventName, clauses]) => ({
      type: 'event' as const,
      eventName,
      ...(clauses && { filter: clauses }),
    })),
  },
  fc.constant({ type: 'contact_updated' as const }),
  fc.constant({ type: 'schedule' as const, schedule: '* * * * *' }),
);

export const definition: fc.Arbitrary<WorkflowDefinition> = fc
  .tuple(trigger, settings, fc.oneof(...[flat, flat, nested, mailing].map((form) => form.map(withEmails))))
  .map(([begins, given, form]) => ({ name: 'random', trigger: begins, settings: given, ...form }));
