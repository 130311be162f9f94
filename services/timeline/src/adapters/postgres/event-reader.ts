import type { Queryable } from '@trackline/postgres';
import type { EventReader, Stretch } from '../../ports.ts';
import { readOfOrganization } from './organization-rows.ts';
import { EVENT_COLUMNS, eventFromRow, type EventRow } from './stored-event.ts';

/**
 * Statements that read partitions have no name: Postgres plans them anew with their values and looks at the months of the window only.
 * A prepared statement would get a plan for any values, which locks every partition.
 */

/** A row strictly below the place, inside the window: $2 to $5 of `stretchValues`. */
const IN_STRETCH = 'occurred_at >= $2 AND occurred_at < $3 AND (occurred_at, id) < ($4, $5)';

const stretchValues = (organizationId: string, { window, place, limit }: Stretch): unknown[] => [
  organizationId,
  new Date(window.fromMs),
  new Date(window.toMs),
  new Date(place.occurredAtMs),
  place.id,
  limit,
];

export const eventReader = (database: Queryable): EventReader => ({
  async ofContacts(organizationId, contactIds, stretch) {
    const values = [...stretchValues(organizationId, stretch), contactIds];
    const filter = stretch.name === undefined ? '' : ` AND name = $${values.push(stretch.name)}`;
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
    const { rows, reached } = await readOfOrganization<EventRow>(database, organizationId, stretch, {
      table: 'timeline.event',
      columns: EVENT_COLUMNS,
    });
    return { rows: rows.map(eventFromRow), reached };
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
