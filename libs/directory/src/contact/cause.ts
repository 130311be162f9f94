import { createHash } from 'node:crypto';
import type { Queryable } from '@trackline/postgres';

const CAUSE_BYTES = 16;

/** What brought a change about (an event id; execution, step and visit), as it is stored: the same cause changes a contact once. */
export function hashOfCause(
  organizationId: string,
  kind: 'create' | 'update' | 'subscription',
  cause: string,
): Buffer {
  // The first two have a fixed form, so that no two causes join to the same text.
  return createHash('sha256').update(`${organizationId}:${kind}:${cause}`).digest().subarray(0, CAUSE_BYTES);
}

/** Those of the causes whose change has been made, as hexadecimal text. */
export async function causesDone(tx: Queryable, hashes: readonly Buffer[]): Promise<Set<string>> {
  if (hashes.length === 0) return new Set();
  const { rows } = await tx.query<{ cause: Buffer }>({
    name: 'directory.causes_done',
    text: `SELECT cause FROM directory.change WHERE cause = ANY ($1::bytea[])`,
    values: [hashes],
  });
  return new Set(rows.map((row) => row.cause.toString('hex')));
}
