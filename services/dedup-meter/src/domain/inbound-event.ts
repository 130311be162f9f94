import { isUtf8 } from 'node:buffer';
import {
  clientNamedEventId,
  encodeProperties,
  InboundBody,
  isStorableText,
  numbersAsSent,
  numbersAt,
  parseOccurredAt,
  validator,
  type Issue,
  type NumbersAsSent,
  type RawHeaders,
  type RawMessage,
} from '@trackline/contracts';
import type { FactsBeforeContact } from './judged-event.ts';
import { deadLetter } from './received-event.ts';
import type { DeadLetter } from './verdict.ts';

/** By whom the event was done, as its producer says it: the first that is given decides. */
export interface ContactClaim {
  readonly contactId?: string;
  readonly externalId?: string;
  readonly email?: string;
  readonly phone?: string;
  /** Make the contact when it is not there. */
  readonly create?: { readonly firstName?: string; readonly cause: string };
}

/** A message of `events.inbound.v1` that is sound in itself: organisation and contact are still to be found. */
export interface InboundEvent extends FactsBeforeContact {
  readonly clientId: string;
  /** JSON text of an object, its numbers as they were sent. */
  readonly properties: string;
  readonly contact: ContactClaim;
  /** The API key that the message carries. */
  readonly bearer?: string;
}

export const INBOUND_TYPE = 'com.trackline.event.track';

const MAX_CLIENT_ID_CHARACTERS = 255;
const MAX_SOURCE_CHARACTERS = 1_024;
const SOURCE = /^\/organizations\/([^/]+)(?:\/.*)?$/s;
const checkBody = validator(InboundBody);

/** Words of what is wrong, on their way out of a nested check. */
class Unsound extends Error {
  constructor(
    readonly reason: 'undecodable' | 'invalid' | 'contact_not_found',
    detail: string,
  ) {
    super(detail);
  }
}

/** Reads and checks all that can be checked without asking anybody (the wire format is CloudEvents 1.0, binary mode). */
export function readInbound(message: RawMessage): InboundEvent | DeadLetter {
  try {
    return read(message);
  } catch (error) {
    if (error instanceof Unsound) return deadLetter(error.reason, error.message);
    throw error;
  }
}

function read({ headers, value, timestampMs }: RawMessage): InboundEvent {
  checkEnvelope(headers);
  const clientId = header(headers, 'ce_id', MAX_CLIENT_ID_CHARACTERS);
  const source = header(headers, 'ce_source', MAX_SOURCE_CHARACTERS);
  const organizationId = SOURCE.exec(source)?.[1];
  if (organizationId === undefined) {
    throw new Unsound(
      'undecodable',
      `The header "ce_source" must be /organizations/<id>/…, not "${source.slice(0, 80)}".`,
    );
  }
  const { body, numbers } = parseBody(value);
  const properties = encodeProperties(body.properties, '/properties', numbersAt(numbers, 'properties'));
  if (!properties.ok) throw invalid(properties.issue);
  const event: Mutable<InboundEvent> = {
    eventId: clientNamedEventId(organizationId, source, clientId),
    organizationId,
    source,
    clientId,
    name: storable(body.name, '/name'),
    backfill: body.backfill === true,
    properties: properties.json,
    contact: NOBODY,
  };
  if (body.uniqueId !== undefined) event.uniqueId = storable(body.uniqueId, '/uniqueId');
  const occurredAtMs = occurredAt(body.occurredAt, headers, timestampMs);
  if (occurredAtMs !== undefined) event.occurredAtMs = occurredAtMs;
  event.contact = contactOf(body, event.eventId);
  const bearer = headers.authorization?.toString('utf8').match(/^Bearer +(\S+)$/i)?.[1];
  if (bearer !== undefined) event.bearer = bearer;
  return event;
}

/** Filled step by step: parts that are spread into an object cost more than all that is checked of them. */
type Mutable<Event> = { -readonly [Field in keyof Event]: Event[Field] };

const NOBODY: ContactClaim = {};

