import { createPool, type Database } from '@trackline/postgres';

const LOCK_TIMEOUT_MS = 2_000;
const STATEMENT_TIMEOUT_MS = 120_000;

/**
 * A connection for making and dropping partitions. It gives up on a lock soon: whoever waits for a strong lock makes all who come after it wait
 * too. Its statements may take long otherwise, DETACH … CONCURRENTLY waits for readers.
 */
export function openMaintenanceDatabase(databaseUrl: string, instanceId: string): Database {
  const url = new URL(databaseUrl);
  const given = url.searchParams.get('options');
  const options = `${given === null ? '' : `${given} `}-c lock_timeout=${LOCK_TIMEOUT_MS}`;
  url.searchParams.set('options', options);
  return createPool({
    databaseUrl: url.toString(),
    max: 2,
    applicationName: `${instanceId} maintenance`,
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
  });
}
