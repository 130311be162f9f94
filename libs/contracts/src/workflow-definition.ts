import { Type } from '@sinclair/typebox';
import { EventName } from './schemas.ts';
import { strict } from './strict-object.ts';
import {
  Filter,
  MAX_WAIT_SECONDS,
  oneOf,
  STEP_CONFIGS,
  STEP_TYPES,
  type FilterClause,
  type WorkflowStep,
} from './workflow-steps.ts';

export * from './workflow-steps.ts';

/** Everything that a definition may name, whether it is available yet or not. */
export const TRIGGER_TYPES = [
  'event',
  'event.received',
  'contact_created',
  'contact_updated',
  'topic_subscribed',
  'topic_unsubscribed',
  'schedule',
  'segment_entry',
  'segment_exit',
  'api',
] as const;
export type TriggerType = (typeof TRIGGER_TYPES)[number];

/** What an execution can be started by today; segments are refused as not available yet. */
export const AVAILABLE_TRIGGERS = [
  'event',
  'event.received',
  'contact_created',
  'contact_updated',
  'topic_subscribed',
  'topic_unsubscribed',
  'schedule',
  'api',
] as const satisfies readonly TriggerType[];
export type AvailableTriggerType = (typeof AVAILABLE_TRIGGERS)[number];

export const MAX_STEPS = 200;
export const MAX_TRANSITIONS = 2 * MAX_STEPS;
export const DEFAULT_CONCURRENT_EXECUTIONS = 1_000;
/** Of one contact, in all workflows together, when it is to enter one that waits for an event: all that wait are resumed together. */
export const MAX_CONTACT_EXECUTIONS = 1_000;

/** Why an event, or whatever else was to start an execution, did not. */
export const ENTRY_REFUSALS = [
  'already_running',
  'reentry_delay',
  'contact_cooldown',
  'max_concurrent_executions',
  'max_contact_executions',
] as const;
export type EntryRefusal = (typeof ENTRY_REFUSALS)[number];

export interface WorkflowTrigger {
  readonly type: AvailableTriggerType;
  /** With `event` and `event.received`, which mean the same. */
  readonly eventName?: string;
  /** With `topic_subscribed` and `topic_unsubscribed`; absent: any topic. */
  readonly topicId?: string;
  /** With `schedule`: five fields of cron. */
  readonly schedule?: string;
  /** Of the schedule, as IANA names it; default UTC. */
  readonly timezone?: string;
  /** Over the event's properties; without an event, over the contact's fields and properties. */
  readonly filter?: readonly FilterClause[];
}

export interface WorkflowSettings {
  readonly allowReentry?: boolean;
  readonly reentryDelaySeconds?: number;
  readonly maxConcurrentExecutions?: number;
  readonly contactCooldownSeconds?: number;
}

/** A way from one step to another, in the flat form. */
export interface WorkflowTransition {
  readonly fromStepId: string;
  readonly toStepId: string;
  /** After a step with branches: of which. */
  readonly condition?: { readonly branch: 'yes' | 'no' };
}

/** A definition that was found right, in the form in which it was sent: nested, or flat when it has `transitions`. */
export interface WorkflowDefinition {
  readonly name: string;
  readonly description?: string;
  readonly trigger: WorkflowTrigger;
  readonly settings?: WorkflowSettings;
  readonly steps: readonly WorkflowStep[];
  readonly transitions?: readonly WorkflowTransition[];
}

export const StepId = Type.String({
  pattern: '^[A-Za-z0-9_-]{1,64}$',
  description: 'Unique in the definition. Letters, digits, dashes and underscores.',
  message: 'must be 1 to 64 letters, digits, dashes or underscores',
});

/** `send_email`: SendEmailConfig. */
const nameOf = (type: string): string =>
  `${type.replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase())}Config`;

/** What is the same in every step; `config` and `branches` are held against the step's type. */
export const StepOutline = strict({
  id: StepId,
  type: oneOf(STEP_TYPES, 'What the step does.'),
  name: Type.Optional(Type.String({ maxLength: 255 })),
  config: Type.Optional(
    Type.Unknown({
      description: 'By the type of the step; each is named for it.',
      anyOf: Object.entries(STEP_CONFIGS).map(([type, schema]) => ({
        ...schema,
        $id: nameOf(type),
        title: type,
      })),
    }),
  ),
  branches: Type.Optional(
    strict(
      {
        yes: Type.Optional(
          Type.Array(Type.Unknown({ type: 'object', description: 'A step, as in `steps`.' })),
        ),
        no: Type.Optional(
          Type.Array(Type.Unknown({ type: 'object', description: 'A step, as in `steps`.' })),
        ),
      },
      'For condition, wait_for_event and wait_for_email_engagement. A branch that is not given ends the execution as completed; one that is given, an empty one too, goes on with the step after this one.',
    ),
  ),
});

export const TriggerOutline = strict({
  type: oneOf(TRIGGER_TYPES, 'What starts an execution.'),
  eventName: Type.Optional(EventName),
  topicId: Type.Optional(
    Type.String({ minLength: 1, maxLength: 255, description: 'Without it: any topic.' }),
  ),
  schedule: Type.Optional(
    Type.String({
      maxLength: 255,
      description: 'Five fields of cron: minute, hour, day of the month, month, day of the week.',
    }),
  ),
  timezone: Type.Optional(
    Type.String({
      maxLength: 64,
      description: 'Of the schedule, as IANA names it: `Europe/Madrid`. Default UTC.',
    }),
  ),
  filter: Type.Optional(Filter),
});

export const SettingsOutline = strict({
  allowReentry: Type.Optional(
    Type.Boolean({
      default: true,
      description: 'false: one running execution per contact. true: every matching event starts one.',
    }),
  ),
  reentryDelaySeconds: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: MAX_WAIT_SECONDS,
      default: 0,
      description:
        'A contact does not enter again until so long after its last execution ended, nor while one runs.',
    }),
  ),
  maxConcurrentExecutions: Type.Optional(
    Type.Integer({
      minimum: 1,
      default: DEFAULT_CONCURRENT_EXECUTIONS,
      description: 'Running executions of the workflow, waiting and delayed ones too.',
    }),
  ),
  contactCooldownSeconds: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: MAX_WAIT_SECONDS,
      default: 0,
      description: 'A contact does not enter again until so long after its last execution started.',
    }),
  ),
});

export const TransitionOutline = strict({
  fromStepId: StepId,
  toStepId: StepId,
  condition: Type.Optional(
    strict({ branch: oneOf(['yes', 'no'], 'Of the step with branches it leads away from.') }),
  ),
});

/** The shape of a definition, but for what hangs on the type of each step. */
export const WorkflowOutline = strict({
  name: Type.String({ minLength: 1, maxLength: 255 }),
  description: Type.Optional(Type.String({ maxLength: 2_000 })),
  trigger: TriggerOutline,
  settings: Type.Optional(SettingsOutline),
  steps: Type.Array(Type.Unknown({ ...StepOutline }), { minItems: 1, maxItems: MAX_STEPS }),
  transitions: Type.Optional(
    Type.Array(TransitionOutline, {
      maxItems: MAX_TRANSITIONS,
      description:
        'The flat form: the first of `steps` begins, and these say where each leads. A step, or branch, that none leads away from ends the execution as completed. Steps have no `branches` then.',
    }),
  ),
});

/** The documented shape; what is wrong with a definition is found by the workflow engine, all of it at once. */
export const WorkflowBody = Type.Unknown({ ...WorkflowOutline, $id: 'WorkflowDefinition' });
