import { isUuid } from '@trackline/kernel';
import { referenceKey, type Reference } from './cached-owners.ts';
import { hashOfCause } from './cause.ts';
import { lenientName } from './contact-input.ts';
import { IDENTIFIER_RULES, NORMALIZE, type Identifier, type IdentifierField } from './identifier.ts';

/** The contact of an event: by `contactId`, else `externalId`, else `email`, else `phone`; the first that is given decides. */
export interface ContactRequest {
  readonly organizationId: string;
  readonly contactId?: string;
  readonly externalId?: string;
  readonly email?: string;
  readonly phone?: string | number;
  /** Make the contact when it is not there; needs `email` or `phone`. */
  readonly create?: {
    readonly firstName?: string;
    /** What makes it (an event id): the same cause coming again is told `created: true` again. */
    readonly cause: string;
  };
}

export type ContactResolution = { readonly contactId: string; readonly created: boolean } | NotFound;

export interface NotFound {
  readonly notFound: true;
  /** For a person. */
  readonly reason: string;
}

/** A request as it is looked up. */
export interface Search {
  readonly organizationId: string;
  /** Tried in turn. */
  readonly references: readonly Reference[];
  readonly create?: Creation;
}

export interface Creation {
  /** Settles who creates when several do at once; the others are attached when they are free. */
  readonly primary: Identifier;
  readonly others: readonly Identifier[];
  readonly firstName: string | undefined;
  readonly cause: Buffer;
}

export const notFound = (reason: string): NotFound => ({ notFound: true, reason });

/** How to look a request up, or why that is pointless. */
export function toSearch(request: ContactRequest): Search | NotFound {
  const { organizationId } = request;
  if (!isUuid(organizationId)) return notFound('There is no such organization.');
  const decisive = decisiveReference(request);
  if (!decisive) return notFound('No contactId, externalId, email or phone was given.');
  const create = request.create && toCreation(request, request.create);
  if (create && 'notFound' in create) return create;
  const references: Reference[] = decisive === 'ill-formed' ? [] : [decisive];
  if (create) {
    const primary: Reference = { by: 'identifier', identifier: create.primary };
    if (!references.some((reference) => referenceKey(reference) === referenceKey(primary)))
      references.push(primary);
  }
  return { organizationId, references, ...(create ? { create } : undefined) };
}

const isGiven = (value: unknown): boolean => value !== undefined && value !== null && value !== '';

function decisiveReference(request: ContactRequest): Reference | 'ill-formed' | undefined {
  const { organizationId, contactId } = request;
  if (isGiven(contactId)) {
    return isUuid(String(contactId))
      ? { by: 'id', ref: { organizationId, contactId: String(contactId) } }
      : 'ill-formed';
  }
  for (const field of ['externalId', 'email', 'phone'] as const) {
    if (!isGiven(request[field])) continue;
    const identifier = identifierOf(request, field);
    return identifier ? { by: 'identifier', identifier } : 'ill-formed';
  }
  return undefined;
}

function identifierOf(request: ContactRequest, field: IdentifierField): Identifier | undefined {
  if (!isGiven(request[field])) return undefined;
  const value = NORMALIZE[field](String(request[field]));
  return value === undefined ? undefined : { organizationId: request.organizationId, field, value };
}

function toCreation(
  request: ContactRequest,
  { cause, firstName }: NonNullable<ContactRequest['create']>,
): Creation | NotFound {
  const field = isGiven(request.email) ? 'email' : 'phone';
  if (!isGiven(request[field]))
    return notFound('A contact can be created with an email or a phone number only.');
  const primary = identifierOf(request, field);
  if (!primary) return notFound(IDENTIFIER_RULES[field]);
  const others = (['phone', 'externalId'] as const)
    .filter((other) => other !== field)
    .flatMap((other) => identifierOf(request, other) ?? []);
  return {
    primary,
    others,
    firstName: lenientName(firstName),
    cause: hashOfCause(request.organizationId, 'create', cause),
  };
}
