import type { Queryable } from '@trackline/postgres';
import type { Revision } from '../cache/revision-reader.ts';
import type { ApiKey, Scope } from './api-key.ts';

interface KeyRow {
  id: string;
  organization_id: string;
  name: string;
  prefix: string;
  scopes: Scope[];
  created_at: Date;
  expires_at: Date | null;
  revoked_at: Date | null;
}

const COLUMNS =
  'k.id, k.organization_id, k.name, k.prefix, k.scopes, k.created_at, k.expires_at, k.revoked_at';

export interface KeyWithRevision {
  readonly key: ApiKey;
  /** Of the key's organisation, from the same snapshot. */
  readonly revision: Revision;
}

/** Keys by the base64 of their hash. */
export async function loadKeys(
  db: Queryable,
  hashes: readonly string[],
): Promise<Map<string, KeyWithRevision>> {
  const { rows } = await db.query<KeyRow & Revision & { hash: Buffer }>({
    name: 'directory.keys',
    text: `SELECT ${COLUMNS}, k.hash, r.settings, r.identifiers
             FROM directory.api_key k JOIN directory.revision r ON r.organization_id = k.organization_id
            WHERE k.hash = ANY ($1::bytea[])`,
    values: [hashes.map((hash) => Buffer.from(hash, 'base64'))],
  });
  return new Map(
    rows.map((row) => [
      row.hash.toString('base64'),
      { key: fromRow(row), revision: { settings: row.settings, identifiers: row.identifiers } },
    ]),
  );
}

export async function listKeys(
  db: Queryable,
  organizationId: string,
  beforeId: string,
  limit: number,
): Promise<ApiKey[]> {
  const { rows } = await db.query<KeyRow>({
    name: 'directory.keys_page',
    text: `SELECT ${COLUMNS} FROM directory.api_key k
            WHERE k.organization_id = $1 AND k.id < $2 ORDER BY k.id DESC LIMIT $3`,
    values: [organizationId, beforeId, limit],
  });
  return rows.map(fromRow);
}

/** `false`: there is no such organisation. */
export async function insertKey(db: Queryable, key: ApiKey, hash: string): Promise<boolean> {
  const { rowCount } = await db.query({
    text: `INSERT INTO directory.api_key (id, organization_id, name, hash, prefix, scopes, created_at, expires_at)
           SELECT $1, o.id, $3, $4, $5, $6, $7, $8 FROM directory.organization o WHERE o.id = $2`,
    values: [
      key.id,
      key.organizationId,
      key.name,
      Buffer.from(hash, 'base64'),
      key.prefix,
      key.scopes,
      key.createdAt,
      key.expiresAt,
    ],
  });
  return rowCount === 1;
}

/** Revoking again keeps the first moment. `false`: the organisation has no such key. */
export async function revokeKey(
  tx: Queryable,
  organizationId: string,
  keyId: string,
  now: Date,
): Promise<boolean> {
  const { rowCount } = await tx.query({
    text: `UPDATE directory.api_key SET revoked_at = coalesce(revoked_at, $3) WHERE organization_id = $1 AND id = $2`,
    values: [organizationId, keyId, now],
  });
  return rowCount === 1;
}

const fromRow = (row: KeyRow): ApiKey => ({
  id: row.id,
  organizationId: row.organization_id,
  name: row.name,
  prefix: row.prefix,
  scopes: row.scopes,
  createdAt: row.created_at,
  expiresAt: row.expires_at,
  revokedAt: row.revoked_at,
});
