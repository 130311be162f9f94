import type {
  ContactUpdateConfig,
  ExecutionProgress,
  RequestedAction,
  SubscriptionConfig,
} from '@trackline/contracts';
import type { Execution, StepVisit } from './execution.ts';
import type { ContactView, EventView } from './fields.ts';
import type { RememberedEvent } from './remembered.ts';

/** What may move an execution. */
export type Input =
  | { readonly kind: 'start' }
  | { readonly kind: 'event'; readonly event: EventView; readonly receivedAtMs: number }
  /** The deadline of the wait or the end of the delay has come. */
  | { readonly kind: 'due' }
  /** The workflow was enabled again, or put away for good. */
  | { readonly kind: 'turn' }
  | { readonly kind: 'cancel'; readonly reason: string }
  /** A person wants a failed execution to go on from where it failed. */
  | { readonly kind: 'retry' }
  /** What this step requested was not delivered, and the step says that the execution is to fail then. */
  | { readonly kind: 'undelivered'; readonly stepId: string };

export interface ContactUpdates {
  readonly stepId: string;
  readonly visit: number;
  readonly updates: readonly ContactUpdateConfig[];
}

/** On one channel, or with `channel` null on all. */
export interface SubscriptionChange {
  readonly stepId: string;
  readonly visit: number;
  readonly topicId: string;
  readonly channel: NonNullable<SubscriptionConfig['channel']> | null;
  readonly subscribed: boolean;
}

export type ProgressNote = Pick<
  ExecutionProgress,
  'effect' | 'workflowName' | 'eventId' | 'reason' | 'status' | 'atMs'
>;

export interface Advance {
  readonly execution: Execution;
  /** In order; one with the number of an earlier visit takes its place. */
  readonly visits: readonly StepVisit[];
  readonly notes: readonly ProgressNote[];
  readonly contactUpdates: readonly ContactUpdates[];
  readonly subscriptions: readonly SubscriptionChange[];
  readonly actions: readonly RequestedAction[];
  /** As it is after the updates. */
  readonly contact: ContactView | undefined;
}

/** What the updates make of a contact, and which of them make no sense for it. */
export type ApplyUpdates = (
  contact: ContactView,
  updates: readonly ContactUpdateConfig[],
) => { readonly contact: ContactView; readonly refused: readonly object[] };

export interface Surroundings {
  readonly nowMs: number;
  /** `undefined`: there is no such contact any more. */
  readonly contact: ContactView | undefined;
  readonly applyUpdates: ApplyUpdates;
  /** Events of the contact that waits may look back for, in the order in which they were received. */
  readonly remembered?: readonly RememberedEvent[];
}
