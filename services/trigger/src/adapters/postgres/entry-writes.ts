import { momentArray, uuidArray, type Queryable } from '@trackline/postgres';
import type { EntryWrite } from '../../ports.ts';

/**
 * Notes when contacts entered and left workflows that ask for it. `false`: a contact that enters has entered by another hand since
 * its last entry was read.
 */
export async function writeEntries(tx: Queryable, entries: readonly EntryWrite[]): Promise<boolean> {
  if (entries.length === 0) return true;
  const sorted = [...entries].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  const entering = sorted.filter(({ startedAtMs }) => startedAtMs !== null);
  const known = await lockEntries(tx, entering);
  for (const entry of entering) {
    const row = known.get(keyOf(entry));
    if (row && (row.started_at?.getTime() ?? null) !== entry.knownStartedAtMs) return false;
  }
  const { rows } = await tx.query<{ workflow_id: string; contact_id: string; is_new: boolean }>({
    name: 'trigger.write_entries',
    text: `INSERT INTO trigger.entry AS e (workflow_id, contact_id, started_at, ended_at, forget_at)
           SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[])
           ON CONFLICT (workflow_id, contact_id) DO UPDATE SET
             started_at = greatest(e.started_at, excluded.started_at),
             ended_at = greatest(e.ended_at, excluded.ended_at),
             forget_at = greatest(e.forget_at, excluded.forget_at)
           RETURNING workflow_id, contact_id, xmax = 0 AS is_new`,
    values: [
      ...idsOf(sorted),
      momentArray(sorted, (entry) => entry.startedAtMs),
      momentArray(sorted, (entry) => entry.endedAtMs),
      momentArray(sorted, (entry) => entry.forgetAtMs),
    ],
  });
  const made = new Set(rows.filter((row) => row.is_new).map((row) => `${row.workflow_id}:${row.contact_id}`));
  // One that was not there when it was to be locked must have been made by us.
  return entering.every((entry) => known.has(keyOf(entry)) || made.has(keyOf(entry)));
}

async function lockEntries(
  tx: Queryable,
  entries: readonly EntryWrite[],
): Promise<ReadonlyMap<string, { started_at: Date | null }>> {
  if (entries.length === 0) return new Map();
  const { rows } = await tx.query<{ workflow_id: string; contact_id: string; started_at: Date | null }>({
    name: 'trigger.lock_entries',
    text: `SELECT e.workflow_id, e.contact_id, e.started_at FROM trigger.entry e
           JOIN unnest($1::uuid[], $2::uuid[]) AS q (workflow_id, contact_id)
             ON e.workflow_id = q.workflow_id AND e.contact_id = q.contact_id
           ORDER BY e.workflow_id, e.contact_id FOR UPDATE OF e`,
    values: idsOf(entries),
  });
  return new Map(rows.map((row) => [`${row.workflow_id}:${row.contact_id}`, row]));
}

const keyOf = ({ workflowId, contactId }: EntryWrite): string => `${workflowId}:${contactId}`;

const idsOf = (entries: readonly EntryWrite[]): Buffer[] => [
  uuidArray(entries, (entry) => entry.workflowId),
  uuidArray(entries, (entry) => entry.contactId),
];
