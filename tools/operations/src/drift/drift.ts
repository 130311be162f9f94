import { createPool } from '@trackline/postgres';
import { kafkaOf, type Addresses } from '../connections.ts';
import { reach } from '../mistake.ts';
import type { DriftOptions } from './drift-options.ts';
import { measureDrift, type DriftReport } from './measure-drift.ts';
import { openRedisMonths } from './redis-months.ts';
import { stores } from './stores.ts';

export interface DriftOutcome extends DriftReport {
  /** Only when a repair was asked for: whether the epoch was ended, so that Redis is filled anew. */
  readonly repaired?: boolean;
  /** Whether something differs that was not repaired. */
  readonly differs: boolean;
}

/** Counting a month of a large timeline reads it whole. */
const STATEMENT_TIMEOUT_MS = 30 * 60_000;

/** Opens, measures, repairs what can be derived, closes. */
export async function drift(
  addresses: Addresses<'kafkaBrokers' | 'databaseUrl' | 'redisUrl'>,
  { scope, repair }: DriftOptions,
): Promise<DriftOutcome> {
  const { databaseUrl } = addresses;
  const database = createPool({
    databaseUrl,
    max: 3,
    applicationName: `operations-${process.pid}`,
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
  });
  try {
    const redis = await openRedisMonths(addresses.redisUrl);
    try {
      const read = stores(database);
      const epoch = await reach('The ledger could not be read', () => read.epoch());
      const report = await measureDrift({ stores: read, redis, connection: kafkaOf(addresses) }, scope);
      const { differences } = report;
      if (!repair) return { ...report, differs: differences.length > 0 };
      const redisDiffers = differences.some(({ redisDifference }) => redisDifference !== 0);
      // An epoch that ended meanwhile has repaired it already.
      const repaired = redisDiffers && ((await read.endEpoch(epoch)) || (await read.epoch()) > epoch);
      const left = differences.filter(({ timelineDifference }) => timelineDifference !== 0 || !repaired);
      return { ...report, repaired, differs: left.length > 0 };
    } finally {
      redis.close();
    }
  } finally {
    await database.close();
  }
}
