import type {
  FilterClause,
  Issue,
  Operator,
  StepType,
  Validation,
  WorkflowDefinition,
  WorkflowTrigger,
} from '@trackline/contracts';
import { asDate, asNumber } from './comparison.ts';
import { isBranching } from './graph.ts';

type Check = (value: unknown) => Validation<unknown>;

/** The published shapes, compiled: of the whole, of a step, and of the config of each step that there is. */
export interface DefinitionShapes {
  readonly workflow: Check;
  readonly step: Check;
  readonly configs: Readonly<Partial<Record<StepType, Check>>>;
}

export const MAX_STEPS = 200;
export const MAX_STEP_DEPTH = 15;

const TRIGGERS: readonly string[] = ['event', 'event.received', 'api'] satisfies WorkflowTrigger['type'][];

/** Known by name, so that whoever sends them learns that they are coming and not that they are misspelt. */
const COMING: Readonly<Record<string, string>> = {
  '/transitions': 'The flat form with transitions is not available yet: nest the steps in branches.',
  '/lookbackSeconds': 'lookbackSeconds is not available yet.',
  '/eventNames': 'Waiting for any of several events is not available yet: give one eventName.',
};

type Tell = (path: string, message: string) => void;

/**
 * The definition when it is right; else everything that is wrong with it, each with its path.
 * Settings, steps and triggers that are part of the contract but not there yet are refused by name.
 */
