const SLACK_MS = 3_600_000;

/**
 * A moment that the event of this id cannot have occurred after, for ids made at the door (UUIDv7: they carry the time of their making, and an
 * event occurs 5 minutes after it at most). `undefined` for client-named ones, which are hashes.
 */
export const receivedNear = (eventId: string): number | undefined =>
  eventId[14] === '7'
    ? Number.parseInt(eventId.slice(0, 8) + eventId.slice(9, 13), 16) + SLACK_MS
    : undefined;

/** An event that its client named keeps its id when it is sent again: only such a one can be refused first and admitted later. */
export const isClientNamed = (eventId: string): boolean => eventId[14] === '8';
