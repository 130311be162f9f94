import { numbersAt, type NumbersAsSent } from '@trackline/contracts';

/** What the engine knows of a contact. */
export interface ContactView {
  readonly id: string;
  readonly email?: string;
  readonly phone?: string;
  readonly externalId?: string;
  readonly firstName?: string;
  readonly lastName?: string;
  readonly properties: Readonly<Record<string, unknown>>;
  /** Only a trace of somebody, who has no address yet. */
  readonly provisional?: true;
  readonly createdAt?: Date;
  readonly updatedAt?: Date;
}

/** What an event says. */
export interface SentProperties {
  readonly properties: Readonly<Record<string, unknown>>;
  /** Those that a double does not give back, for texts to show them as they were sent. Absent: none, or they are not known. */
  readonly numbers?: NumbersAsSent;
}

/** An event as an execution remembers it. A start by hand has no event: then the properties are the caller's data. */
export interface EventView extends SentProperties {
  readonly eventId: string | null;
  readonly name: string | null;
}

/** A value, and the numbers in it as they were sent; of a value that is a number, its text. */
export interface Sent {
  readonly value: unknown;
  readonly numbers?: NumbersAsSent | string | undefined;
}

/** All that a field of a condition, or a placeholder, can refer to. */
export interface FieldScope {
  readonly contact: ContactView | undefined;
  readonly trigger: EventView;
  /** By the step that waited. */
  readonly resumes: Readonly<Record<string, EventView>>;
  /** Of the last resume, else the trigger. */
  readonly latest: EventView;
}

const CONTACT_FIELDS = ['id', 'email', 'phone', 'externalId', 'firstName', 'lastName'] as const;

/** The value at a key that may itself have dots in it, else at the dotted path. Own properties only. */
export const valueAt = (object: unknown, path: string): unknown => sentAt({ value: object }, path)?.value;

function sentAt({ value: object, numbers }: Sent, path: string): Sent | undefined {
  if (typeof object !== 'object' || object === null) return undefined;
  if (Object.hasOwn(object, path)) return memberOf(object, path, numbers);
  const dot = path.indexOf('.');
  if (dot < 0) return undefined;
  const head = path.slice(0, dot);
  return Object.hasOwn(object, head)
    ? sentAt(memberOf(object, head, numbers), path.slice(dot + 1))
    : undefined;
}

const memberOf = (object: object, key: string, numbers: Sent['numbers']): Sent => ({
  value: (object as Record<string, unknown>)[key],
  numbers: numbersAt(numbers, key),
});

/** A field of the contact, else one of its properties. */
export function contactValue(contact: ContactView | undefined, path: string): unknown {
  if (!contact) return undefined;
  const field = CONTACT_FIELDS.find((name) => name === path);
  if (field && contact[field] !== undefined) return contact[field];
  if (path === 'createdAt' || path === 'updatedAt') return contact[path]?.toISOString();
  return valueAt(contact.properties, path) ?? valueAt(contact, path);
}

/** What is there: null is as good as nothing. */
function given(sent: Sent | undefined): Sent | undefined {
  return sent?.value === undefined || sent.value === null ? undefined : sent;
}

const ofEvent = (event: EventView | undefined, path: string): Sent | undefined =>
  event && given(sentAt({ value: event.properties, numbers: event.numbers }, path));

const ofContact = (contact: ContactView | undefined, path: string): Sent | undefined =>
  given({ value: contactValue(contact, path) });

/** `contact.…`, `event.…` and `waits.<stepId>.event.…` name their place. */
function ofNamedPlace(scope: FieldScope, field: string): Sent | undefined {
  const [place, ...rest] = field.split('.');
  if (rest.length === 0) return undefined;
  const path = rest.join('.');
  if (place === 'contact') return ofContact(scope.contact, path);
  if (place === 'event') return ofEvent(scope.trigger, path);
  if (place !== 'waits' || rest.length < 3 || rest[1] !== 'event') return undefined;
  const stepId = rest[0]!;
  const resume = Object.hasOwn(scope.resumes, stepId) ? scope.resumes[stepId] : undefined;
  return ofEvent(resume, rest.slice(2).join('.'));
}

/** A field of a condition: its named place, else contact fields, contact properties, the latest event, the triggering event. */
export const lookUp = (scope: FieldScope, field: string): unknown =>
  (ofNamedPlace(scope, field) ?? ofContact(scope.contact, field) ?? ofEvent(scope.latest, field))?.value ??
  valueAt(scope.trigger.properties, field);

/** A placeholder: its named place, else the latest event, the triggering event, contact fields, contact properties. */
export const lookUpForText = (scope: FieldScope, field: string): Sent | undefined =>
  ofNamedPlace(scope, field) ??
  ofEvent(scope.latest, field) ??
  ofEvent(scope.trigger, field) ??
  ofContact(scope.contact, field);
