import { createHash } from 'node:crypto';

const CAUSE_BYTES = 16;

/** What brought a change about (an event id; execution, step and visit), as it is stored: the same cause changes a contact once. */
export function hashOfCause(organizationId: string, kind: 'create' | 'update', cause: string): Buffer {
  // The first two have a fixed form, so that no two causes join to the same text.
  return createHash('sha256').update(`${organizationId}:${kind}:${cause}`).digest().subarray(0, CAUSE_BYTES);
}
