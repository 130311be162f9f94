import type { Database } from '@trackline/postgres';
import type { StoredRefusal } from '../../domain/stored-event.ts';
import type { RefusalReader } from '../../ports.ts';
import { readOfOrganization } from './organization-rows.ts';
import { EVENT_COLUMNS, eventFromRow, type EventRow } from './stored-event.ts';

type RefusalRow = EventRow & { verdict: StoredRefusal['verdict']; duplicate_of: string | null };

const fromRow = (row: RefusalRow): StoredRefusal => ({
  ...eventFromRow(row),
  verdict: row.verdict,
  duplicateOf: row.duplicate_of,
});

const COLUMNS = `${EVENT_COLUMNS}, verdict, duplicate_of`;

/** An event that was refused more than once has one receipt, the last. */
const LATEST = `NOT EXISTS (
  SELECT FROM timeline.refusal AS later WHERE later.id = rows.id AND later.received_at > rows.received_at
)`;

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
    const { rows, reached } = await readOfOrganization<RefusalRow>(database, organizationId, stretch, {
      table: 'timeline.refusal',
      columns: COLUMNS,
      condition: LATEST,
    });
    return { rows: rows.map(fromRow), reached };
  },
});
