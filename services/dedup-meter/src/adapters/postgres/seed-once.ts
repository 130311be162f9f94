import { uuidArray, type Database } from '@trackline/postgres';
import type { SeededMonth } from '../../ports.ts';

interface Wanted {
  readonly organizationIds: readonly string[];
  readonly month: string;
  readonly epoch: number;
}

/** Keys of advisory locks are one space for the whole database: ours begin with this number. */
const LOCK_SPACE = 0x74_6c_73_64;

/** Longer than the writing takes at worst; after that the holder of the locks counts as asleep, and the server takes them from it. */
const ASLEEP_MS = 3_000;

/**
 * Lets one caller write the month of each organisation, once an epoch. That it was done is committed before it is done: when the
 * writer dies in between, a missing hash counts as a lost one and the epoch ends, which is costly and right; the other way around,
 * a hash could be lost without a trace while its judgements are still on their way to the ledger.
 *
 * The locks are held by an outer transaction for as long as the write takes; whoever waits for them finds the month seeded. A process that
 * is stopped in between, not dead, must not hold up the others until it wakes up: its session ends, and the others find the month missing.
 * What it writes when it wakes up is older than their epoch.
 */
export async function seedOnce(
  database: Database,
  { organizationIds, month, epoch }: Wanted,
  write: (months: readonly SeededMonth[]) => Promise<void>,
): Promise<void> {
  const ids = uuidArray([...organizationIds].sort(), (id) => id);
  const firstDay = `${month}-01`;
  await database.transaction(async (tx) => {
    await tx.query({ text: `SET LOCAL idle_in_transaction_session_timeout = ${ASLEEP_MS}` });
    await tx.query({
      text: `SELECT pg_advisory_xact_lock($1, key)
               FROM (SELECT DISTINCT hashtext(id::text || $3) AS key FROM unnest($2::uuid[]) AS id ORDER BY key) AS sorted`,
      values: [LOCK_SPACE, ids, month],
    });
    // On another connection: it must stand even if this transaction does not end well.
    const { rows: claimed } = await database.query<{ organization_id: string }>({
      text: `INSERT INTO dedup_meter.seeded AS s (organization_id, month, epoch)
               SELECT id, $2::date, $3 FROM unnest($1::uuid[]) AS id
               ON CONFLICT (organization_id, month) DO UPDATE SET epoch = excluded.epoch WHERE s.epoch < excluded.epoch
               RETURNING organization_id`,
      values: [ids, firstDay, epoch],
    });
    if (claimed.length === 0) return;
    const months = new Map(
      claimed.map(({ organization_id }) => [
        organization_id,
        { organizationId: organization_id, month, used: new Map<number, number>() },
      ]),
    );
    const { rows } = await database.query<{ organization_id: string; source: number; used: number }>({
      text: `SELECT organization_id, source, sum(used)::bigint AS used FROM dedup_meter.usage
              WHERE organization_id = ANY ($1::uuid[]) AND day >= $2::date AND day < $2::date + interval '1 month'
              GROUP BY organization_id, source`,
      values: [uuidArray([...months.keys()], (id) => id), firstDay],
    });
    for (const { organization_id, source, used } of rows) months.get(organization_id)!.used.set(source, used);
    await write([...months.values()]);
  });
}