export function validateDefinition(body: unknown, shapes: DefinitionShapes): Validation<WorkflowDefinition> {
  const issues: Issue[] = [];
  const tell: Tell = (path, message) => issues.push({ path, message });
  if (!isRecord(body)) {
    return {
      ok: false,
      issues: [{ path: '', message: 'A workflow is an object with name, trigger and steps.' }],
    };
  }
  const outline = shapes.workflow(body);
  if (!outline.ok) for (const issue of outline.issues) tell(issue.path, explained(issue));
  checkTrigger(body.trigger, tell);
  checkSettings(body.settings, tell);
  if (Array.isArray(body.steps)) checkSteps(body.steps, shapes, tell);
  return issues.length === 0
    ? { ok: true, value: body as unknown as WorkflowDefinition }
    : { ok: false, issues: withoutRepeats(issues) };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Of several issues at one path the most telling one, which is the last found. */
function withoutRepeats(issues: readonly Issue[]): Issue[] {
  return [...new Map(issues.map((issue) => [issue.path, issue])).values()];
}

const UNKNOWN_KEY = 'Unexpected property';

function explained({ path, message }: Issue): string {
  const key = path.slice(path.lastIndexOf('/'));
  if (message !== UNKNOWN_KEY) return message;
  return COMING[key] ?? `"${key.slice(1)}" is not known here.`;
}

function checkTrigger(trigger: unknown, tell: Tell): void {
  if (!isRecord(trigger) || typeof trigger.type !== 'string') return;
  const { type } = trigger;
  const isEvent = type === 'event' || type === 'event.received';
  if (type === 'segment_entry' || type === 'segment_exit') {
    tell('/trigger/type', `There are no segments yet, so "${type}" is not available yet.`);
  } else if (!TRIGGERS.includes(type)) {
    tell('/trigger/type', `The trigger "${type}" is not available yet; there are ${TRIGGERS.join(', ')}.`);
  }
  if (isEvent && trigger.eventName === undefined) tell('/trigger/eventName', `"${type}" needs an eventName.`);
  const meaningless = ['topicId', 'schedule', 'timezone', ...(isEvent ? [] : ['eventName', 'filter'])];
  if (TRIGGERS.includes(type)) {
    for (const key of meaningless) {
      if (trigger[key] !== undefined)
        tell(`/trigger/${key}`, `"${key}" means nothing with the trigger "${type}".`);
    }
  }
  checkFilter(trigger.filter, '/trigger/filter', tell);
}

function checkSettings(settings: unknown, tell: Tell): void {
  if (!isRecord(settings)) return;
  for (const key of ['reentryDelaySeconds', 'maxConcurrentExecutions', 'contactCooldownSeconds']) {
    if (settings[key] !== undefined) tell(`/settings/${key}`, `The setting "${key}" is not available yet.`);
  }
}

interface Walk {
  readonly shapes: DefinitionShapes;
  readonly tell: Tell;
  readonly ids: Map<string, string>;
  count: number;
}

function checkSteps(steps: readonly unknown[], shapes: DefinitionShapes, tell: Tell): void {
  const walk: Walk = { shapes, tell, ids: new Map(), count: 0 };
  checkSequence(steps, '/steps', 1, walk);
  if (walk.count > MAX_STEPS) tell('/steps', `There are ${walk.count} steps; ${MAX_STEPS} is the most.`);
}

/** Gives whether a way leads out of the end of the sequence. */
function checkSequence(steps: readonly unknown[], path: string, depth: number, walk: Walk): boolean {
  if (depth > MAX_STEP_DEPTH) {
    walk.tell(path, `Branches are nested deeper than ${MAX_STEP_DEPTH} levels.`);
    return true;
  }
  let reached = true;
  steps.forEach((step, index) => {
    const at = `${path}/${index}`;
    const goesOn = checkOne(step, at, depth, walk);
    if (!reached) return;
    reached = goesOn;
    if (!goesOn && index < steps.length - 1) {
      walk.tell(`${path}/${index + 1}`, `No way leads here: the execution always ends before, in ${at}.`);
    }
  });
  return reached;
}

/** Gives whether a way leads on from the step. */
function checkOne(step: unknown, path: string, depth: number, walk: Walk): boolean {
  walk.count += 1;
  const outline = walk.shapes.step(step);
  if (!outline.ok) for (const issue of outline.issues) walk.tell(path + issue.path, explained(issue));
  if (!isRecord(step)) return true;
  if (typeof step.id === 'string') {
    const earlier = walk.ids.get(step.id);
    if (earlier) walk.tell(`${path}/id`, `The id "${step.id}" is taken by ${earlier}.`);
    else walk.ids.set(step.id, path);
  }
  checkType(step, path, walk);
  const branches = isRecord(step.branches) ? step.branches : {};
  const ways = (['yes', 'no'] as const).map((branch) => {
    const inner = branches[branch];
    return Array.isArray(inner) ? checkSequence(inner, `${path}/branches/${branch}`, depth + 1, walk) : false;
  });
  if (typeof step.type !== 'string') return true;
  if (isBranching({ type: step.type })) return ways.includes(true);
  if (step.branches !== undefined)
    walk.tell(`${path}/branches`, `A step of type "${step.type}" has no branches.`);
  return step.type !== 'exit';
}

function checkType(step: Record<string, unknown>, path: string, { shapes, tell }: Walk): void {
  const type = step.type as StepType;
  if (typeof type !== 'string') return;
  const check = Object.hasOwn(shapes.configs, type) ? shapes.configs[type] : undefined;
  if (!check) {
    // A word that no contract knows has been told of by the outline already.
    if (shapes.step({ id: 'x', type }).ok) {
      tell(
        `${path}/type`,
        `The step "${type}" is not available yet; there are ${Object.keys(shapes.configs).join(', ')}.`,
      );
    }
    return;
  }
  const config = step.config ?? (type === 'exit' ? {} : undefined);
  if (!isRecord(config)) return tell(`${path}/config`, `A step of type "${type}" needs a config.`);
  const checked = check(config);
  if (!checked.ok) for (const issue of checked.issues) tell(`${path}/config${issue.path}`, explained(issue));
  if (type === 'condition') checkClause(config as unknown as FilterClause, `${path}/config`, tell);
  if (type === 'wait_for_event') checkFilter(config.filter, `${path}/config/filter`, tell);
  if (type === 'delay') checkDelay(config, `${path}/config`, tell);
}

const MAX_DELAY_MINUTES = 366 * 24 * 60;
const MINUTES: Readonly<Record<string, number>> = { minutes: 1, hours: 60, days: 1_440, weeks: 10_080 };

function checkDelay({ amount, unit }: Record<string, unknown>, path: string, tell: Tell): void {
  const minutes = typeof amount === 'number' && typeof unit === 'string' ? amount * (MINUTES[unit] ?? 0) : 0;
  if (minutes > MAX_DELAY_MINUTES) tell(`${path}/amount`, 'A delay is at most 366 days.');
}

function checkFilter(filter: unknown, path: string, tell: Tell): void {
  if (!Array.isArray(filter)) return;
  filter.forEach((clause: unknown, index) => {
    if (isRecord(clause)) checkClause(clause as unknown as FilterClause, `${path}/${index}`, tell);
  });
}

const ORDERING: readonly Operator[] = [
  'greater_than',
  'less_than',
  'greater_than_or_equals',
  'less_than_or_equals',
];
const VALUELESS: readonly Operator[] = ['is_set', 'is_not_set', 'is_true', 'is_false'];
const TEXTUAL: readonly Operator[] = ['starts_with', 'ends_with'];

/** What the value must be hangs on the operator. */
function checkClause({ operator, value }: FilterClause, path: string, tell: Tell): void {
  if (typeof operator !== 'string') return;
  if (VALUELESS.includes(operator)) {
    if (value !== undefined) tell(`${path}/value`, `"${operator}" takes no value.`);
  } else if (value === undefined || value === null) {
    tell(
      `${path}/value`,
      `"${operator}" needs a value; to ask whether there is one, use is_set or is_not_set.`,
    );
  } else if (ORDERING.includes(operator)) {
    if (asNumber(value) === undefined && asDate(value) === undefined)
      tell(`${path}/value`, `"${operator}" needs a number or an ISO 8601 date.`);
  } else if (TEXTUAL.includes(operator) && typeof value !== 'string' && typeof value !== 'number') {
    tell(`${path}/value`, `"${operator}" needs text.`);
  }
}
