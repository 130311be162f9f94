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

/** An event as an execution remembers it. A start by hand has no event: then the properties are the caller's data. */
export interface EventView {
  readonly eventId: string | null;
  readonly name: string | null;
  readonly properties: Readonly<Record<string, unknown>>;
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
export function valueAt(object: unknown, path: string): unknown {
  if (typeof object !== 'object' || object === null) return undefined;
  if (Object.hasOwn(object, path)) return (object as Record<string, unknown>)[path];
  const dot = path.indexOf('.');
  if (dot < 0) return undefined;
  const head = path.slice(0, dot);
  return Object.hasOwn(object, head)
    ? valueAt((object as Record<string, unknown>)[head], path.slice(dot + 1))
    : undefined;
}

/** A field of the contact, else one of its properties. */
export function contactValue(contact: ContactView | undefined, path: string): unknown {
  if (!contact) return undefined;
  const field = CONTACT_FIELDS.find((name) => name === path);
  if (field && contact[field] !== undefined) return contact[field];
  if (path === 'createdAt' || path === 'updatedAt') return contact[path]?.toISOString();
  return valueAt(contact.properties, path) ?? valueAt(contact, path);
}

/** `contact.…`, `event.…` and `waits.<stepId>.event.…` name their place. */
function namedValue(scope: FieldScope, field: string): unknown {
  const [place, ...rest] = field.split('.');
  if (rest.length === 0) return undefined;
  const path = rest.join('.');
  if (place === 'contact') return contactValue(scope.contact, path);
  if (place === 'event') return valueAt(scope.trigger.properties, path);
  if (place !== 'waits' || rest.length < 3 || rest[1] !== 'event') return undefined;
  const stepId = rest[0]!;
  const resume = Object.hasOwn(scope.resumes, stepId) ? scope.resumes[stepId] : undefined;
  return valueAt(resume?.properties, rest.slice(2).join('.'));
}

/** A field of a condition: its named place, else contact fields, contact properties, the latest event, the triggering event. */
export const lookUp = (scope: FieldScope, field: string): unknown =>
  namedValue(scope, field) ??
  contactValue(scope.contact, field) ??
  valueAt(scope.latest.properties, field) ??
  valueAt(scope.trigger.properties, field);

/** A placeholder: its named place, else the latest event, the triggering event, contact fields, contact properties. */
export const lookUpForText = (scope: FieldScope, field: string): unknown =>
  namedValue(scope, field) ??
  valueAt(scope.latest.properties, field) ??
  valueAt(scope.trigger.properties, field) ??
  contactValue(scope.contact, field);
