import type { ContactChange } from '@trackline/contracts';
import { uuidv7 } from '@trackline/kernel';
import type { Database, Queryable } from '@trackline/postgres';

export interface NewChange {
  readonly organizationId: string;
  readonly contactId: string;
  readonly change: ContactChange['change'];
  readonly into?: string;
  readonly topicId?: string;
  readonly channel?: string;
  readonly cause?: string;
}

interface OutboxRow {
  sequence: number;
  id: string;
  organization_id: string;
  contact_id: string;
  change: ContactChange['change'];
  into_id: string | null;
  topic_id: string | null;
  channel: string | null;
  cause: string | null;
  at: Date;
}

/**
 * Records changes to be published, in the transaction that makes them. Written while the contact is locked (or not yet
 * visible), so that the order of rows of one contact is the order of its changes.
 */
export async function recordChanges(tx: Queryable, changes: readonly NewChange[], now: Date): Promise<void> {
  if (changes.length === 0) return;
  await tx.query({
    name: 'directory.record_changes',
    text: `INSERT INTO directory.outbox (id, organization_id, contact_id, change, into_id, at, topic_id, channel, cause)
           SELECT q.id, q.organization_id, q.contact_id, q.change, q.into_id, $6, q.topic_id, q.channel, q.cause
             FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::uuid[], $7::text[], $8::text[], $9::text[])
               WITH ORDINALITY
               AS q (id, organization_id, contact_id, change, into_id, topic_id, channel, cause, n) ORDER BY q.n`,
    values: [
      changes.map(() => uuidv7(now.getTime())),
      changes.map((change) => change.organizationId),
      changes.map((change) => change.contactId),
      changes.map((change) => change.change),
      changes.map((change) => change.into ?? null),
      now,
      changes.map((change) => change.topicId ?? null),
      changes.map((change) => change.channel ?? null),
      changes.map((change) => change.cause ?? null),
    ],
  });
}

/** One drains at a time, whichever instance it is: two at once could publish a contact's changes out of order. */
const DRAIN_LOCK = `hashtextextended('directory.outbox', 0)`;

/**
 * Hands the oldest rows to `publish` and removes them once it resolves; when it throws they stay. A crash in between
 * publishes them again. Gives how many were published: 0 when there are none, or when another instance is at it.
 */
export async function drainOutbox(
  database: Database,
  limit: number,
  publish: (changes: readonly ContactChange[]) => Promise<void>,
): Promise<number> {
  return database.transaction(async (tx) => {
    const { rows: locks } = await tx.query<{ locked: boolean }>({
      name: 'directory.drain_lock',
      text: `SELECT pg_try_advisory_xact_lock(${DRAIN_LOCK}) AS locked`,
    });
    if (!locks[0]?.locked) return 0;
    const { rows } = await tx.query<OutboxRow>({
      name: 'directory.outbox_head',
      text: `SELECT sequence, id, organization_id, contact_id, change, into_id, topic_id, channel, cause, at
               FROM directory.outbox ORDER BY sequence LIMIT $1`,
      values: [limit],
    });
    if (rows.length === 0) return 0;
    await publish(rows.map(fromRow));
    await tx.query({
      name: 'directory.outbox_done',
      text: `DELETE FROM directory.outbox WHERE sequence = ANY ($1::bigint[])`,
      values: [rows.map((row) => row.sequence)],
    });
    return rows.length;
  });
}

const fromRow = (row: OutboxRow): ContactChange => ({
  id: row.id,
  organizationId: row.organization_id,
  contactId: row.contact_id,
  change: row.change,
  ...(row.into_id === null ? undefined : { into: row.into_id }),
  ...(row.topic_id === null ? undefined : { topicId: row.topic_id }),
  ...(row.channel === null ? undefined : { channel: row.channel }),
  ...(row.cause === null ? undefined : { cause: row.cause }),
  atMs: row.at.getTime(),
});
