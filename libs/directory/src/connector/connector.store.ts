import type { Queryable } from '@trackline/postgres';
import type { ConnectorKind, ShownConnector } from './connector.ts';

export interface ConnectorRow {
  readonly organization_id: string;
  readonly kind: ConnectorKind;
  readonly shown: ShownConnector;
  readonly sealed: Buffer;
  readonly updated_at: Date;
}

const COLUMNS = 'organization_id, kind, shown, sealed, updated_at';

/** Those of the pairs that there are. */
export async function loadConnectors(
  db: Queryable,
  organizationIds: readonly string[],
  kinds: readonly ConnectorKind[],
): Promise<ConnectorRow[]> {
  const { rows } = await db.query<ConnectorRow>({
    name: 'directory.connectors',
    text: `SELECT ${COLUMNS} FROM directory.connector
           WHERE (organization_id, kind) IN (SELECT * FROM unnest($1::uuid[], $2::text[]))`,
    values: [organizationIds, kinds],
  });
  return rows;
}

/** The row as it is, held until the transaction ends; what is not there yet is held as well. */
export async function lockConnector(
  tx: Queryable,
  organizationId: string,
  kind: ConnectorKind,
): Promise<ConnectorRow | undefined> {
  await tx.query({
    text: `SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`,
    values: [`directory.connector ${organizationId} ${kind}`],
  });
  return (await loadConnectors(tx, [organizationId], [kind]))[0];
}

export async function putConnector(db: Queryable, row: ConnectorRow): Promise<void> {
  await db.query({
    text: `INSERT INTO directory.connector (${COLUMNS}) VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (organization_id, kind) DO UPDATE
           SET shown = excluded.shown, sealed = excluded.sealed, updated_at = excluded.updated_at`,
    values: [row.organization_id, row.kind, JSON.stringify(row.shown), row.sealed, row.updated_at],
  });
}

export async function removeConnector(
  db: Queryable,
  organizationId: string,
  kind: ConnectorKind,
): Promise<boolean> {
  const { rowCount } = await db.query({
    text: `DELETE FROM directory.connector WHERE organization_id = $1 AND kind = $2`,
    values: [organizationId, kind],
  });
  return rowCount > 0;
}
