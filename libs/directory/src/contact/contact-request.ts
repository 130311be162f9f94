import { isUuid } from '@trackline/kernel';
import { referenceKey, type Reference } from './cached-owners.ts';
import { hashOfCause } from './cause.ts';
import { lenientName } from './contact-input.ts';
import {
  IDENTIFIER_RULES,
  NORMALIZE,
  normalizeOpaque,
  normalizeWaId,
  type Identifier,
  type IdentifierKind,
} from './identifier.ts';

/**
 * The contact of an event: by `contactId`, else `externalId`, `email`, `phone`, `waId`, `whatsappUserId`, `evidence`; the first that is
 * given decides.
 */
export interface ContactRequest {
  readonly organizationId: string;
  readonly contactId?: string;
  readonly externalId?: string;
  readonly email?: string;
  readonly phone?: string | number;
  /** A phone number as WhatsApp writes it: never refused as long as it is digits. */
  readonly waId?: string;
  /** Meta's business-scoped id of a user who hides the number. */
  readonly whatsappUserId?: string;
  /** Names what a contact was seen by when nothing better is known; one that is made by it is provisional. */
  readonly evidence?: string;
  /** Make the contact when it is not there; needs more than `contactId` or `externalId`. */
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
  /** Nobody we know: becomes an alias once it is known who it was. */
  readonly provisional: boolean;
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
  for (const field of ['externalId', 'email', 'phone', 'waId', 'whatsappUserId', 'evidence'] as const) {
    if (!isGiven(request[field])) continue;
    const identifier = identifierOf(request, field);
    return identifier ? { by: 'identifier', identifier } : 'ill-formed';
  }
  return undefined;
}

type Naming = Exclude<keyof ContactRequest, 'organizationId' | 'contactId' | 'create'>;

const NAMED: Readonly<
  Record<Naming, readonly [kind: IdentifierKind, normalize: (given: string) => string | undefined]>
> = {
  externalId: ['externalId', NORMALIZE.externalId],
  email: ['email', NORMALIZE.email],
  phone: ['phone', NORMALIZE.phone],
  waId: ['phone', normalizeWaId],
  whatsappUserId: ['whatsappUserId', normalizeOpaque],
  evidence: ['evidence', normalizeOpaque],
};

function identifierOf(request: ContactRequest, naming: Naming): Identifier | undefined {
  if (!isGiven(request[naming])) return undefined;
  const [field, normalize] = NAMED[naming];
  const value = normalize(String(request[naming]));
  return value === undefined ? undefined : { organizationId: request.organizationId, field, value };
}

/** What a contact can be made by, best first. */
const MAKING = ['email', 'phone', 'waId', 'whatsappUserId', 'evidence'] as const;

function toCreation(
  request: ContactRequest,
  { cause, firstName }: NonNullable<ContactRequest['create']>,
): Creation | NotFound {
  const making = MAKING.find((naming) => isGiven(request[naming]));
  if (!making) return notFound('A contact can be created with an email or a phone number only.');
  const primary = identifierOf(request, making);
  if (!primary) return notFound(making === 'email' ? IDENTIFIER_RULES.email : IDENTIFIER_RULES.phone);
  const others = (['phone', 'waId', 'externalId', 'whatsappUserId'] as const)
    .flatMap((other) => identifierOf(request, other) ?? [])
    .filter(({ field }) => field !== primary.field);
  return {
    primary,
    others,
    firstName: lenientName(firstName),
    cause: hashOfCause(request.organizationId, 'create', cause),
    provisional: primary.field === 'evidence',
  };
}
