import { isDataFault } from '@trackline/postgres';
import { Unavailable } from '../../ports.ts';

/**
 * Whatever the database says but "this value": it is no event's fault, and must not make a dead letter of one. A right that was revoked or a table
 * that is missing is waited for like a server that is away.
 */
export async function orUnavailable<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Unavailable || isDataFault(error) || !isOfTheDatabase(error)) throw error;
    throw new Unavailable(`Postgres: ${(error as Error).message}`, { cause: error });
  }
}

/** By an SQLSTATE or a network code, or by the driver's words where it gives neither. */
function isOfTheDatabase(error: unknown): boolean {
  if (error instanceof TypeError || error instanceof RangeError) return false;
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  return typeof code === 'string' || /timeout|terminated|connection|pool/i.test(String(message));
}
