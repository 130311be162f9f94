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
export const MAX_TRANSITIONS = 2 * MAX_STEPS;
export const MAX_FILTER_CLAUSES = 20;
export const MAX_CONTACT_UPDATES = 20;
export const MAX_EVENT_NAMES = 20;
export const MAX_WEBHOOK_HEADERS = 20;
export const MAX_TEMPLATE_PARAMETERS = 50;
export const MAX_WAIT_SECONDS = 366 * 86_400;
export const DEFAULT_WAIT_SECONDS = 86_400;
export const DEFAULT_ENGAGEMENT_SECONDS = 259_200;
export const MAX_LOOKBACK_SECONDS = 7 * 86_400;
export const DEFAULT_CONCURRENT_EXECUTIONS = 1_000;

/** The events that tell of an email; `actionId` among their properties says of which: see GLOSSARY, engagement. */
export const ENGAGEMENT_EVENTS = { opened: 'email.opened', clicked: 'email.clicked' } as const;
export type EngagementType = keyof typeof ENGAGEMENT_EVENTS;

/** Why an event, or whatever else was to start an execution, did not. */
export const ENTRY_REFUSALS = [
  'already_running',
  'reentry_delay',
  'contact_cooldown',
  'max_concurrent_executions',
] as const;
export type EntryRefusal = (typeof ENTRY_REFUSALS)[number];

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

const timeoutSeconds = (default_: number) =>
  Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: MAX_WAIT_SECONDS,
      default: default_,
      description: 'After this the execution goes on with the branch `no`.',
      message: `must be a whole number of seconds from 1 to ${MAX_WAIT_SECONDS}`,
    }),
  );

export const WaitForEventConfig = strict({
  eventName: Type.Optional(EventName),
  eventNames: Type.Optional(
    Type.Array(EventName, {
      minItems: 1,
      maxItems: MAX_EVENT_NAMES,
      description: 'Any of these ends the wait. Either this or `eventName`.',
    }),
  ),
  timeoutSeconds: timeoutSeconds(DEFAULT_WAIT_SECONDS),
  filter: Type.Optional(Filter),
  lookbackSeconds: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: MAX_LOOKBACK_SECONDS,
      default: 0,
      description:
        'An event that was received at most so long before the wait began ends it at once; of several the first. Each event ends one wait of an execution at most.',
      message: `must be a whole number of seconds from 0 to ${MAX_LOOKBACK_SECONDS}`,
    }),
  ),
});
export type WaitForEventConfig = Static<typeof WaitForEventConfig>;

export const WaitForEmailEngagementConfig = strict({
  emailStepId: Type.String({
    minLength: 1,
    maxLength: 64,
    description: 'A `send_email` step before this one.',
  }),
  engagementType: oneOf(['opened', 'clicked'], 'What the contact is to do with the email.'),
  timeoutSeconds: timeoutSeconds(DEFAULT_ENGAGEMENT_SECONDS),
});
export type WaitForEmailEngagementConfig = Static<typeof WaitForEmailEngagementConfig>;

/** Text with `{{placeholders}}`, which are filled in when the step is taken. */
const template = (maxLength: number, description: string) =>
  Type.String({ minLength: 1, maxLength, description: `${description} May hold {{placeholders}}.` });

const onFailure = Type.Optional(
  oneOf(
    ['continue', 'fail'],
    'When it cannot be requested or delivered: `continue` (default) marks the step as failed and goes on, `fail` fails the execution, which can be retried from this step.',
  ),
);

export const SendEmailConfig = strict(
  {
    subject: template(1_000, 'The subject, in one line.'),
    html: Type.Optional(template(200_000, 'The body as HTML; values are escaped.')),
    text: Type.Optional(template(200_000, 'The body as plain text.')),
    body: Type.Optional(template(200_000, 'The same as `text`.')),
    from: Type.Optional(template(320, 'The sender; without it the one that the connector is set up with.')),
    replyTo: Type.Optional(template(320, 'Where answers go.')),
    onFailure,
  },
  'At least one of `html`, `text` and `body`.',
);
export type SendEmailConfig = Static<typeof SendEmailConfig>;

