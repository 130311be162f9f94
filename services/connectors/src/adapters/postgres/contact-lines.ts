import type { Queryable } from '@trackline/postgres';

/**
 * A line: what one contact is to get of one kind at one destination, in the order in which it was put down, which is that of the contact's
 * partition. Organisation and kind are no bare columns here: as such they would lead the planner, whenever it knows the table badly, by
 * another index through a whole queue, and a line's first one is read from the index of the lines as it stands.
 */
const SAME_LINE = (a: string, b: string): string =>
  `${a}.contact_id = ${b}.contact_id AND ${a}.destination = ${b}.destination
     AND ${a}.organization_id::text || ${a}.kind = ${b}.organization_id::text || ${b}.kind`;

/**
 * When the one before `d` in its line is looked at next; null: there is none. A message waits until the one before it has ended, for a day
 * at most. A webhook waits until there has been an answer to the one before it: a receiver that chokes on one body gets the next. What
 * Meta is told of stands in no line: each of it says when it happened.
 */
export const AHEAD = `(
  SELECT e.next_attempt_at FROM connectors.delivery e
  WHERE d.kind <> 'conversion' AND ${SAME_LINE('e', 'd')} AND e.status = 'pending'
    AND (e.accepted_at, e.source_offset) < (d.accepted_at, d.source_offset)
    AND (d.kind <> 'webhook' OR e.detail IS NULL)
  ORDER BY e.accepted_at, e.source_offset LIMIT 1)`;

/** Deliveries are locked first and queues after them, each in order, as every writer does. */
const WAKE = `
  WITH line AS (
    SELECT DISTINCT organization_id, contact_id, kind, destination FROM connectors.delivery
    WHERE id = ANY ($1::text[]) AND kind <> 'conversion'
  ), next AS (
    SELECT n.id FROM line l CROSS JOIN LATERAL (
      SELECT e.id FROM connectors.delivery e WHERE ${SAME_LINE('e', 'l')} AND e.status = 'pending' AND e.attempts = 0
      ORDER BY e.accepted_at, e.source_offset LIMIT 1) AS n
  ), locked AS (
    SELECT d.id FROM connectors.delivery d JOIN next ON next.id = d.id ORDER BY d.id FOR UPDATE OF d
  ), woken AS (
    UPDATE connectors.delivery d SET next_attempt_at = now() FROM locked
    WHERE d.id = locked.id AND d.status = 'pending' AND d.attempts = 0
    RETURNING d.kind, d.organization_id, d.destination
  )
  INSERT INTO connectors.queue AS l (kind, organization_id, destination, next_at)
  SELECT DISTINCT kind, organization_id, destination, now() FROM woken ORDER BY 1, 2, 3
  ON CONFLICT (kind, organization_id, destination) DO UPDATE SET next_at = least(l.next_at, excluded.next_at)
`;

/**
 * Whoever stands behind these has its turn. After their commit, in a statement of its own: whoever was put to wait for them in the
 * meantime is seen, or was not yet.
 */
export async function wakeBehind(db: Queryable, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await db.query({ name: 'connectors.wake_behind', text: WAKE, values: [ids] });
}
