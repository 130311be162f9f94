import {
  AVAILABLE_TRIGGERS,
  storableIssue,
  type Issue,
  type StepType,
  type Validation,
  type WorkflowDefinition,
  type WorkflowTrigger,
} from '@trackline/contracts';
import type { Calendar } from './schedule.ts';
import { checkFilter } from './validate-clauses.ts';
import { checkSteps } from './validate-steps.ts';
import { explained, isRecord, type Check, type Tell } from './validation-issues.ts';

/** The published shapes, compiled: of the whole, of a step, and of the config of each type of step; and what a schedule means. */
export interface DefinitionShapes {
  readonly workflow: Check;
  readonly step: Check;
  readonly configs: Readonly<Record<StepType, Check>>;
  readonly scheduleProblems: Calendar['problems'];
}

/** A definition is not nested so deep that this is reached: its branches have a limit of their own. */
const MAX_JSON_DEPTH = 200;

/** The definition when it is right; else everything that is wrong with it, each with its path. */
export function validateDefinition(body: unknown, shapes: DefinitionShapes): Validation<WorkflowDefinition> {
  const issues: Issue[] = [];
  const tell: Tell = (path, message) => issues.push({ path, message });
  if (!isRecord(body)) {
    return {
      ok: false,
      issues: [{ path: '', message: 'A workflow is an object with name, trigger and steps.' }],
    };
  }
  const unstorable = storableIssue(body, '', MAX_JSON_DEPTH);
  if (unstorable) issues.push(unstorable);
  const outline = shapes.workflow(body);
  if (!outline.ok) for (const issue of outline.issues) tell(issue.path, explained(issue));
  checkTrigger(body.trigger, shapes, tell);
  if (Array.isArray(body.steps)) checkSteps(body.steps, body.transitions, shapes, tell);
  return issues.length === 0
    ? { ok: true, value: body as unknown as WorkflowDefinition }
    : { ok: false, issues: withoutRepeats(issues) };
}

/** Of several issues at one path the most telling one, which is the last found. */
function withoutRepeats(issues: readonly Issue[]): Issue[] {
  return [...new Map(issues.map((issue) => [issue.path, issue])).values()];
}

type TriggerKey = Exclude<keyof WorkflowTrigger, 'type'>;

/** What belongs to a trigger beside its type; what is `needed` must be there. */
const TRIGGER_KEYS: Readonly<
  Record<WorkflowTrigger['type'], { readonly [Key in TriggerKey]?: 'needed' | 'allowed' }>
> = {
  event: { eventName: 'needed', filter: 'allowed' },
  'event.received': { eventName: 'needed', filter: 'allowed' },
  contact_created: { filter: 'allowed' },
  contact_updated: { filter: 'allowed' },
  topic_subscribed: { topicId: 'allowed', filter: 'allowed' },
  topic_unsubscribed: { topicId: 'allowed', filter: 'allowed' },
  schedule: { schedule: 'needed', timezone: 'allowed', filter: 'allowed' },
  api: {},
};
const ALL_TRIGGER_KEYS: readonly TriggerKey[] = ['eventName', 'topicId', 'schedule', 'timezone', 'filter'];

const isAvailable = (type: string): type is WorkflowTrigger['type'] =>
  (AVAILABLE_TRIGGERS as readonly string[]).includes(type);

function checkTrigger(trigger: unknown, { scheduleProblems }: DefinitionShapes, tell: Tell): void {
  if (!isRecord(trigger) || typeof trigger.type !== 'string') return;
  const { type, schedule, timezone } = trigger;
  if (type === 'segment_entry' || type === 'segment_exit') {
    tell('/trigger/type', `There are no segments yet, so "${type}" is not available yet.`);
  } else if (!isAvailable(type)) {
    tell('/trigger/type', `The trigger "${type}" is not known; there are ${AVAILABLE_TRIGGERS.join(', ')}.`);
  } else {
    for (const key of ALL_TRIGGER_KEYS) {
      const belongs = TRIGGER_KEYS[type][key];
      if (trigger[key] === undefined && belongs === 'needed')
        tell(`/trigger/${key}`, `"${type}" needs ${key === 'eventName' ? 'an' : 'a'} ${key}.`);
      if (trigger[key] !== undefined && !belongs)
        tell(`/trigger/${key}`, `"${key}" means nothing with the trigger "${type}".`);
    }
    if (type === 'schedule' && typeof schedule === 'string') {
      const zone = typeof timezone === 'string' ? timezone : undefined;
      for (const { key, message } of scheduleProblems(schedule, zone)) tell(`/trigger/${key}`, message);
    }
  }
  checkFilter(trigger.filter, '/trigger/filter', tell);
}
