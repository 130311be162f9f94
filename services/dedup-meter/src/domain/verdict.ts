import type { JudgedEvent, Position } from '@trackline/contracts';

/** What becomes of an event. Closed: each consumer of it names all cases. `monthUsed` is the organisation's count as it stands after it. */
export type Verdict =
  | { readonly kind: 'admitted'; readonly monthUsed: number }
  /** The event id was admitted before, at `first`: a resend, or a producer's retry that was written twice. No effect. */
  | {
      readonly kind: 'replay';
      readonly first: Position;
      /** Of the first: whoever waits is answered by the partition that has it. */
      readonly contactId: string;
      readonly monthUsed: number;
    }
  /** Another event has the unique id. */
  | { readonly kind: 'duplicate'; readonly of: string; readonly monthUsed: number }
  | { readonly kind: 'over_limit'; readonly monthUsed: number };

export const DEAD_LETTER_REASONS = [
  'undecodable',
  'unknown_organization',
  'unauthorized',
  'invalid',
  'contact_not_found',
] as const;
export type DeadLetterReason = (typeof DEAD_LETTER_REASONS)[number];

/** A message that cannot become an event, with words for whoever finds it. */
export interface DeadLetter {
  readonly kind: 'dead_letter';
  readonly reason: DeadLetterReason;
  readonly detail: string;
}

/** A record that only says that time has passed. */
export interface Tick {
  readonly kind: 'tick';
}

/** A message of a source partition as it was read: an event to judge, or something that is none. */
export type Reading =
  | { readonly offset: number; readonly event: JudgedEvent }
  | { readonly offset: number; readonly event?: undefined; readonly outcome: DeadLetter | Tick };

/** What was decided of one message of a source partition; never decided again. */
export type Decision =
  | { readonly offset: number; readonly event: JudgedEvent; readonly outcome: Verdict }
  | { readonly offset: number; readonly event?: undefined; readonly outcome: DeadLetter | Tick };

export const isEvent = <T extends { readonly event?: unknown }>(
  item: T,
): item is T & { readonly event: JudgedEvent } => item.event !== undefined;
