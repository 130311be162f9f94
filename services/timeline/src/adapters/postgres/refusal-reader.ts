import type { Database } from '@trackline/postgres';
import type { StoredRefusal } from '../../domain/stored-event.ts';
import type { RefusalReader } from '../../ports.ts';
import { filters, stretchValues } from './event-reader.ts';
import { EVENT_COLUMNS, eventFromRow, type EventRow } from './stored-event.ts';

type RefusalRow = EventRow & { verdict: StoredRefusal['verdict']; duplicate_of: string | null };

const fromRow = (row: RefusalRow): StoredRefusal => ({
  ...eventFromRow(row),
  verdict: row.verdict,
  duplicateOf: row.duplicate_of,
});

const COLUMNS = `${EVENT_COLUMNS}, verdict, duplicate_of`;

/** Refusals are kept for a month or two, by the time of their receipt: there are few partitions, and all are looked at. */
export const refusalReader = (database: Database): RefusalReader => ({
  async byId(organizationId, id) {
    const { rows } = await database.query<RefusalRow>({
      text: `
        SELECT ${COLUMNS} FROM timeline.refusal
        WHERE id = $2 AND organization_id = $1
        ORDER BY received_at DESC LIMIT 1
      `,
      values: [organizationId, id],
    });
    return rows[0] && fromRow(rows[0]);
  },

  async ofOrganization(organizationId, stretch) {
    const values: unknown[] = [organizationId, ...stretchValues(stretch)];
    const filter = filters(values, { name: stretch.name, source: stretch.source });
    const { rows } = await database.query<RefusalRow>({
      text: `
        SELECT ${COLUMNS} FROM timeline.refusal AS refusal
        WHERE organization_id = $1 AND occurred_at >= $2 AND occurred_at < $3 AND (occurred_at, id) < ($4, $5)${filter}
          AND NOT EXISTS (
            SELECT FROM timeline.refusal AS later
            WHERE later.id = refusal.id AND later.received_at > refusal.received_at
          )
        ORDER BY occurred_at DESC, id DESC LIMIT $6
      `,
      values,
    });
    return rows.map(fromRow);
  },
});
