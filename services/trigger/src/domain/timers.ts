import type { Execution } from './execution.ts';

/**
 * `timeout`: the deadline of a wait, which an event received before it may still overtake. `delay`: the end of a delay.
 * `turn`: the workflow's status has changed, or the contact of a held send may be known, and the execution is to look at it.
 */
export type TimerKind = 'timeout' | 'delay' | 'turn';

export interface Timer {
  readonly kind: TimerKind;
  readonly dueAtMs: number;
}

/** The one timer of an execution, as its state asks for it. */
export function timerOf({ status, dueAtMs }: Pick<Execution, 'status' | 'dueAtMs'>): Timer | undefined {
  if (dueAtMs === null) return undefined;
  if (status === 'waiting') return { kind: 'timeout', dueAtMs };
  return status === 'delayed' ? { kind: 'delay', dueAtMs } : undefined;
}
