import { isStorableText } from '@trackline/contracts';
import { isUuid } from '@trackline/kernel';
import type { Queryable } from '@trackline/postgres';
import { pageOf, startOf, type Page, type PageRequest } from '../page.ts';
import type { Contact } from './contact.ts';
import { CONTACT_COLUMNS, fromRow, loadOwners, loadOwnersById, type ContactRow } from './contact.reader.ts';
import {
  IDENTIFIER_KINDS,
  normalizeEmail,
  normalizeExternalId,
  normalizePhone,
  type Identifier,
  type IdentifierField,
} from './identifier.ts';

export interface ContactFilter extends PageRequest {
  readonly email?: string;
  readonly phone?: string;
  /** How an email, phone number, external id, first or last name begins. */
  readonly q?: string;
}

const MAX_SEARCH_CHARACTERS = 255;

/** The id of the contact that an id, email or external id (in this order) stands for. */
export async function findByKey(
  db: Queryable,
  organizationId: string,
  key: string,
): Promise<string | undefined> {
  if (!isUuid(organizationId)) return undefined;
  if (isUuid(key)) {
    const [owner] = await loadOwnersById(db, [{ organizationId, contactId: key }]);
    if (owner) return owner.contactId;
  }
  const candidates: readonly (readonly [IdentifierField, string | undefined])[] = [
    ['email', normalizeEmail(key)],
    ['externalId', normalizeExternalId(key)],
  ];
  const identifiers = candidates.flatMap(([field, value]) =>
    value ? [{ organizationId, field, value }] : [],
  );
  const owners = await loadOwners(db, identifiers);
  return owners.find((owner) => owner !== undefined)?.contactId;
}

/** Newest first. Filters hold together; one that can match nothing (no email, no phone number) matches nothing. */
export async function findContacts(
  db: Queryable,
  organizationId: string,
  filter: ContactFilter,
): Promise<Page<Contact>> {
  const { beforeId, size } = startOf(filter);
  const conditions: string[] = [];
  const values: unknown[] = [organizationId, beforeId, size + 1];
  const bind = (value: unknown): string => `$${values.push(value)}`;
  if (!isUuid(organizationId)) return EMPTY;
  for (const field of ['email', 'phone'] as const) {
    const given = filter[field];
    if (given === undefined) continue;
    const value = field === 'email' ? normalizeEmail(given) : normalizePhone(given);
    if (value === undefined) return EMPTY;
    conditions.push(`c.id = (${ownerSql({ organizationId, field, value }, bind)})`);
  }
  if (filter.q !== undefined && filter.q.trim() !== '') {
    const q = filter.q.trim();
    if (q.length > MAX_SEARCH_CHARACTERS || !isStorableText(q)) return EMPTY;
    conditions.push(`c.id IN (${beginningSql(q, bind)})`);
  }
  const { rows } = await db.query<ContactRow>({
    text: `SELECT ${CONTACT_COLUMNS} FROM directory.contact c
            WHERE c.organization_id = $1 AND c.id < $2 ${conditions.map((condition) => `AND ${condition}`).join(' ')}
            ORDER BY c.id DESC LIMIT $3`,
    values,
  });
  return pageOf(rows.map(fromRow), size);
}

const EMPTY: Page<Contact> = { items: [], nextCursor: null };

const ownerSql = ({ field, value }: Identifier, bind: (value: unknown) => string): string =>
  `SELECT i.contact_id FROM directory.identifier i
    WHERE i.organization_id = $1 AND i.kind = ${IDENTIFIER_KINDS[field]} AND i.value = ${bind(value)}`;

/** Each branch is an index range. */
function beginningSql(q: string, bind: (value: unknown) => string): string {
  const branches = [
    [IDENTIFIER_KINDS.email, q.toLowerCase()],
    [IDENTIFIER_KINDS.externalId, q],
    ...(/^\+?[\d\s().-]+$/.test(q) ? [[IDENTIFIER_KINDS.phone, `+${q.replace(/\D/g, '')}`] as const] : []),
  ].map(
    ([kind, beginning]) =>
      `SELECT i.contact_id FROM directory.identifier i
        WHERE i.organization_id = $1 AND i.kind = ${kind} AND i.value LIKE ${bind(pattern(String(beginning)))}`,
  );
  const name = bind(pattern(q));
  for (const column of ['first_name', 'last_name']) {
    branches.push(
      `SELECT n.id FROM directory.contact n
        WHERE n.organization_id = $1 AND n.${column} IS NOT NULL
          AND lower(n.${column}) COLLATE "C" LIKE lower(${name})`,
    );
  }
  return branches.join(' UNION ALL ');
}

const pattern = (beginning: string): string => `${beginning.replace(/[\\%_]/g, '\\$&')}%`;
