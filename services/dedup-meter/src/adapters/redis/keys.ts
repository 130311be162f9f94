import { uuidFromBytes, writeUuid } from '@trackline/kernel';

/** Every key of an organisation carries `{<its id>}`, and nothing else in braces: one slot of a cluster. */
export const monthKey = (organizationId: string, month: string): string =>
  `tl:{${organizationId}}:m:${month}`;

export const eventKey = (organizationId: string, eventId: string): string =>
  `tl:{${organizationId}}:e:${toCompact(eventId)}`;

export const uniqueKey = (organizationId: string, identity: string): string =>
  `tl:{${organizationId}}:u:${toCompact(identity)}`;

/** A UUID as 22 characters: there are as many of these keys as there are events in the hot window. */
export function toCompact(uuid: string): string {
  writeUuid(uuid, room);
  return room.toString('base64url');
}

const room = Buffer.alloc(16);

export const fromCompact = (compact: string): string => uuidFromBytes(Buffer.from(compact, 'base64url'));

export const COMPACT_LENGTH = 22;
