import type { Database, Queryable } from '@trackline/postgres';
import { dayOf, type AttributedOrder } from '../../../domain/figures.ts';
import type { Edition } from '../../../domain/edition.ts';
import { META_EVENT_NAMES } from '../../../domain/meta-event.ts';
import type { AuditedStretch, Difference } from '../../../ports.ts';
import { loadFamilies, refKey } from './attribution-lock.ts';
import { resettleEvents, untilUncontended, withFamilies } from './attribution-writes.ts';
import { currentEdition, type EditionBook } from './edition-book.ts';
import { FIRST_ID } from './order-events.ts';
import { loadOrderFacts, ORDER_FACT_COLUMNS, orderFactFromRow, type OrderFactRow } from './order-facts.ts';
import { applyDeltas, WRITER_SHARD } from './rollups.ts';
import { compareAttributed, dropUnfounded, type AttributionChange } from './settle-orders.ts';

/** Orders that are looked at in one transaction, and attributed anew in one. */
const LOOKED_AT = 500;
const MENDED_AT_ONCE = 100;
const LAST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/** Of orders that occurred since `sinceMs`: those before are past keeping and on their way out. */
export async function auditOrders(
  database: Database,
  organizationId: string,
  after: string | undefined,
  sinceMs: number,
): Promise<AuditedStretch> {
  // Facts and figures move together: in one snapshot they agree, also while events pour in, and nobody needs to be locked out. Which edition is
  // read belongs to it: one that has been replaced is cleared away.
  return database.transaction(async (tx) => {
    await tx.query({ text: 'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY' });
    const edition = await currentEdition(tx, organizationId);
    if (!edition) return { differences: [], next: undefined };
    const since = new Date(sinceMs).toISOString();
    const from = after ?? FIRST_ID;
    const { rows } = await tx.query<OrderFactRow>({
      text: `
        SELECT ${ORDER_FACT_COLUMNS} FROM timeline.order_fact AS fact
        WHERE organization_id = $1 AND event_id > $2 AND occurred_at >= $3 ORDER BY event_id LIMIT ${LOOKED_AT}
      `,
      values: [organizationId, from, since],
    });
    const last = rows.length < LOOKED_AT ? undefined : rows.at(-1)!.event_id;
    const orphans = await loadOrphans(tx, edition, { from, to: last ?? LAST_ID, since });
    // As many as are told at once: the stretch ends with them, and the next one tells of those behind.
    const next = orphans.length < LOOKED_AT ? last : orphans.at(-1)!.place;
    const facts = rows.map(orderFactFromRow).filter(({ eventId }) => next === undefined || eventId <= next);
    const families = await loadFamilies(tx, facts);
    const byRef = new Map(families.map((family) => [refKey({ ...family, contactId: family.asked }), family]));
    const changes = await compareAttributed(tx, withFamilies(facts, byRef), () => [edition]);
    return { differences: [...changes.map(toDifference), ...orphans], next };
  });
}

const toDifference = ({ before, after }: AttributionChange): Difference => ({
  day: dayOf(after.occurredAtMs),
  place: after.eventId,
  figure: 'attribution',
  facts: shown(after),
  held: before ? shown(before) : 'none',
});

/** `broadcast/spring since 2026-11-20T…, 49.90 EUR, purchase of 120…` */
const shown = (order: AttributedOrder): string => {
  const { counted, converted, campaignType, campaignId, conversationAtMs, amount, currency, meta, adId } =
    order;
  const at = conversationAtMs === null ? '' : ` at ${new Date(conversationAtMs).toISOString()}`;
  return [
    ...(counted ? [converted ? `${campaignType}/${campaignId}${at}` : 'nobody'] : []),
    ...(amount === null ? [] : [`${amount} ${currency}`]),
    ...(meta === null ? [] : [`${meta} of ${adId}`]),
    new Date(order.occurredAtMs).toISOString(),
  ].join(', ');
};

/**
 * Attributions between two orders that are of no order: there is no such fact, or what it is called is no order's in this edition (but in one that
 * is being built, or was before) and nothing that Meta reports.
 */
async function loadOrphans(
  tx: Queryable,
  { organizationId, edition, settings }: Edition,
  { from, to, since }: { readonly from: string; readonly to: string; readonly since: string },
): Promise<Difference[]> {
  const { rows } = await tx.query<{ event_id: string; day: string }>({
    text: `
      SELECT held.event_id, (held.occurred_at AT TIME ZONE 'UTC')::date::text AS day FROM timeline.attribution AS held
      LEFT JOIN LATERAL (
        SELECT fact.name = ANY($6::text[]) AS is_order FROM timeline.order_fact AS fact
        WHERE fact.organization_id = held.organization_id AND fact.event_id = held.event_id LIMIT 1
      ) AS fact ON true
      WHERE held.organization_id = $1 AND held.edition = $2 AND held.event_id > $3 AND held.event_id <= $4
        AND held.occurred_at >= $5 AND is_order IS NOT TRUE
      ORDER BY held.event_id LIMIT ${LOOKED_AT}
    `,
    values: [
      ...[organizationId, edition, from, to, since],
      [...settings.orderEventNames, ...META_EVENT_NAMES],
    ],
  });
  return rows.map(({ event_id, day }) => ({
    day,
    place: event_id,
    figure: 'attribution',
    facts: 'none',
    held: 'of no order',
  }));
}

/** Under the locks of their contacts, some at a time: writers wait no longer than for a batch of orders. */
export async function mendOrders(
  database: Database,
  book: EditionBook,
  organizationId: string,
  differences: readonly Difference[],
): Promise<void> {
  const ids = differences.map(({ place }) => place);
  for (let at = 0; at < ids.length; at += MENDED_AT_ONCE) {
    const wanted = ids.slice(at, at + MENDED_AT_ONCE).map((eventId) => ({ organizationId, eventId }));
    await untilUncontended(database, async (tx) => {
      await resettleEvents(tx, book, WRITER_SHARD, await loadOrderFacts(tx, wanted));
      const edition = await currentEdition(tx, organizationId);
      const orders = await dropUnfounded(
        tx,
        edition ? [edition] : [],
        wanted.map(({ eventId }) => eventId),
      );
      await applyDeltas(tx, WRITER_SHARD, { conversations: [], orders });
    });
  }
}
