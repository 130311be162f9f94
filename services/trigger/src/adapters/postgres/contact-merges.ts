import type { Database, Queryable } from '@trackline/postgres';
import type { ContactMerge, ContactMerges } from '../../ports.ts';
import { giveHeldTurns } from './held-sends.ts';
import type { PartitionOf } from './partition-of.ts';

/** Executions that one transaction moves. */
const MOVED_PER_CHUNK = 200;
const UNSETTLED_AT_ONCE = 50;
/** So long what had begun before the merge may still be stored for the old id. */
const SETTLED_AFTER = `interval '1 minute'`;

export const contactMerges = (database: Database, partitionOf: PartitionOf): ContactMerges => {
  const move = async (merge: ContactMerge): Promise<void> => {
    while ((await database.transaction((tx) => moveChunk(tx, merge, partitionOf))) === MOVED_PER_CHUNK);
    await database.transaction((tx) => moveMemory(tx, merge));
    await giveHeldTurns(database, [merge.into]);
  };
  return {
    async merge(told) {
      const merge = await database.transaction((tx) => noteAlias(tx, told));
      if (merge) await move(merge);
      return merge?.into ?? told.into;
    },

    async unsettled(behind) {
      const { rows } = await database.query<{ organization_id: string; contact_id: string; into_id: string }>(
        {
          name: 'trigger.unsettled_merges',
          text: `SELECT organization_id, contact_id, into_id FROM trigger.contact_alias
               WHERE NOT settled AND merged_at < now() - ${SETTLED_AFTER} ORDER BY merged_at, contact_id LIMIT ${UNSETTLED_AT_ONCE} OFFSET $1`,
          values: [behind],
        },
      );
      return rows.map((row): ContactMerge => ({
        organizationId: row.organization_id,
        contactId: row.contact_id,
        into: row.into_id,
      }));
    },

    async settle(merge) {
      const { organizationId, contactId, into } = merge;
      await move(merge);
      await reopenErasure(database, organizationId, into);
      await database.query({
        name: 'trigger.merge_settled',
        text: `UPDATE trigger.contact_alias SET settled = true
               WHERE organization_id = $1 AND contact_id = $2 AND into_id = $3`,
        values: [organizationId, contactId, into],
      });
    },
  };
};

/**
 * Merges of a chain are told on different partitions, in any order and at once: an alias never points to an alias. Two that are noted
 * side by side would not see each other; those of an organisation go one after the other.
 */
async function noteAlias(
  tx: Queryable,
  { organizationId, contactId, into: told }: ContactMerge,
): Promise<ContactMerge | undefined> {
  await tx.query({
    name: 'trigger.lock_aliases',
    text: `SELECT pg_advisory_xact_lock(hashtextextended('trigger.contact_alias:' || $1::text, 0))`,
    values: [organizationId],
  });
  const { rows } = await tx.query<{ into_id: string }>({
    name: 'trigger.alias_of',
    text: `SELECT into_id FROM trigger.contact_alias WHERE organization_id = $1 AND contact_id = $2`,
    values: [organizationId, told],
  });
  const into = rows[0]?.into_id ?? told;
  if (into === contactId) return undefined;
  const values = [organizationId, contactId, into];
  await tx.query({
    name: 'trigger.note_alias',
    text: `INSERT INTO trigger.contact_alias (organization_id, contact_id, into_id, merged_at) VALUES ($1, $2, $3, now())
           ON CONFLICT (organization_id, contact_id) DO UPDATE SET into_id = excluded.into_id`,
    values,
  });
  await tx.query({
    name: 'trigger.move_aliases',
    text: `UPDATE trigger.contact_alias SET into_id = $3, settled = false, merged_at = now()
           WHERE organization_id = $1 AND into_id = $2`,
    values,
  });
  return { organizationId, contactId, into };
}

/**
 * Each moved execution counts up its revision: whoever decided on it a moment ago finds that it has changed. Of a workflow with one
 * execution per contact both may run from now on.
 */
