import type { Database, Queryable } from '@trackline/postgres';
import { addMonths, monthStart } from '../../domain/calendar-month.ts';
import { monthOfPartition, partitionName, type PartitionedTable } from '../../domain/retention.ts';
import type { PartitionInventory } from '../../ports.ts';

/** `detaching`: a removal was interrupted. `loose`: made or left as a plain table. */
type PartitionState = 'attached' | 'detaching' | 'loose';

const STATES = `
  SELECT class.relname AS name,
    CASE WHEN inherits.inhrelid IS NULL THEN 'loose' WHEN inherits.inhdetachpending THEN 'detaching' ELSE 'attached' END AS state
  FROM pg_class AS class
  LEFT JOIN pg_inherits AS inherits ON inherits.inhrelid = class.oid
  WHERE class.relnamespace = 'timeline'::regnamespace AND class.relkind = 'r'
`;

async function states(
  database: Queryable,
  table: PartitionedTable,
): Promise<ReadonlyMap<number, PartitionState>> {
  const { rows } = await database.query<{ name: string; state: PartitionState }>({ text: STATES });
  return new Map(
    rows.flatMap(({ name, state }) => {
      const month = monthOfPartition(table, name);
      return month === undefined ? [] : [[month, state] as const];
    }),
  );
}

const iso = (ms: number): string => new Date(ms).toISOString();

/**
 * Made as a plain table first and then attached: ATTACH lets others read and write the table meanwhile,
 * CREATE TABLE … PARTITION OF would wait for all of them and make all of them wait.
 */
async function makeMonth(database: Database, table: PartitionedTable, month: number): Promise<boolean> {
  const name = partitionName(table, month);
  return database.transaction(async (tx) => {
    await tx.query({
      text: 'SELECT pg_advisory_xact_lock(hashtextextended($1, 0))',
      values: [`timeline.${name}`],
    });
    const state = (await states(tx, table)).get(month);
    if (state === 'attached') return false;
    if (state !== undefined) {
      throw new Error(
        `timeline.${name} is ${state}: its removal was interrupted and goes on with the next run of the retention keeper.`,
      );
    }
    await tx.query({ text: `CREATE TABLE timeline.${name} (LIKE timeline.${table} INCLUDING ALL)` });
    await tx.query({
      text: `ALTER TABLE timeline.${table} ATTACH PARTITION timeline.${name} FOR VALUES FROM ('${iso(month)}') TO ('${iso(addMonths(month, 1))}')`,
    });
    return true;
  });
}

/** `database` should have a lock_timeout: better a month that is dropped tomorrow than inserts that queue behind it today. */
export const partitionInventory = (database: Database): PartitionInventory => ({
  async make(table, monthsMs) {
    const wanted = new Set(monthsMs.map(monthStart));
    const there = await states(database, table);
    const made: string[] = [];
    for (const month of [...wanted].sort((a, b) => a - b)) {
      if (there.get(month) === 'attached') continue;
      if (await makeMonth(database, table, month)) made.push(partitionName(table, month));
    }
    return made;
  },

  async months(table) {
    return [...(await states(database, table)).keys()].sort((a, b) => a - b);
  },

  async drop(table, monthMs) {
    const name = partitionName(table, monthMs);
    const state = (await states(database, table)).get(monthMs);
    if (state === undefined) return;
    if (state !== 'loose') {
      // Neither may run inside a transaction: each of these is one.
      const how = state === 'attached' ? 'CONCURRENTLY' : 'FINALIZE';
      await database.query({
        text: `ALTER TABLE timeline.${table} DETACH PARTITION timeline.${name} ${how}`,
      });
    }
    await database.query({ text: `DROP TABLE timeline.${name}` });
  },
});
