import { isContention, type Database, type Queryable } from '@trackline/postgres';
import { Raced } from './contact.writer.ts';

/** Every lost race means that somebody else has won one, so a few rounds are plenty. */
const MAX_ATTEMPTS = 8;

/**
 * Runs `work` in a transaction, or in a part of the caller's, until no other transaction comes between what it read and
 * what it wrote. What it did before a lost race is undone.
 */
export async function settle<Result>(
  database: Database,
  work: (tx: Queryable) => Promise<Result>,
  callersTx?: Queryable,
): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return callersTx ? await asPart(callersTx, work) : await database.transaction(work);
    } catch (error) {
      if (attempt === MAX_ATTEMPTS || !(error instanceof Raced || isContention(error))) throw error;
    }
  }
}

async function asPart<Result>(tx: Queryable, work: (tx: Queryable) => Promise<Result>): Promise<Result> {
  await tx.query({ text: 'SAVEPOINT directory' });
  let result: Result;
  try {
    result = await work(tx);
  } catch (error) {
    await tx.query({ text: 'ROLLBACK TO SAVEPOINT directory' });
    throw error;
  }
  await tx.query({ text: 'RELEASE SAVEPOINT directory' });
  return result;
}
