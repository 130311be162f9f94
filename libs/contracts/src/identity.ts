import { hash } from 'node:crypto';

/**
 * Identities that can never collide by joining: every part is preceded by its length before it is hashed.
 * 128 bits of SHA-256, as hexadecimal digits: with 10^12 identities the chance that any two meet is below 10^-14.
 */
function digest(kind: string, parts: readonly string[]): string {
  let text = kind;
  for (const part of parts) text += `${Buffer.byteLength(part)}:${part}`;
  // In one call, and as text: an object for the hash and one for its bytes cost five times as much as hashing.
  return hash('sha256', text, 'hex').slice(0, 32);
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
  const hex = digest('execution', [workflowId, contactId, String(dueAtMs)]);
  return uuidOf(dueAtMs.toString(16).padStart(12, '0') + hex.slice(12), 7);
}

/** 32 digits as a UUID (RFC 9562), the bits of version and variant set. */
const uuidOf = (hex: string, version: 7 | 8): string =>
  uuidForm(
    `${hex.slice(0, 12)}${version}${hex.slice(13, 16)}${VARIANTS[parseInt(hex[16]!, 16) & 3]}${hex.slice(17)}`,
  );

const VARIANTS = '89ab';

const uuidForm = (hex: string): string =>
  `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;

/** Under which (organisation, event name, unique id) is accepted once in 24 months: 16 bytes, written as a UUID, with no bits of version. */
export const uniqueIdentity = (organizationId: string, name: string, uniqueId: string): string =>
  uuidForm(digest('unique', [organizationId, name, uniqueId]));
