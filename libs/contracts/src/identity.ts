import { createHash } from 'node:crypto';

/**
 * Identities that can never collide by joining: every part is preceded by its length before it is hashed.
 * 128 bits of SHA-256: with 10^12 identities the chance that any two meet is below 10^-14.
 */
function digest(kind: string, parts: readonly string[]): Buffer {
  const hash = createHash('sha256');
  hash.update(kind);
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}:`).update(part);
  return hash.digest().subarray(0, 16);
}

/**
 * The id of an event that its client named: the same for every resend of (organisation, source, client's id), whichever door it uses.
 * A UUID of version 8 (RFC 9562: custom), so that it is never mistaken for one made at the door, which is of version 7.
 */
export const clientNamedEventId = (organizationId: string, source: string, clientId: string): string =>
  uuidOf(digest('event', [organizationId, source, clientId]), 8);

/**
 * The id of what a workflow wants to have done outside: one per visit of a step, the same at every redelivery and every attempt.
 * A UUID of version 8.
 */
export const actionId = (executionId: string, stepId: string, visit: number): string =>
  uuidOf(digest('action', [executionId, stepId, String(visit)]), 8);

/** The id of what Meta is told of an event: one per event, whoever reads it again. A UUID of version 8. */
export const conversionId = (organizationId: string, eventId: string): string =>
  uuidOf(digest('conversion', [organizationId, eventId]), 8);

/**
 * The id of the execution that a schedule starts for a contact at a due time: started again, it is the same one. Laid out as version 7,
 * so that it stands among all others by its time.
 */
export function scheduledExecutionId(workflowId: string, contactId: string, dueAtMs: number): string {
  const bytes = digest('execution', [workflowId, contactId, String(dueAtMs)]);
  bytes.writeUIntBE(dueAtMs, 0, 6);
  return uuidOf(bytes, 7);
}

/** 16 bytes as a UUID (RFC 9562), the bits of version and variant set. */
function uuidOf(bytes: Buffer, version: 7 | 8): string {
  bytes[6] = (bytes[6]! & 0x0f) | (version << 4);
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** The 16 bytes under which (organisation, event name, unique id) is accepted once in 24 months. */
export const uniqueIdentity = (organizationId: string, name: string, uniqueId: string): Buffer =>
  digest('unique', [organizationId, name, uniqueId]);
