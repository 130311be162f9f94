import type { Database } from '@trackline/postgres';
import type { EventReader, Stretch } from '../../ports.ts';
import { EVENT_COLUMNS, eventFromRow, type EventRow } from './stored-event.ts';

/**
 * Statements that read partitions have no name: Postgres plans them anew with their values and looks at the months of the window only.
 * A prepared statement would get a plan for any values, which locks every partition.
 */

/** A row strictly below the place, inside the window. Parameters $2…$5, from `stretchValues`. */
const IN_STRETCH = 'occurred_at >= $2 AND occurred_at < $3 AND (occurred_at, id) < ($4, $5)';

export const stretchValues = ({ window, place, limit }: Stretch): unknown[] => [
  new Date(window.fromMs),
  new Date(window.toMs),
  new Date(place.occurredAtMs),
  place.id,
  limit,
];

/** Adds a condition for each filter that is given, its value as the next parameter. */
export function filters(values: unknown[], wanted: Readonly<Record<string, string | undefined>>): string {
  return Object.entries(wanted)
    .filter(([, value]) => value !== undefined)
    .map(([column, value]) => ` AND ${column} = $${values.push(value)}`)
    .join('');
}

export const eventReader = (database: Database): EventReader => ({
  async ofContacts(organizationId, contactIds, stretch) {
    const values: unknown[] = [organizationId, ...stretchValues(stretch), contactIds];
    const filter = filters(values, { name: stretch.name });
    const { rows } = await database.query<EventRow>({
      text: `
        SELECT found.* FROM unnest($7::uuid[]) AS member (contact_id)
        CROSS JOIN LATERAL (
          SELECT ${EVENT_COLUMNS} FROM timeline.event
          WHERE contact_id = member.contact_id AND organization_id = $1 AND ${IN_STRETCH}${filter}
          ORDER BY occurred_at DESC, id DESC LIMIT $6
        ) AS found
        ORDER BY occurred_at DESC, id DESC LIMIT $6
      `,
      values,
    });
    return rows.map(eventFromRow);
  },

  async ofOrganization(organizationId, stretch) {
    const values: unknown[] = [organizationId, ...stretchValues(stretch)];
    const filter = filters(values, { name: stretch.name, source: stretch.source });
    const { rows } = await database.query<EventRow>({
      text: `
        SELECT ${EVENT_COLUMNS} FROM timeline.event
        WHERE organization_id = $1 AND ${IN_STRETCH}${filter}
        ORDER BY occurred_at DESC, id DESC LIMIT $6
      `,
      values,
    });
    return rows.map(eventFromRow);
  },

  async byId(organizationId, id, window) {
    const { rows } = await database.query<EventRow>({
      text: `
        SELECT ${EVENT_COLUMNS} FROM timeline.event
        WHERE id = $2 AND organization_id = $1 AND occurred_at >= $3 AND occurred_at < $4
        ORDER BY occurred_at DESC LIMIT 1
      `,
      values: [organizationId, id, new Date(window.fromMs), new Date(window.toMs)],
    });
    return rows[0] && eventFromRow(rows[0]);
  },

  async admitted(organizationId, ids, window) {
    const { rows } = await database.query<{ id: string }>({
      text: `
        SELECT DISTINCT id FROM timeline.event
        WHERE id = ANY($2::uuid[]) AND organization_id = $1 AND occurred_at >= $3 AND occurred_at < $4
      `,
      values: [organizationId, ids, new Date(window.fromMs), new Date(window.toMs)],
    });
    return new Set(rows.map((row) => row.id));
  },
});
