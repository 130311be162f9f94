import type { EncodedMessage, RawMessage } from './headers.ts';
import { contactKey, required } from './headers.ts';
import { ACTIONS_COMPLETED, ACTIONS_REQUESTED } from '../topics.ts';

/** What a step of a workflow can ask for. */
export const WORKFLOW_ACTION_KINDS = ['webhook', 'email', 'whatsapp', 'sms'] as const;
export type WorkflowActionKind = (typeof WORKFLOW_ACTION_KINDS)[number];

export const ACTION_KINDS = [...WORKFLOW_ACTION_KINDS, 'conversion'] as const;
export type ActionKind = (typeof ACTION_KINDS)[number];

/** A call of the customer's own address, signed as https://www.standardwebhooks.com says. */
export interface WebhookRequest {
  readonly url: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly headers: Readonly<Record<string, string>>;
  /** Sent as it is; absent for a method without a body. */
  readonly body?: string;
}

export interface EmailRequest {
  readonly to: string;
  readonly subject: string;
  readonly from?: string;
  readonly replyTo?: string;
  readonly html?: string;
  readonly text?: string;
}

/** A message of WhatsApp's Cloud API: free text, or a template with its parameters in order. */
export interface WhatsappRequest {
  /** E.164. */
  readonly to: string;
  readonly body?: string;
  readonly template?: {
    readonly name: string;
    readonly language: string;
    readonly parameters: readonly string[];
  };
  /** Which number of the organisation sends; absent: the only one it has. */
  readonly phoneNumberId?: string;
}

export interface SmsRequest {
  /** E.164. */
  readonly to: string;
  readonly body: string;
}

/** Meta's names for what it is told of. */
export const CONVERSION_EVENTS = ['Purchase', 'LeadSubmitted'] as const;
export type ConversionEvent = (typeof CONVERSION_EVENTS)[number];

/** A purchase or a lead that Meta is told of, for the ad that it came by. */
export interface ConversionRequest {
  readonly eventName: ConversionEvent;
  /** Of the WhatsApp number that the ad led to. Where Meta wants to hear of it, and by which token, is the channel's at the time of sending. */
  readonly channelId: string;
  /** The click on the ad, as Meta names it. */
  readonly ctwaClid: string;
  /** Milliseconds since the epoch. */
  readonly occurredAtMs: number;
  /** Of a purchase: an exact decimal in units of the currency (ISO 4217). */
  readonly worth?: { readonly value: string; readonly currency: string };
}

export interface ActionRequests {
  readonly webhook: WebhookRequest;
  readonly email: EmailRequest;
  readonly whatsapp: WhatsappRequest;
  readonly sms: SmsRequest;
  readonly conversion: ConversionRequest;
}

/** Something that a workflow wants to have done outside: fully rendered, nothing is looked up any more. */
export type RequestedAction = {
  /** A hash of (execution, step, visit): the same at every redelivery and every attempt. The idempotency key of the delivery. */
  readonly id: string;
  readonly organizationId: string;
  readonly contactId: string;
  readonly executionId: string;
  readonly workflowId: string;
  readonly workflowVersion: number;
  readonly stepId: string;
  readonly visit: number;
  /** Milliseconds since the epoch. */
  readonly requestedAtMs: number;
} & {
  readonly [Kind in WorkflowActionKind]: { readonly kind: Kind; readonly request: ActionRequests[Kind] };
}[WorkflowActionKind];

/** An event that Meta is told of. No workflow asked for it: the organisation's channel did. */
export interface RequestedConversion {
  /** A hash of the event: whatever comes again, it is one delivery. */
  readonly id: string;
  readonly organizationId: string;
  readonly contactId: string;
  /** What Meta gets as its `event_id`. */
  readonly eventId: string;
  /** Milliseconds since the epoch. */
  readonly requestedAtMs: number;
  readonly kind: 'conversion';
  readonly request: ConversionRequest;
}

/** Whatever is to be done outside. */
export type AnyRequestedAction = RequestedAction | RequestedConversion;

/** How an action ended. Comes once per action, as far as its reader's memory goes; a message seen again has no second effect. */
export interface CompletedAction {
  /** As in the request. */
  readonly id: string;
  readonly organizationId: string;
  readonly contactId: string;
  readonly executionId: string;
  readonly workflowId: string;
  readonly stepId: string;
  readonly visit: number;
  readonly kind: WorkflowActionKind;
  /** `logged`: no credentials are set, so it was shown in the log and sent to nobody. */
  readonly status: 'delivered' | 'logged' | 'failed';
  readonly attempts: number;
  /** How the destination names it: WhatsApp's `wamid`, the Message-ID of a mail. */
  readonly providerMessageId?: string;
  /** What the destination said: a status, and why it failed. */
  readonly detail?: Readonly<Record<string, unknown>>;
  /** Milliseconds since the epoch. */
  readonly completedAtMs: number;
}

export type CompletedConversion = Pick<
  CompletedAction,
  'id' | 'organizationId' | 'contactId' | 'status' | 'attempts' | 'detail' | 'completedAtMs'
> & {
  readonly eventId: string;
  readonly kind: 'conversion';
};

export type AnyCompletedAction = CompletedAction | CompletedConversion;

/**
 * A requested action is at most this long, as JSON in UTF-8. The broker refuses a message above 1 MiB (`max.message.bytes`); with half
 * of that there is room for headers, and for the same message as a dead letter.
 */
export const MAX_ACTION_BYTES = 524_288;

const causeOf = (action: AnyRequestedAction | AnyCompletedAction): string =>
  action.kind === 'conversion' ? `events/${action.eventId}` : `workflows/${action.workflowId}`;

const headersOf = (
  action: AnyRequestedAction | AnyCompletedAction,
  { id, type, atMs }: { id: string; type: string; atMs: number },
) => ({
  ce_specversion: '1.0',
  ce_id: id,
  ce_type: type,
  ce_source: `/organizations/${action.organizationId}/${causeOf(action)}`,
  ce_time: new Date(atMs).toISOString(),
  ce_organization: action.organizationId,
  ce_contact: action.contactId,
  'content-type': 'application/json',
});

export const encodeRequestedAction = (action: AnyRequestedAction): EncodedMessage => ({
  topic: ACTIONS_REQUESTED,
  key: contactKey(action.organizationId, action.contactId),
  value: JSON.stringify(action),
  headers: headersOf(action, {
    id: action.id,
    type: `com.trackline.action.requested.${action.kind}`,
    atMs: action.requestedAtMs,
  }),
});

export const encodeCompletedAction = (action: AnyCompletedAction): EncodedMessage => ({
  topic: ACTIONS_COMPLETED,
  key: contactKey(action.organizationId, action.contactId),
  value: JSON.stringify(action),
  headers: headersOf(action, {
    id: action.id,
    type: `com.trackline.action.completed.${action.kind}`,
    atMs: action.completedAtMs,
  }),
});

const bodyOf = (message: RawMessage): unknown => {
  required(message.headers, 'ce_id');
  return JSON.parse((message.value ?? Buffer.from('{}')).toString('utf8'));
};

export const decodeRequestedAction = (message: RawMessage): AnyRequestedAction =>
  bodyOf(message) as AnyRequestedAction;
export const decodeCompletedAction = (message: RawMessage): AnyCompletedAction =>
  bodyOf(message) as AnyCompletedAction;
