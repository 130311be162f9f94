import type { EventView } from './fields.ts';

/** An event that is kept for a while, because a wait may look back for it. */
export interface RememberedEvent {
  readonly organizationId: string;
  readonly contactId: string;
  readonly event: EventView & { readonly eventId: string; readonly name: string };
  /** Milliseconds since the epoch. */
  readonly receivedAtMs: number;
  /** No wait looks back for it any more from then on. */
  readonly forgetAtMs: number;
}

/** An event that an execution has been started or resumed by: no wait of it is ended by that event again. */
export interface TakenEvent {
  readonly eventId: string;
  readonly receivedAtMs: number;
}
