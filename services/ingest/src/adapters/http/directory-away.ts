import { Problem } from '@trackline/contracts';
import { isConnectionFault, isContention } from '@trackline/postgres';
import { nothingRecorded } from '../../domain/unavailable.ts';

const isAway = (error: unknown): boolean => isConnectionFault(error) || isContention(error);

/** For what only reads, or may be done again: a directory that cannot be reached is a 503, not a fault of ours. */
export async function orUnavailable<Result>(asked: Promise<Result>): Promise<Result> {
  try {
    return await asked;
  } catch (error) {
    if (isAway(error)) throw nothingRecorded('The contact directory cannot be reached.', error);
    throw error;
  }
}

/** For changes: a connection that is lost at the commit leaves it open whether the change was made. */
export async function orPerhapsChanged<Result>(asked: Promise<Result>): Promise<Result> {
  try {
    return await asked;
  } catch (error) {
    if (!isAway(error)) throw error;
    throw new Problem(
      'UNAVAILABLE',
      'The contact directory was lost on the way: the change may or may not have been made. Look before you send it again.',
      { headers: { 'Retry-After': '1' }, cause: error },
    );
  }
}