function checkEnvelope(headers: RawHeaders): void {
  const contentType = headers['content-type']?.toString('latin1').toLowerCase();
  if (contentType?.startsWith('application/cloudevents')) {
    throw new Unsound(
      'undecodable',
      'This is structured mode: send CloudEvents in binary mode, with ce_ headers and the data as the body.',
    );
  }
  const version = header(headers, 'ce_specversion', 16);
  if (version !== '1.0')
    throw new Unsound('undecodable', `The header "ce_specversion" must be 1.0, not "${version}".`);
  const type = header(headers, 'ce_type', 255);
  if (type !== INBOUND_TYPE)
    throw new Unsound('undecodable', `The header "ce_type" must be ${INBOUND_TYPE}, not "${type}".`);
  if (contentType !== undefined && !/^application\/(?:[\w.+-]+\+)?json\b/.test(contentType)) {
    throw new Unsound(
      'undecodable',
      `The header "content-type" must be application/json, not "${contentType.slice(0, 80)}".`,
    );
  }
}

function header(headers: RawHeaders, name: string, maxCharacters: number): string {
  const bytes = headers[name];
  if (bytes === undefined || bytes.length === 0)
    throw new Unsound('undecodable', `The header "${name}" is missing.`);
  const text = bytes.toString('utf8');
  if (!isUtf8(bytes) || !isStorableText(text)) {
    throw new Unsound('undecodable', `The header "${name}" is not UTF-8 text without NUL characters.`);
  }
  if (text.length > maxCharacters) {
    throw new Unsound('undecodable', `The header "${name}" is longer than ${maxCharacters} characters.`);
  }
  return text;
}

function parseBody(value: Buffer | null): {
  readonly body: InboundBody;
  readonly numbers: NumbersAsSent | undefined;
} {
  if (value === null || value.length === 0) throw new Unsound('undecodable', 'The message has no body.');
  if (!isUtf8(value)) throw new Unsound('undecodable', 'The body is not valid UTF-8.');
  const text = value.toString('utf8');
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new Unsound('undecodable', `The body is not valid JSON: ${(error as Error).message}`);
  }
  const checked = checkBody(parsed);
  if (!checked.ok) throw invalid(checked.issues[0] ?? { path: '', message: 'The body is not right.' });
  return { body: checked.value, numbers: numbersAsSent(text) };
}

/** `occurredAt` of the body goes before the envelope's `ce_time`. */
function occurredAt(said: string | undefined, headers: RawHeaders, receivedAtMs: number): number | undefined {
  const text = said ?? headers.ce_time?.toString('latin1');
  if (text === undefined) return undefined;
  const moment = parseOccurredAt(text, receivedAtMs);
  if (moment.ok) return moment.ms;
  throw said === undefined
    ? new Unsound('invalid', `The header "ce_time" is not right: ${moment.message}`)
    : invalid({ path: '/occurredAt', message: moment.message });
}

function contactOf(body: InboundBody, eventId: string): ContactClaim {
  const { contactId, contactExternalId, contactEmail, contactPhone, contactName, createIfMissing } = body;
  if ((contactId ?? contactExternalId ?? contactEmail ?? contactPhone) === undefined) {
    throw new Unsound(
      'contact_not_found',
      'None of contactId, contactExternalId, contactEmail and contactPhone is given.',
    );
  }
  const claim: Mutable<ContactClaim> = {};
  if (contactId !== undefined) claim.contactId = storable(contactId, '/contactId');
  if (contactExternalId !== undefined) claim.externalId = storable(contactExternalId, '/contactExternalId');
  if (contactEmail !== undefined) claim.email = storable(contactEmail, '/contactEmail');
  if (contactPhone !== undefined) claim.phone = storable(contactPhone, '/contactPhone');
  if (createIfMissing) {
    claim.create =
      contactName === undefined
        ? { cause: eventId }
        : { firstName: storable(contactName, '/contactName'), cause: eventId };
  }
  return claim;
}

function storable(text: string, path: string): string {
  if (isStorableText(text)) return text;
  throw invalid({ path, message: 'Text must be well-formed Unicode without NUL characters.' });
}

const invalid = ({ path, message }: Issue): Unsound =>
  new Unsound('invalid', path === '' ? `The body is not right: ${message}` : `${path}: ${message}`);
