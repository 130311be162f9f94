import { uuidv7 } from '@trackline/kernel';
import type { Contact } from './contact.ts';
import type { ContactFields } from './contact-input.ts';
import type { ContactWrite } from './contact.writer.ts';
import { IDENTIFIER_FIELDS, identifierKey, type IdentifierField } from './identifier.ts';

export interface Conflict {
  readonly field: IdentifierField;
  /** Who has it. */
  readonly contactId: string;
}

/**
 * The contacts of a batch and who owns the identifiers it names, as they stand while the batch is worked off in memory:
 * each item sees what the ones before it did. Nothing is written here.
 */
export class Workspace {
  private readonly before: ReadonlyMap<string, Contact>;
  private readonly current: Map<string, Contact>;
  private readonly owners: Map<string, string>;
  private readonly touched = new Set<string>();
  private readonly now: Date;

  /** `contacts` (locked) by id; `owners` of every identifier that an item may look for or take, by `identifierKey`. */
  constructor(contacts: ReadonlyMap<string, Contact>, owners: ReadonlyMap<string, string>, now: Date) {
    this.before = contacts;
    this.current = new Map(contacts);
    this.owners = new Map(owners);
    this.now = now;
  }

  get(contactId: string): Contact | undefined {
    return this.current.get(contactId);
  }

  ownerOf(organizationId: string, field: IdentifierField, value: string): string | undefined {
    return this.owners.get(identifierKey({ organizationId, field, value }));
  }

  /** The first identifier among `fields` that another contact has. */
  conflictOf(
    organizationId: string,
    contactId: string | undefined,
    fields: ContactFields,
  ): Conflict | undefined {
    for (const field of IDENTIFIER_FIELDS) {
      const value = fields[field];
      const owner = value === undefined ? undefined : this.ownerOf(organizationId, field, value);
      if (owner !== undefined && owner !== contactId) return { field, contactId: owner };
    }
    return undefined;
  }

  create(organizationId: string, fields: ContactFields): Contact {
    const contact: Contact = {
      ...fields,
      id: uuidv7(this.now.getTime()),
      organizationId,
      createdAt: this.now,
      updatedAt: this.now,
    };
    this.put(undefined, contact);
    return contact;
  }

  replace(contact: Contact, fields: ContactFields): Contact {
    const after = withFields(contact, fields, this.now);
    this.put(contact, after);
    return after;
  }

  /** One per contact that was made or changed. */
  writes(): ContactWrite[] {
    return [...this.touched].map((id) => ({ before: this.before.get(id), after: this.current.get(id)! }));
  }

  private put(before: Contact | undefined, after: Contact): void {
    const { organizationId } = after;
    for (const field of IDENTIFIER_FIELDS) {
      const old = before?.[field];
      const value = after[field];
      if (old === value) continue;
      if (old !== undefined) this.owners.delete(identifierKey({ organizationId, field, value: old }));
      if (value !== undefined) this.owners.set(identifierKey({ organizationId, field, value }), after.id);
    }
    this.current.set(after.id, after);
    this.touched.add(after.id);
  }
}

export const fieldsOf = ({
  id: _id,
  organizationId: _organizationId,
  provisional: _provisional,
  createdAt: _createdAt,
  updatedAt: _updatedAt,
  ...fields
}: Contact): ContactFields => fields;

/** The contact with other fields. Who has an identifier is somebody: a provisional contact that gains one is provisional no more. */
export function withFields(contact: Contact, fields: ContactFields, now: Date): Contact {
  const { id, organizationId, provisional, createdAt } = contact;
  const isNobody = provisional && !hasIdentifier(fields);
  return {
    ...fields,
    id,
    organizationId,
    ...(isNobody ? { provisional } : undefined),
    createdAt,
    updatedAt: now,
  };
}

export const hasIdentifier = (fields: ContactFields): boolean =>
  IDENTIFIER_FIELDS.some((field) => fields[field] !== undefined);
