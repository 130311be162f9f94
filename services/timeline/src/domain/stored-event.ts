/** What was put down of events, as it is read again. Times are milliseconds since the epoch. */
export interface StoredEvent {
  readonly id: string;
  readonly contactId: string;
  readonly name: string;
  readonly source: string;
  readonly uniqueId: string | null;
  readonly clientId: string | null;
  readonly occurredAtMs: number;
  readonly receivedAtMs: number;
  readonly properties: Record<string, unknown>;
}

export interface StoredRefusal extends StoredEvent {
  readonly verdict: 'duplicate' | 'over_limit';
  readonly duplicateOf: string | null;
}

export interface StoredEffect {
  readonly eventId: string;
  readonly executionId: string;
  readonly workflowId: string;
  readonly effect: 'started' | 'resumed' | 'refused';
  readonly reason: string | null;
}
