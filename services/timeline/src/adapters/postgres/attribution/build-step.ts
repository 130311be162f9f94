import type { Queryable } from '@trackline/postgres';
import { settingsText } from '../../../domain/attribution.ts';
import { isOrderFact, type Edition } from '../../../domain/edition.ts';
import type { EditionLease } from '../../../ports.ts';
import { enterAttribution, lockFamilies, refKey } from './attribution-lock.ts';
import { withFamilies } from './attribution-writes.ts';
import type { EditionBook } from './edition-book.ts';
import { FIRST_ID, lookForOrders } from './order-events.ts';
import {
  insertOrderFacts,
  loadOrderFacts,
  ORDER_FACT_COLUMNS,
  orderFactFromRow,
  type OrderFactRow,
} from './order-facts.ts';
import { applyDeltas, WRITER_SHARD } from './rollups.ts';
import { settleOrders } from './settle-orders.ts';

/** The edition is another worker's by now, or has been retired. */
export class LeaseLost extends Error {}

/** Orders that a step attributes: some milliseconds, so that nobody waits for long. */
const ATTRIBUTED = 200;

interface Cursor {
  readonly at: Date | null;
  readonly id: string | null;
}

interface Stand extends Cursor {
  readonly phase: 'collecting' | 'attributing' | 'complete';
}

/** A stretch of the work in one transaction, with the cursor that says how far it came. Gives whether it was the last one. */
export async function takeStep(
  tx: Queryable,
  book: EditionBook,
  lease: EditionLease,
  leaseMs: number,
): Promise<boolean> {
  const version = await enterAttribution(tx);
  const editions = await book.at(tx, version, new Set([lease.organizationId]));
  const live = editions.of(lease.organizationId);
  const mine = live.find(({ edition }) => edition === lease.edition);
  if (mine?.state !== 'building') throw new LeaseLost();
  const stand = await standOf(tx, lease);
  if (stand.phase === 'collecting') {
    const current = live.find(({ state }) => state === 'current');
    const next = needsCollecting(mine, current) ? await collect(tx, mine, stand) : undefined;
    await (next ? move(tx, lease, leaseMs, next, 0) : beginAttributing(tx, lease, leaseMs));
    return false;
  }
  const { next, count } = await attributeSome(tx, mine, stand);
  await move(tx, lease, leaseMs, next ?? stand, count);
  return next === undefined;
}

async function standOf(tx: Queryable, { organizationId, edition, token }: EditionLease): Promise<Stand> {
  const { rows } = await tx.query<{
    phase: Stand['phase'];
    cursor_at: Date | null;
    cursor_id: string | null;
  }>({
    name: 'timeline-edition-stand',
    text: `
      SELECT phase, cursor_at, cursor_id FROM timeline.edition
      WHERE organization_id = $1 AND edition = $2 AND lease_token = $3 AND state = 'building'
    `,
    values: [organizationId, edition, token],
  });
  if (!rows[0]) throw new LeaseLost();
  return { phase: rows[0].phase, at: rows[0].cursor_at, id: rows[0].cursor_id };
}

/**
 * Names that the current edition keeps no facts of: their events are on the timeline only. An edition of the same settings is made to mend
 * something, so it leaves nothing out.
 */
const needsCollecting = ({ settings }: Edition, current: Edition | undefined): boolean =>
  current === undefined ||
  settingsText(settings) === settingsText(current.settings) ||
  settings.orderEventNames.some((name) => !isOrderFact([current], name));

async function collect(tx: Queryable, mine: Edition, { at, id }: Cursor): Promise<Cursor | undefined> {
  const { facts, last } = await lookForOrders(tx, mine, { at: at ?? new Date(0), id: id ?? FIRST_ID });
  if (!last) return undefined;
  const families = await lockFamilies(tx, facts);
  await insertOrderFacts(
    tx,
    facts.filter((fact) => !families.get(refKey(fact))!.erased),
  );
  return last;
}

async function attributeSome(
  tx: Queryable,
  mine: Edition,
  { id }: Cursor,
): Promise<{ readonly next: Cursor | undefined; readonly count: number }> {
  const { rows } = await tx.query<OrderFactRow>({
    name: 'timeline-orders-in-order',
    text: `
      SELECT ${ORDER_FACT_COLUMNS} FROM timeline.order_fact AS fact
      WHERE organization_id = $1 AND event_id > $2 ORDER BY event_id LIMIT ${ATTRIBUTED}
    `,
    values: [mine.organizationId, id ?? FIRST_ID],
  });
  const seen = rows.map(orderFactFromRow);
  const families = await lockFamilies(tx, seen);
  // Read without the lock: whoever was erased in between has another id now, and is attributed under that.
  const facts = await loadOrderFacts(tx, seen);
  const moved = facts.filter((fact) => !families.has(refKey(fact)));
  const others = await lockFamilies(tx, moved);
  const orders = withFamilies(facts, new Map([...families, ...others]));
  const deltas = await settleOrders(tx, orders, () => [mine]);
  await applyDeltas(tx, WRITER_SHARD, { conversations: [], orders: deltas });
  const last = rows.at(-1);
  return {
    next: rows.length < ATTRIBUTED || !last ? undefined : { at: null, id: last.event_id },
    count: rows.length,
  };
}

/** The last statement of a step: a builder that lost its lease has done nothing. */
async function move(
  tx: Queryable,
  { organizationId, edition, token }: EditionLease,
  leaseMs: number,
  cursor: Cursor,
  count: number,
): Promise<void> {
  const { rowCount } = await tx.query({
    name: 'timeline-move-edition',
    text: `
      UPDATE timeline.edition SET cursor_at = $4, cursor_id = $5, done = done + $6, lease_until = now() + $7 * interval '1 millisecond'
      WHERE organization_id = $1 AND edition = $2 AND lease_token = $3 AND state = 'building'
    `,
    values: [organizationId, edition, token, cursor.at, cursor.id, count, leaseMs],
  });
  if (rowCount !== 1) throw new LeaseLost();
}

async function beginAttributing(
  tx: Queryable,
  { organizationId, edition, token }: EditionLease,
  leaseMs: number,
): Promise<void> {
  const { rowCount } = await tx.query({
    name: 'timeline-begin-attributing',
    text: `
      UPDATE timeline.edition SET phase = 'attributing', cursor_at = NULL, cursor_id = NULL, done = 0,
        total = (SELECT count(*) FROM timeline.order_fact WHERE organization_id = $1), lease_until = now() + $4 * interval '1 millisecond'
      WHERE organization_id = $1 AND edition = $2 AND lease_token = $3 AND state = 'building'
    `,
    values: [organizationId, edition, token, leaseMs],
  });
  if (rowCount !== 1) throw new LeaseLost();
}
