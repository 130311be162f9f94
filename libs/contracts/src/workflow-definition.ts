import { Type, type Static, type TSchema } from '@sinclair/typebox';
import { EventName } from './schemas.ts';

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

export const STEP_TYPES = [
  'send_email',
  'send_sms',
  'send_whatsapp',
  'delay',
  'condition',
  'wait_for_event',
  'wait_for_email_engagement',
  'update_contact',
  'subscribe_topic',
  'unsubscribe_topic',
  'webhook',
  'exit',
] as const;
export type StepType = (typeof STEP_TYPES)[number];

/** What an execution can be started by and can do today; the rest of the two lists above is refused as not available yet. */
export const AVAILABLE_TRIGGERS = ['event', 'event.received', 'api'] as const;
export const AVAILABLE_STEPS = ['delay', 'condition', 'wait_for_event', 'update_contact', 'exit'] as const;
export type AvailableStepType = (typeof AVAILABLE_STEPS)[number];

export const OPERATORS = [
  'equals',
  'not_equals',
  'contains',
  'not_contains',
  'starts_with',
  'ends_with',
  'greater_than',
  'less_than',
  'greater_than_or_equals',
  'less_than_or_equals',
  'is_set',
  'is_not_set',
  'is_true',
  'is_false',
] as const;
export type Operator = (typeof OPERATORS)[number];

export const MAX_STEPS = 200;
export const MAX_FILTER_CLAUSES = 20;
export const MAX_CONTACT_UPDATES = 20;
export const MAX_WAIT_SECONDS = 366 * 86_400;
export const DEFAULT_WAIT_SECONDS = 86_400;

/** Text of a closed set. */
export const oneOf = <const T extends readonly string[]>(values: T, description: string) =>
  Type.Unsafe<T[number]>(
    Type.String({
      enum: [...values],
      // The compiler checks patterns, not `enum`, of a string.
      pattern: `^(?:${values.map((value) => value.replaceAll('.', '\\.')).join('|')})$`,
      description,
      message: `must be one of ${values.join(', ')}`,
    }),
  );

const strict = <T extends Record<string, TSchema>>(properties: T, description?: string) =>
  Type.Object(properties, { additionalProperties: false, ...(description ? { description } : undefined) });

const FieldPath = Type.String({
  minLength: 1,
  maxLength: 255,
  description: 'A name, or a dotted path into nested objects.',
});

/** One comparison over the event's properties. */
export const FilterClause = strict({
  field: FieldPath,
  operator: oneOf(OPERATORS, 'How the two are compared.'),
  value: Type.Optional(Type.Unknown({ description: 'Not for is_set, is_not_set, is_true, is_false.' })),
});
export type FilterClause = Static<typeof FilterClause>;

export const Filter = Type.Array(FilterClause, {
  maxItems: MAX_FILTER_CLAUSES,
  description: "Over the event's properties; all of them must hold.",
});

export const DelayConfig = strict({
  amount: Type.Number({ exclusiveMinimum: 0, message: 'must be a number above 0' }),
  unit: oneOf(['minutes', 'hours', 'days', 'weeks'], 'The unit of the amount.'),
});
export type DelayConfig = Static<typeof DelayConfig>;

export const ConditionConfig = strict({
  field: Type.String({
    minLength: 1,
    maxLength: 255,
    description:
      'A bare name looks in contact fields, contact properties, the latest event, the triggering event. `contact.…`, `event.…` and `waits.<stepId>.event.…` look in one place.',
  }),
  operator: FilterClause.properties.operator,
  value: FilterClause.properties.value,
});
export type ConditionConfig = Static<typeof ConditionConfig>;

export const WaitForEventConfig = strict({
  eventName: EventName,
  timeoutSeconds: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: MAX_WAIT_SECONDS,
      default: DEFAULT_WAIT_SECONDS,
      description: 'After this the execution goes on with the branch `no`.',
      message: `must be a whole number of seconds from 1 to ${MAX_WAIT_SECONDS}`,
    }),
  ),
  filter: Type.Optional(Filter),
});
export type WaitForEventConfig = Static<typeof WaitForEventConfig>;

export const ContactUpdateConfig = strict({
  field: Type.String({
    minLength: 1,
    maxLength: 255,
    description:
      'email, phone, externalId, firstName, lastName, or a property (a path, with or without `properties.`).',
  }),
  operation: oneOf(['set', 'unset', 'increment', 'decrement', 'append', 'remove'], 'What to do with it.'),
  value: Type.Optional(Type.Unknown({ description: 'Increment and decrement take 1 when there is none.' })),
});
export type ContactUpdateConfig = Static<typeof ContactUpdateConfig>;

