import type { ActionKind, AnyRequestedAction, DeliveryStatus } from '@trackline/contracts';

/** An action as it is put down: what it asks for, where it goes, and where it stood in its topic. */
export interface NewDelivery {
  readonly action: AnyRequestedAction;
  readonly destination: string;
  readonly source: { readonly partition: number; readonly offset: number };
  /** It came back from the dead letters: a delivery that was given up begins anew. */
  readonly redriven: boolean;
}

/** A delivery that this process has claimed: until the lease ends it is nobody else's. */
export interface ClaimedDelivery {
  readonly action: AnyRequestedAction;
  readonly destination: string;
  readonly source: { readonly partition: number; readonly offset: number };
  readonly lease: string;
  /** By the clock of this process, and not later than the database lets it end. */
  readonly leaseEndsAtMs: number;
  /** This one included. */
  readonly attempts: number;
  /** Since it was accepted, or sent back from the dead letters. */
  readonly ageMs: number;
}

/** A delivery as it is shown. */
export interface DeliveryRecord {
  readonly id: string;
  /** Sorts by when it was put down. */
  readonly sequence: number;
  readonly kind: ActionKind;
  readonly status: DeliveryStatus;
  readonly destination: string;
  readonly contactId: string;
  /** What asked for it: a step of a workflow, or an event that Meta is told of. */
  readonly cause:
    | {
        readonly workflowId: string;
        readonly executionId: string;
        readonly stepId: string;
        readonly visit: number;
      }
    | { readonly eventId: string };
  readonly attempts: number;
  readonly acceptedAt: Date;
  readonly nextAttemptAt: Date | null;
  readonly endedAt: Date | null;
  readonly providerMessageId: string | null;
  readonly detail: unknown;
}
