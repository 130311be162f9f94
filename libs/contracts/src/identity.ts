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
export function clientNamedEventId(organizationId: string, source: string, clientId: string): string {
  const bytes = digest('event', [organizationId, source, clientId]);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** The 16 bytes under which (organisation, event name, unique id) is accepted once in 24 months. */
export const uniqueIdentity = (organizationId: string, name: string, uniqueId: string): Buffer =>
  digest('unique', [organizationId, name, uniqueId]);
