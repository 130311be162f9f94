import { isDataFault, type Database, type Queryable } from '@trackline/postgres';
import type { PartitionedTable } from '../../domain/retention.ts';
import type { PartitionInventory } from '../../ports.ts';
import { findCulprit, type Culprit } from './data-fault-search.ts';

export interface PartitionedWrite<Row> {
  readonly table: PartitionedTable;
  readonly rows: readonly Row[];
  /** The moment by which a row finds its partition, milliseconds since the epoch. */
  readonly timeOf: (row: Row) => number;
  /** Puts rows down, whichever they are; used alone to find one that cannot be. */
  readonly insert: (tx: Queryable, rows: readonly Row[]) => Promise<number>;
  /** The whole transaction. */
  readonly commit: () => Promise<number>;
}

/** Raised by Postgres' ExecFindPartition; the class of its code, 23, says constraint, but the row is fine and its month is missing. */
const isMissingPartition = (error: unknown): boolean =>
  (error as { routine?: unknown } | null)?.routine === 'ExecFindPartition';

class TakenBack extends Error {}

/** Runs the transaction; makes months that are missing and tries again; names the row when the database can never hold it. */
export async function writePartitioned<Row>(
  database: Database,
  inventory: PartitionInventory,
  { table, rows, timeOf, insert, commit }: PartitionedWrite<Row>,
): Promise<number | Culprit> {
  const withMonths = async <Result>(some: readonly Row[], write: () => Promise<Result>): Promise<Result> => {
    try {
      return await write();
    } catch (error) {
      if (!isMissingPartition(error)) throw error;
      await inventory.make(table, some.map(timeOf));
      return await write();
    }
  };
  try {
    return await withMonths(rows, commit);
  } catch (error) {
    if (!isDataFault(error) || isMissingPartition(error)) throw error;
    // A bad value is refused before any row is put down: that months of other rows are missing may show only here.
    const culprit = await findCulprit(rows, (some) =>
      withMonths(some, () => tryAndTakeBack(database, (tx) => insert(tx, some))),
    );
    if (culprit) return culprit;
    throw error;
  }
}

async function tryAndTakeBack(database: Database, work: (tx: Queryable) => Promise<unknown>): Promise<void> {
  try {
    await database.transaction(async (tx) => {
      await work(tx);
      throw new TakenBack();
    });
  } catch (error) {
    if (!(error instanceof TakenBack)) throw error;
  }
}