export const SendSmsConfig = strict({ body: template(1_600, 'The message.'), onFailure });
export type SendSmsConfig = Static<typeof SendSmsConfig>;

export const SendWhatsappConfig = strict(
  {
    body: Type.Optional(template(4_096, 'Free text, for a contact who has written within 24 hours.')),
    template: Type.Optional(
      strict({
        name: Type.String({
          minLength: 1,
          maxLength: 512,
          description: 'Of a template that Meta has approved.',
        }),
        language: Type.String({ minLength: 2, maxLength: 15, description: 'As Meta writes it: `en_US`.' }),
        parameters: Type.Optional(
          Type.Array(template(1_024, 'The value of a variable of the template.'), {
            maxItems: MAX_TEMPLATE_PARAMETERS,
            description: 'Of the body, in order.',
          }),
        ),
      }),
    ),
    phoneNumberId: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 64,
        description: 'Which number of the organisation sends; not needed when it has one.',
      }),
    ),
    onFailure,
  },
  'Either `body` or `template`.',
);
export type SendWhatsappConfig = Static<typeof SendWhatsappConfig>;

export const WEBHOOK_METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

export const WebhookConfig = strict({
  url: template(2_048, 'An absolute http or https address; values are percent-encoded.'),
  method: Type.Optional(oneOf(WEBHOOK_METHODS, 'Default POST.')),
  headers: Type.Optional(
    Type.Record(Type.String(), Type.String({ maxLength: 4_096 }), {
      description: 'Values may hold {{placeholders}}.',
    }),
  ),
  body: Type.Optional(
    Type.Unknown({
      description:
        'An object or a list is sent as JSON: its texts may hold {{placeholders}}, and a text that is nothing but one takes the value as it is, with its type. Text is sent as it is rendered.',
    }),
  ),
  onFailure,
});
export type WebhookConfig = Static<typeof WebhookConfig>;

const TopicId = Type.String({
  minLength: 1,
  maxLength: 255,
  description: 'What is subscribed to, in your own words.',
});

export const SubscriptionConfig = strict({
  topicId: TopicId,
  channel: Type.Optional(oneOf(['email', 'sms', 'whatsapp'], 'On this channel only; default: on all.')),
});
export type SubscriptionConfig = Static<typeof SubscriptionConfig>;

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
  send_email: SendEmailConfig;
  send_sms: SendSmsConfig;
  send_whatsapp: SendWhatsappConfig;
  delay: DelayConfig;
  condition: ConditionConfig;
  wait_for_event: WaitForEventConfig;
  wait_for_email_engagement: WaitForEmailEngagementConfig;
  update_contact: UpdateContactConfig;
  subscribe_topic: SubscriptionConfig;
  unsubscribe_topic: SubscriptionConfig;
  webhook: WebhookConfig;
  exit: ExitConfig;
}

export const STEP_CONFIGS = {
  send_email: SendEmailConfig,
  send_sms: SendSmsConfig,
  send_whatsapp: SendWhatsappConfig,
  delay: DelayConfig,
  condition: ConditionConfig,
  wait_for_event: WaitForEventConfig,
  wait_for_email_engagement: WaitForEmailEngagementConfig,
  update_contact: UpdateContactConfig,
  subscribe_topic: SubscriptionConfig,
  unsubscribe_topic: SubscriptionConfig,
  webhook: WebhookConfig,
  exit: ExitConfig,
} as const satisfies Record<StepType, TSchema>;

export type WorkflowStep = {
  [T in StepType]: {
    readonly id: string;
    readonly type: T;
    readonly name?: string;
    readonly config: StepConfigs[T];
    /** In the nested form only. */
    readonly branches?: { readonly yes?: readonly WorkflowStep[]; readonly no?: readonly WorkflowStep[] };
  };
}[StepType];

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

/** What is the same in every step; `config` and `branches` are held against the step's type. */
export const StepOutline = strict({
  id: StepId,
  type: oneOf(STEP_TYPES, 'What the step does.'),
  name: Type.Optional(Type.String({ maxLength: 255 })),
  config: Type.Optional(
    Type.Unknown({
      description: `By type: ${Object.keys(STEP_CONFIGS).join(', ')}.`,
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
export const WorkflowBody = Type.Unknown({ ...WorkflowOutline });
