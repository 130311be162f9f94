import type { Queryable } from '@trackline/postgres';
import type { PlanName } from '@trackline/contracts';
import {
  DEFAULT_SETTINGS,
  limitsOf,
  type Organization,
  type OrganizationSettings,
  type OrganizationTerms,
} from './organization.ts';

interface OrganizationRow {
  id: string;
  name: string;
  plan: PlanName;
  monthly_limit: number | null;
  requests_per_minute: number | null;
  settings: Partial<OrganizationSettings>;
  version: number;
  created_at: Date;
  updated_at: Date;
}

const COLUMNS =
  'id, name, plan, monthly_limit, requests_per_minute, settings, version, created_at, updated_at';

export async function loadOrganizations(db: Queryable, ids: readonly string[]): Promise<Organization[]> {
  const { rows } = await db.query<OrganizationRow>({
    name: 'directory.organizations',
    text: `SELECT ${COLUMNS} FROM directory.organization WHERE id = ANY ($1::uuid[])`,
    values: [ids],
  });
  return rows.map(fromRow);
}

export async function listOrganizations(
  db: Queryable,
  beforeId: string,
  limit: number,
): Promise<Organization[]> {
  const { rows } = await db.query<OrganizationRow>({
    name: 'directory.organizations_page',
    text: `SELECT ${COLUMNS} FROM directory.organization WHERE id < $1 ORDER BY id DESC LIMIT $2`,
    values: [beforeId, limit],
  });
  return rows.map(fromRow);
}

/** Inserts the organisation with its revision; gives nothing when the id is taken. */
export async function insertOrganization(
  tx: Queryable,
  id: string,
  terms: OrganizationTerms,
  now: Date,
): Promise<Organization | undefined> {
  const { rows } = await tx.query<OrganizationRow>({
    text: `INSERT INTO directory.organization (id, name, plan, monthly_limit, requests_per_minute, settings, created_at, updated_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $7) ON CONFLICT (id) DO NOTHING RETURNING ${COLUMNS}`,
    values: [id, ...valuesOf(terms), now],
  });
  if (!rows[0]) return undefined;
  await tx.query({ text: 'INSERT INTO directory.revision (organization_id) VALUES ($1)', values: [id] });
  return fromRow(rows[0]);
}

/** The stored terms, locked until the transaction ends. */
export async function lockTerms(tx: Queryable, id: string): Promise<OrganizationTerms | undefined> {
  const { rows } = await tx.query<OrganizationRow>({
    text: `SELECT ${COLUMNS} FROM directory.organization WHERE id = $1 FOR UPDATE`,
    values: [id],
  });
  const row = rows[0];
  return (
    row && {
      name: row.name,
      plan: row.plan,
      monthlyLimit: row.monthly_limit,
      requestsPerMinute: row.requests_per_minute,
      settings: row.settings,
    }
  );
}

export async function updateOrganization(
  tx: Queryable,
  id: string,
  terms: OrganizationTerms,
  now: Date,
): Promise<Organization> {
  const { rows } = await tx.query<OrganizationRow>({
    text: `UPDATE directory.organization
              SET name = $2, plan = $3, monthly_limit = $4, requests_per_minute = $5, settings = $6, updated_at = $7, version = version + 1
            WHERE id = $1 RETURNING ${COLUMNS}`,
    values: [id, ...valuesOf(terms), now],
  });
  await moveSettings(tx, id);
  return fromRow(rows[0]!);
}

/** Puts a change of the organisation or its keys in force everywhere: the last statement of the writer's transaction. */
export async function moveSettings(tx: Queryable, organizationId: string): Promise<void> {
  await tx.query({
    text: 'UPDATE directory.revision SET settings = settings + 1 WHERE organization_id = $1',
    values: [organizationId],
  });
}

const valuesOf = (terms: OrganizationTerms): unknown[] => [
  terms.name,
  terms.plan,
  terms.monthlyLimit,
  terms.requestsPerMinute,
  JSON.stringify(terms.settings),
];

const fromRow = (row: OrganizationRow): Organization => ({
  id: row.id,
  name: row.name,
  plan: row.plan,
  ...limitsOf({
    plan: row.plan,
    monthlyLimit: row.monthly_limit,
    requestsPerMinute: row.requests_per_minute,
  }),
  settings: { ...DEFAULT_SETTINGS, ...row.settings },
  version: row.version,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
});
