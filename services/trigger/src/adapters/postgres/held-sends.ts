import type { Database, Queryable } from '@trackline/postgres';
import type { HeldSends } from '../../ports.ts';

export const heldSends = (database: Database): HeldSends => ({
  lookAgain: (refs) =>
    giveHeldTurns(
      database,
      refs.map(({ contactId }) => contactId),
    ),
});

/**
 * The owners of their partitions come to executions at once that stand at a held send, and look who the contact is now. Each counts up its
 * revision: a look that was under way, and has read the contact as nobody, does not set its timer to a week later over this one.
 */
export async function giveHeldTurns(db: Queryable, contactIds: readonly string[]): Promise<void> {
  if (contactIds.length === 0) return;
  await db.query({
    name: 'trigger.give_held_turns',
    text: `WITH picked AS (
             SELECT id FROM trigger.execution WHERE held AND contact_id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE
           ), looked_at AS (
             UPDATE trigger.execution e SET revision = e.revision + 1 FROM picked
             WHERE e.id = picked.id RETURNING e.id, e.partition
           )
           INSERT INTO trigger.timer (execution_id, partition, kind, due_at)
           SELECT id, partition, 'turn', now() FROM looked_at ORDER BY id
           ON CONFLICT (execution_id) DO UPDATE SET kind = 'turn', due_at = now()`,
    values: [contactIds],
  });
}