export const UpdateContactConfig = strict({
  updates: Type.Array(ContactUpdateConfig, { minItems: 1, maxItems: MAX_CONTACT_UPDATES }),
});
export type UpdateContactConfig = Static<typeof UpdateContactConfig>;

export const ExitConfig = strict({
  reason: Type.Optional(Type.String({ maxLength: 255 })),
  markAs: Type.Optional(
    oneOf(['completed', 'cancelled', 'failed'], 'How the execution ends; default completed.'),
  ),
});
export type ExitConfig = Static<typeof ExitConfig>;

export interface StepConfigs {
  delay: DelayConfig;
  condition: ConditionConfig;
  wait_for_event: WaitForEventConfig;
  update_contact: UpdateContactConfig;
  exit: ExitConfig;
}

export const STEP_CONFIGS = {
  delay: DelayConfig,
  condition: ConditionConfig,
  wait_for_event: WaitForEventConfig,
  update_contact: UpdateContactConfig,
  exit: ExitConfig,
} as const satisfies Record<AvailableStepType, TSchema>;

export type WorkflowStep = {
  [T in AvailableStepType]: {
    readonly id: string;
    readonly type: T;
    readonly name?: string;
    readonly config: StepConfigs[T];
    readonly branches?: { readonly yes?: readonly WorkflowStep[]; readonly no?: readonly WorkflowStep[] };
  };
}[AvailableStepType];

export interface WorkflowTrigger {
  readonly type: (typeof AVAILABLE_TRIGGERS)[number];
  /** With `event` and `event.received`, which mean the same. */
  readonly eventName?: string;
  readonly filter?: readonly FilterClause[];
}

export interface WorkflowSettings {
  readonly allowReentry?: boolean;
}

/** A definition that was found right. */
export interface WorkflowDefinition {
  readonly name: string;
  readonly description?: string;
  readonly trigger: WorkflowTrigger;
  readonly settings?: WorkflowSettings;
  readonly steps: readonly WorkflowStep[];
}

export const StepId = Type.String({
  pattern: '^[A-Za-z0-9_-]{1,64}$',
  description: 'Unique in the definition. Letters, digits, dashes and underscores.',
  message: 'must be 1 to 64 letters, digits, dashes or underscores',
});

/** What is the same in every step; `config` and `branches` are held against the step's type. */
export const StepOutline = strict({
  id: StepId,
  type: oneOf(STEP_TYPES, 'What the step does.'),
  name: Type.Optional(Type.String({ maxLength: 255 })),
  config: Type.Optional(
    Type.Unknown({
      description:
        'By type: DelayConfig, ConditionConfig, WaitForEventConfig, UpdateContactConfig, ExitConfig.',
      type: 'object',
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
      'For condition and wait_for_event. A branch that is not given ends the execution as completed; one that is given, an empty one too, goes on with the step after this one.',
    ),
  ),
});

export const TriggerOutline = strict({
  type: oneOf(TRIGGER_TYPES, 'What starts an execution.'),
  eventName: Type.Optional(EventName),
  topicId: Type.Optional(Type.String()),
  schedule: Type.Optional(Type.String()),
  timezone: Type.Optional(Type.String()),
  filter: Type.Optional(Filter),
});

export const SettingsOutline = strict({
  allowReentry: Type.Optional(
    Type.Boolean({
      default: true,
      description: 'false: one running execution per contact. true: every matching event starts one.',
    }),
  ),
  reentryDelaySeconds: Type.Optional(Type.Integer({ minimum: 0 })),
  maxConcurrentExecutions: Type.Optional(Type.Integer({ minimum: 1 })),
  contactCooldownSeconds: Type.Optional(Type.Integer({ minimum: 0 })),
});

/** The shape of a definition, but for what hangs on the type of each step. */
export const WorkflowOutline = strict({
  name: Type.String({ minLength: 1, maxLength: 255 }),
  description: Type.Optional(Type.String({ maxLength: 2_000 })),
  trigger: TriggerOutline,
  settings: Type.Optional(SettingsOutline),
  steps: Type.Array(Type.Unknown({ ...StepOutline }), { minItems: 1, maxItems: MAX_STEPS }),
});

/** The documented shape; what is wrong with a definition is found by the workflow engine, all of it at once. */
export const WorkflowBody = Type.Unknown({ ...WorkflowOutline });
