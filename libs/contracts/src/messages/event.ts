import type { EncodedMessage, RawHeaders, RawMessage } from './headers.ts';
import { contactKey, required, text } from './headers.ts';
import { formatMoment, parseMoment } from './moment.ts';
import { formatPosition, parsePosition, type Position } from './position.ts';
import { ADMITTED, RECEIVED, REFUSED } from '../topics.ts';

/** What is known of an event before it is judged. `properties` stays the JSON text that came, so that no stage parses it without need. */
export interface EventFacts {
  readonly eventId: string;
  readonly organizationId: string;
  readonly contactId: string;
  readonly name: string;
  /** `/organizations/<id>/http`, or what a direct producer wrote into `ce_source`. */
  readonly source: string;
  readonly uniqueId?: string;
  /** The client's own id of the event on its transport: its `ce_id` or `Idempotency-Key`. `eventId` is then a hash of it. */
  readonly clientId?: string;
  /** Milliseconds since the epoch; absent: the moment of receipt. */
  readonly occurredAtMs?: number;
  /** Recorded and metered, but starts and resumes nothing. */
  readonly backfill: boolean;
  readonly requestId?: string;
  /** `<partition of outcomes.v1>/<correlation>` of the caller that waits for the outcome. */
  readonly replyTo?: string;
  /** JSON text of an object. */
  readonly properties: Buffer | string;
}

export interface JudgedEvent extends EventFacts {
  readonly occurredAtMs: number;
  /** The broker's append time of the source message, milliseconds since the epoch. */
  readonly receivedAtMs: number;
  readonly position: Position;
}

export interface AdmittedEvent extends JudgedEvent {
  /** The organisation's events of the month, this one included. */
  readonly monthUsed: number;
  /** Set on a resend: the position at which the event was admitted. It has no effect; whoever waits is answered from the first. */
  readonly replayOf?: Position;
}

export type Refusal =
  { readonly verdict: 'duplicate'; readonly duplicateOf: string } | { readonly verdict: 'over_limit' };

export interface RefusedEvent extends JudgedEvent {
  readonly monthUsed: number;
  readonly refusal: Refusal;
}

function encodeFacts(topic: string, type: string, event: EventFacts): EncodedMessage {
  const headers: Record<string, string> = {
    ce_specversion: '1.0',
    ce_id: event.eventId,
    ce_type: type,
    ce_source: event.source,
    'content-type': 'application/json',
    ce_organization: event.organizationId,
    ce_contact: event.contactId,
    ce_name: event.name,
  };
  if (event.occurredAtMs !== undefined) headers.ce_time = formatMoment(event.occurredAtMs);
  if (event.uniqueId !== undefined) headers.ce_uniqueid = event.uniqueId;
  if (event.clientId !== undefined) headers.ce_clientid = event.clientId;
  if (event.backfill) headers.ce_backfill = 'true';
  if (event.requestId !== undefined) headers.ce_requestid = event.requestId;
  if (event.replyTo !== undefined) headers.ce_replyto = event.replyTo;
  return { topic, key: contactKey(event.organizationId, event.contactId), value: event.properties, headers };
}

type Mutable<Event> = { -readonly [Field in keyof Event]: Event[Field] };

/** One object per message, filled step by step: copies of it would be the most that decoding costs. */
function decodeFacts({ value }: RawMessage, headers: RawHeaders): Mutable<EventFacts> {
  const facts: Mutable<EventFacts> = {
    eventId: required(headers, 'ce_id'),
    organizationId: required(headers, 'ce_organization'),
    contactId: required(headers, 'ce_contact'),
    name: required(headers, 'ce_name'),
    source: required(headers, 'ce_source'),
    backfill: headers.ce_backfill !== undefined,
    properties: value ?? '{}',
  };
  const time = text(headers, 'ce_time');
  if (time !== undefined) facts.occurredAtMs = parseMoment(time);
  const uniqueId = text(headers, 'ce_uniqueid');
  if (uniqueId !== undefined) facts.uniqueId = uniqueId;
  const clientId = text(headers, 'ce_clientid');
  if (clientId !== undefined) facts.clientId = clientId;
  const requestId = text(headers, 'ce_requestid');
  if (requestId !== undefined) facts.requestId = requestId;
  const replyTo = text(headers, 'ce_replyto');
  if (replyTo !== undefined) facts.replyTo = replyTo;
  return facts;
}

function encodeJudged(
  topic: string,
  type: string,
  event: JudgedEvent & { monthUsed: number },
): EncodedMessage {
  const message = encodeFacts(topic, type, event);
  message.headers.ce_receivedat = formatMoment(event.receivedAtMs);
  message.headers.ce_position = formatPosition(event.position);
  message.headers.ce_monthused = String(event.monthUsed);
  return message;
}

function decodeJudged(
  message: RawMessage,
  headers: RawHeaders,
): Mutable<JudgedEvent & { monthUsed: number }> {
  const event = decodeFacts(message, headers) as Mutable<JudgedEvent & { monthUsed: number }>;
  event.receivedAtMs = parseMoment(required(headers, 'ce_receivedat'));
  // Absent in the message: the moment of receipt.
  event.occurredAtMs ??= event.receivedAtMs;
  event.position = parsePosition(required(headers, 'ce_position'));
  event.monthUsed = Number(required(headers, 'ce_monthused'));
  return event;
}

export const encodeReceived = (event: EventFacts): EncodedMessage =>
  encodeFacts(RECEIVED, 'com.trackline.event.received', event);

export const decodeReceived = (message: RawMessage): EventFacts => decodeFacts(message, message.headers);

export function encodeAdmitted(event: AdmittedEvent): EncodedMessage {
  const message = encodeJudged(ADMITTED, 'com.trackline.event.admitted', event);
  if (event.replayOf) message.headers.ce_replayof = formatPosition(event.replayOf);
  return message;
}

export function decodeAdmitted(message: RawMessage): AdmittedEvent {
  const { headers } = message;
  const event: Mutable<AdmittedEvent> = decodeJudged(message, headers);
  const replayOf = text(headers, 'ce_replayof');
  if (replayOf !== undefined) event.replayOf = parsePosition(replayOf);
  return event;
}

export function encodeRefused(event: RefusedEvent): EncodedMessage {
  const message = encodeJudged(REFUSED, 'com.trackline.event.refused', event);
  message.headers.ce_verdict = event.refusal.verdict;
  if (event.refusal.verdict === 'duplicate') message.headers.ce_duplicateof = event.refusal.duplicateOf;
  return message;
}

export function decodeRefused(message: RawMessage): RefusedEvent {
  const { headers } = message;
  const refusal: Refusal =
    required(headers, 'ce_verdict') === 'duplicate'
      ? { verdict: 'duplicate', duplicateOf: required(headers, 'ce_duplicateof') }
      : { verdict: 'over_limit' };
  return Object.assign(decodeJudged(message, headers), { refusal });
}
