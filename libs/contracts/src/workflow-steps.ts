import { Type, type Static, type TSchema } from '@sinclair/typebox';
import { EventName } from './schemas.ts';
import { strict } from './strict-object.ts';

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

export const MAX_FILTER_CLAUSES = 20;
export const MAX_CONTACT_UPDATES = 20;
export const MAX_EVENT_NAMES = 20;
export const MAX_WEBHOOK_HEADERS = 20;
export const MAX_TEMPLATE_PARAMETERS = 50;
export const MAX_WAIT_SECONDS = 366 * 86_400;
export const DEFAULT_WAIT_SECONDS = 86_400;
export const DEFAULT_ENGAGEMENT_SECONDS = 259_200;
export const MAX_LOOKBACK_SECONDS = 7 * 86_400;

/** The events that tell of an email; `actionId` among their properties says of which: see GLOSSARY, engagement. */
export const ENGAGEMENT_EVENTS = { opened: 'email.opened', clicked: 'email.clicked' } as const;
export type EngagementType = keyof typeof ENGAGEMENT_EVENTS;

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
