import {
  encodeProperties,
  isStorableText,
  numbersAt,
  parseOccurredAt,
  type BatchItem,
  type Issue,
  type NumbersAsSent,
  type TrackBody,
} from '@trackline/contracts';
import { err, ok, type Result } from '@trackline/kernel';
import { contactReference, type ContactReference } from './contact-reference.ts';

/** An event as its sender means it: checked, its contact not looked up yet. */
export interface TrackedEvent {
  readonly name: string;
  /** `undefined`: nothing that could find a contact was given. */
  readonly contact: ContactReference | undefined;
  /** Make the contact of the email or phone when it is not there. */
  readonly create?: { readonly firstName?: string };
  /** JSON text of an object, its numbers as they were sent. */
  readonly properties: string;
  readonly uniqueId?: string;
  readonly occurredAtMs?: number;
  readonly backfill: boolean;
}

/** The numbers of an item, or of a whole body, as they were sent. */
export type ItemNumbers = NumbersAsSent | string | undefined;

/** What the schema cannot say of an event: text that can be stored, bounds of time and size. `nowMs` is the moment of receipt. */
export function validateItem(
  item: BatchItem,
  nowMs: number,
  numbers?: ItemNumbers,
): Result<TrackedEvent, Issue> {
  const unstorable = textIssue('/name', item.name) ?? textIssue('/uniqueId', item.uniqueId);
  if (unstorable) return err(unstorable);
  const occurredAt = item.occurredAt === undefined ? undefined : parseOccurredAt(item.occurredAt, nowMs);
  if (occurredAt && !occurredAt.ok) return err({ path: '/occurredAt', message: occurredAt.message });
  const properties = encodeProperties(item.properties, '/properties', numbersAt(numbers, 'properties'));
  if (!properties.ok) return err(properties.issue);
  return ok({
    name: item.name,
    contact: contactReference(item),
    properties: properties.json,
    uniqueId: item.uniqueId,
    occurredAtMs: occurredAt?.ms,
    backfill: item.backfill === true,
  });
}

/** A single event may bring its contact along. */
export function validateTrack(
  body: TrackBody,
  nowMs: number,
  numbers?: ItemNumbers,
): Result<TrackedEvent, Issue> {
  const item = validateItem(body, nowMs, numbers);
  if (!item.ok || body.createIfMissing !== true || item.value.contact?.by !== 'email') return item;
  if (!isEmail(item.value.contact.value)) {
    return err({ path: '/contactEmail', message: 'A contact can be created with an email address only.' });
  }
  const unstorable = textIssue('/contactName', body.contactName);
  if (unstorable) return err(unstorable);
  return ok({
    ...item.value,
    create: body.contactName === undefined ? {} : { firstName: body.contactName },
  });
}

const MAX_EMAIL_CHARACTERS = 320;
const isEmail = (text: string): boolean =>
  text.length <= MAX_EMAIL_CHARACTERS && /^[^\s@]+@[^\s@]+$/u.test(text.trim());

const textIssue = (path: string, text: string | undefined): Issue | undefined =>
  text === undefined || isStorableText(text)
    ? undefined
    : { path, message: 'Text must be well-formed Unicode without NUL characters.' };
