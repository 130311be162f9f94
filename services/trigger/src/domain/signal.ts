import type { Position } from '@trackline/contracts';

export const SIGNAL_KINDS = [
  'contact_created',
  'contact_updated',
  'topic_subscribed',
  'topic_unsubscribed',
] as const;
export type SignalKind = (typeof SIGNAL_KINDS)[number];

export const isSignalKind = (type: string): type is SignalKind =>
  (SIGNAL_KINDS as readonly string[]).includes(type);

/** Something that happened to a contact itself. It starts executions, and never resumes any. */
export interface ContactSignal {
  readonly kind: SignalKind;
  readonly organizationId: string;
  readonly contactId: string;
  /** With the two of topics. */
  readonly topicId?: string;
  readonly channel?: string;
  readonly position: Position;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
  /** What a workflow does to a contact starts none: two of them would go on for ever. */
  readonly isByWorkflow: boolean;
  /** Of a contact who was erased since: it starts nothing. */
  readonly isErased?: boolean;
}
