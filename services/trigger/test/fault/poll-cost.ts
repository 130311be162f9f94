import { createPool, type Database, type Queryable, type Statement } from '@trackline/postgres';
import { timerReader } from '../../src/adapters/postgres/timer-reader.ts';

/** Blocks of 8 KiB that one statement looked at, in memory or not. */
export interface PollCost {
  /** Asking which partitions have something due. */
  readonly look: number;
  /** Fetching the first chunk of one partition, with what it found. */
  readonly chunk: number;
  readonly found: number;
}

interface Plan {
  readonly 'Actual Rows': number;
  readonly 'Shared Hit Blocks': number;
  readonly 'Shared Read Blocks': number;
}

/** Asks Postgres what the product's own statements cost, planned as in a service that has run for long: once, for all parameters. */
export class PollMeter {
  private readonly database: Database;

  constructor(databaseUrl: string) {
    this.database = createPool({ databaseUrl, max: 1, applicationName: 'poll-meter' });
  }

  close(): Promise<void> {
    return this.database.close();
  }

  async measure(partitions: number): Promise<PollCost> {
    const plans: Plan[] = [];
    const explained: Queryable = {
      query: async (statement) => {
        plans.push(await this.explain(statement));
        return { rows: [], rowCount: 0 };
      },
    };
    const timers = timerReader(explained);
    const frontierMs = Date.now();
    await timers.partitionsWithDue(
      Array.from({ length: partitions }, (_, partition) => ({ partition, frontierMs })),
    );
    await timers.due({ partition: 0, frontierMs }, 200);
    const [look, chunk] = plans;
    return { look: blocks(look!), chunk: blocks(chunk!), found: chunk!['Actual Rows'] };
  }

  private explain({ text, values = [] }: Statement): Promise<Plan> {
    return this.database.transaction(async (tx) => {
      await tx.query({ text: 'SET LOCAL plan_cache_mode = force_generic_plan' });
      await tx.query({ text: `PREPARE measured AS ${text}` });
      const { rows } = await tx.query<{ 'QUERY PLAN': { Plan: Plan }[] }>({
        text: `EXPLAIN (ANALYZE, BUFFERS, TIMING off, FORMAT json) EXECUTE measured (${values.map(literal).join(', ')})`,
      });
      await tx.query({ text: 'DEALLOCATE measured' });
      return rows[0]!['QUERY PLAN'][0]!.Plan;
    });
  }
}

const blocks = (plan: Plan): number => plan['Shared Hit Blocks'] + plan['Shared Read Blocks'];

/** Of numbers, times and lists of them: none of these needs to be quoted inside a list. */
const literal = (value: unknown): string =>
  `'${(Array.isArray(value) ? `{${value.join(',')}}` : String(value)).replaceAll("'", "''")}'`;
