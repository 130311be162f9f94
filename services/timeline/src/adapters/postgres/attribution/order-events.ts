import type { Queryable } from '@trackline/postgres';
import type { Edition } from '../../../domain/edition.ts';
import { META_EVENT_NAMES } from '../../../domain/meta-event.ts';
import { toOrderFact, type OrderFact } from '../../../domain/order-fact.ts';
import { SAID_COLUMNS, saidFromRow, type SaidRow } from './order-facts.ts';

/** An event on the timeline of an organisation. */
export interface EventPlace {
  readonly at: Date;
  readonly id: string;
}

/** Events that are looked at in one statement: some milliseconds. */
const LOOKED_AT = 5_000;

export const FIRST_ID = '00000000-0000-0000-0000-000000000000';

interface EventRow extends SaidRow {
  id: string;
  contact_id: string;
  name: string;
  occurred_at: Date;
}

/** What it has to be put down as. */
const factOfEvent = (organizationId: string, row: EventRow): OrderFact =>
  toOrderFact(
    {
      organizationId,
      eventId: row.id,
      contactId: row.contact_id,
      name: row.name,
      occurredAtMs: row.occurred_at.getTime(),
    },
    saidFromRow(row),
  );

/** Through all events of the organisation, oldest first; the last one looked at comes along, whatever its name. Without a name, see event-reader.ts. */
const LOOK = `
  WITH looked AS (
    SELECT id, contact_id, name, occurred_at, properties FROM timeline.event
    WHERE organization_id = $1 AND (occurred_at, id) > ($2, $3) AND occurred_at >= $2
    ORDER BY occurred_at, id LIMIT ${LOOKED_AT}
  ), ranked AS (
    SELECT *, row_number() OVER (ORDER BY occurred_at, id) = count(*) OVER () AS is_last, name = ANY($4::text[]) AS is_wanted FROM looked
  )
  SELECT id, contact_id, name, occurred_at, is_last, is_wanted, ${SAID_COLUMNS} FROM ranked
  WHERE is_wanted OR is_last ORDER BY occurred_at, id
`;

/** A stretch of the events behind a place: what those say that the edition counts, or Meta reports by; `last`: where it ends, none behind the last event. */
export async function lookForOrders(
  tx: Queryable,
  { organizationId, settings }: Edition,
  after: EventPlace,
): Promise<{ readonly facts: readonly OrderFact[]; readonly last: EventPlace | undefined }> {
  const { rows } = await tx.query<EventRow & { is_last: boolean; is_wanted: boolean }>({
    text: LOOK,
    values: [organizationId, after.at, after.id, [...settings.orderEventNames, ...META_EVENT_NAMES]],
  });
  const last = rows.find((row) => row.is_last);
  return {
    facts: rows.filter((row) => row.is_wanted).map((row) => factOfEvent(organizationId, row)),
    last: last && { at: last.occurred_at, id: last.id },
  };
}

/** What events say, whatever their names, the one that was received first first: one that its client named may be there several times. */
export async function loadSaidOrders(
  tx: Queryable,
  organizationId: string,
  eventIds: readonly string[],
): Promise<OrderFact[]> {
  const { rows } = await tx.query<EventRow>({
    text: `
      SELECT id, contact_id, name, occurred_at, ${SAID_COLUMNS} FROM timeline.event
      WHERE id = ANY($1::uuid[]) AND organization_id = $2 ORDER BY received_at, occurred_at
    `,
    values: [eventIds, organizationId],
  });
  return rows.map((row) => factOfEvent(organizationId, row));
}
