/**
 * What kind of trouble an error of the database is. The caller decides by it: wait and try again (connection, contention),
 * answer (unique), or isolate the one bad item (data).
 */

const NETWORK_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
]);

/** SQLSTATEs of a server that is away, going away, full, or no longer the primary; class 08 is added below. */
const UNAVAILABLE_STATES = new Set([
  '57P01', // admin_shutdown
  '57P02', // crash_shutdown
  '57P03', // cannot_connect_now
  '57P05', // idle_session_timeout
  '57014', // query_canceled: the statement took too long, or an operator ended it
  '25P03', // idle_in_transaction_session_timeout: the server has closed the connection
  '25006', // read_only_sql_transaction: connected to a standby after a failover
  '53300', // too_many_connections
  '53100', // disk_full
  '53200', // out_of_memory
]);

/** pg reports these without a code (pg 8: lib/client.js, pg-pool: index.js). */
const CONNECTION_MESSAGES = [
  'Connection terminated',
  'Client has encountered a connection error',
  'timeout exceeded when trying to connect',
  'timeout expired',
  'Query read timeout',
  'Client was closed',
  'Cannot use a pool after calling end',
];

const codeOf = (error: unknown): string => {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : '';
};

/** The server could not be reached, went away or is too slow: nothing is known of what was asked, and trying again later may work. */
export function isConnectionFault(error: unknown): boolean {
  if (error instanceof AggregateError && error.errors.some(isConnectionFault)) return true;
  const code = codeOf(error);
  if (NETWORK_CODES.has(code) || UNAVAILABLE_STATES.has(code) || /^08...$/.test(code)) return true;
  return (
    error instanceof Error && CONNECTION_MESSAGES.some((beginning) => error.message.startsWith(beginning))
  );
}

/** Another transaction was in the way (deadlock, serialization, lock timeout): rolled back, may be tried again at once. */
export const isContention = (error: unknown): boolean => ['40P01', '40001', '55P03'].includes(codeOf(error));

export const isUniqueViolation = (error: unknown): boolean => codeOf(error) === '23505';

/** Class 22 (a value that the database cannot hold) or 23 (a constraint): the same input will always fail. */
export const isDataFault = (error: unknown): boolean => /^2[23]...$/.test(codeOf(error));
