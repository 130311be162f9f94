import type { Queryable } from '@trackline/postgres';
import type { Place } from '../../domain/page-cursor.ts';
import type { Found, OrganizationStretch } from '../../ports.ts';

/** Rows that are looked at for one part of a page that asks for a name or a source. */
export const MAX_LOOKED_AT = 20_000;

interface Rows {
  readonly table: 'timeline.event' | 'timeline.refusal';
  readonly columns: string;
  /** Over `rows`, the table's alias. */
  readonly condition?: string;
}

const WINDOW =
  'organization_id = $1 AND occurred_at >= $2 AND occurred_at < $3 AND (occurred_at, id) < ($4, $5)';

/**
 * Rows of an organisation, newest first. There is no index by name or source: a rare one is looked for row by row. So that a page costs what a page
 * may cost, the index tells first where the last row stands that may be looked at; if it stands inside the window, the reading ends there.
 * The statements have no name, see event-reader.ts.
 */
export async function readOfOrganization<Row extends object>(
  database: Queryable,
  organizationId: string,
  { window, place, limit, name, source }: OrganizationStretch,
  { table, columns, condition }: Rows,
): Promise<Found<Row>> {
  const values: unknown[] = [
    organizationId,
    new Date(window.fromMs),
    new Date(window.toMs),
    new Date(place.occurredAtMs),
    place.id,
  ];
  const isFiltered = name !== undefined || source !== undefined;
  const reached = isFiltered ? await lastToLookAt(database, table, values) : undefined;
  const $ = (value: unknown): string => `$${values.push(value)}`;
  const conditions = [
    WINDOW,
    condition,
    name === undefined ? undefined : `name = ${$(name)}`,
    source === undefined ? undefined : `source = ${$(source)}`,
    reached && `(occurred_at, id) >= (${$(new Date(reached.occurredAtMs))}, ${$(reached.id)})`,
  ].filter((one) => one !== undefined);
  const { rows } = await database.query<Row>({
    text: `
      SELECT ${columns} FROM ${table} AS rows WHERE ${conditions.join(' AND ')}
      ORDER BY occurred_at DESC, id DESC LIMIT ${$(limit)}
    `,
    values,
  });
  return { rows, reached: rows.length === limit ? undefined : reached };
}

async function lastToLookAt(
  database: Queryable,
  table: Rows['table'],
  values: readonly unknown[],
): Promise<Place | undefined> {
  const { rows } = await database.query<{ id: string; occurred_at: Date }>({
    text: `
      SELECT id, occurred_at FROM ${table} WHERE ${WINDOW}
      ORDER BY occurred_at DESC, id DESC OFFSET ${MAX_LOOKED_AT - 1} LIMIT 1
    `,
    values,
  });
  return rows[0] && { id: rows[0].id, occurredAtMs: rows[0].occurred_at.getTime() };
}