async function moveChunk(
  tx: Queryable,
  { organizationId, contactId, into }: ContactMerge,
  partitionOf: PartitionOf,
): Promise<number> {
  const partition = partitionOf({ organizationId, contactId: into });
  const { rows } = await tx.query<{ id: string; workflow_id: string; was_in: number; is_running: boolean }>({
    name: 'trigger.move_executions',
    text: `WITH picked AS (
             SELECT id, partition FROM trigger.execution WHERE organization_id = $1 AND contact_id = $2
             ORDER BY id LIMIT ${MOVED_PER_CHUNK} FOR UPDATE
           )
           UPDATE trigger.execution e SET contact_id = $3, partition = $4, revision = e.revision + 1,
             sole = e.sole AND (e.ended_at IS NOT NULL OR NOT EXISTS (
               SELECT FROM trigger.execution i WHERE i.workflow_id = e.workflow_id AND i.contact_id = $3
                 AND i.sole AND i.ended_at IS NULL))
           FROM picked WHERE e.id = picked.id
           RETURNING e.id, e.workflow_id, picked.partition AS was_in, e.ended_at IS NULL AS is_running`,
    values: [organizationId, contactId, into, partition],
  });
  if (rows.length === 0) return 0;
  const ids = rows.map((row) => row.id);
  await tx.query({
    name: 'trigger.move_waits',
    text: `UPDATE trigger.wait SET contact_id = $3
           WHERE organization_id = $1 AND contact_id = $2 AND execution_id = ANY ($4::uuid[])`,
    values: [organizationId, contactId, into, ids],
  });
  await tx.query({
    name: 'trigger.move_timers',
    text: 'UPDATE trigger.timer SET partition = $2 WHERE execution_id = ANY ($1::uuid[])',
    values: [ids, partition],
  });
  await moveCounts(
    tx,
    rows.filter((row) => row.is_running && row.was_in !== partition),
    partition,
  );
  return rows.length;
}

async function moveCounts(
  tx: Queryable,
  moved: readonly { readonly workflow_id: string; readonly was_in: number }[],
  partition: number,
): Promise<void> {
  if (moved.length === 0) return;
  const changes = moved.flatMap(({ workflow_id, was_in }) => [
    { workflow_id, partition: was_in, count: -1 },
    { workflow_id, partition, count: 1 },
  ]);
  await tx.query({
    name: 'trigger.move_counts',
    text: `INSERT INTO trigger.running AS r (workflow_id, partition, count)
           SELECT workflow_id, partition, sum(count) FROM unnest($1::uuid[], $2::int[], $3::int[])
             AS c (workflow_id, partition, count) GROUP BY 1, 2 ORDER BY 1, 2
           ON CONFLICT (workflow_id, partition) DO UPDATE SET count = r.count + excluded.count`,
    values: [
      changes.map((change) => change.workflow_id),
      changes.map((change) => change.partition),
      changes.map((change) => change.count),
    ],
  });
}

/** Whoever it was moved to may have been erased, and that settled before it came: it is looked at once more. */
async function reopenErasure(db: Queryable, organizationId: string, contactId: string): Promise<void> {
  await db.query({
    name: 'trigger.reopen_erasure',
    text: `UPDATE trigger.contact_erasure SET settled = false, erased_at = now()
           WHERE organization_id = $1 AND contact_id = $2`,
    values: [organizationId, contactId],
  });
}

/** When it last entered and left, and what waits look back for: of both, the later and all. */
async function moveMemory(tx: Queryable, { organizationId, contactId, into }: ContactMerge): Promise<void> {
  await tx.query({
    name: 'trigger.move_entries',
    text: `WITH old AS (DELETE FROM trigger.entry WHERE workflow_id IN (
             SELECT id FROM trigger.workflow WHERE organization_id = $1) AND contact_id = $2 RETURNING *)
           INSERT INTO trigger.entry AS e (workflow_id, contact_id, started_at, ended_at, forget_at)
           SELECT workflow_id, $3, started_at, ended_at, forget_at FROM old ORDER BY workflow_id
           ON CONFLICT (workflow_id, contact_id) DO UPDATE SET
             started_at = greatest(e.started_at, excluded.started_at),
             ended_at = greatest(e.ended_at, excluded.ended_at),
             forget_at = greatest(e.forget_at, excluded.forget_at)`,
    values: [organizationId, contactId, into],
  });
  await tx.query({
    name: 'trigger.move_remembered',
    text: `WITH old AS (DELETE FROM trigger.remembered WHERE organization_id = $1 AND contact_id = $2 RETURNING *)
           INSERT INTO trigger.remembered
             (organization_id, contact_id, event_name, event_id, properties, numbers, received_at, forget_at)
           SELECT organization_id, $3, event_name, event_id, properties, numbers, received_at, forget_at FROM old
           ON CONFLICT DO NOTHING`,
    values: [organizationId, contactId, into],
  });
}
