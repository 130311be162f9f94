import { createHash } from 'node:crypto';
import { ACTIONS_REQUESTED, decodeRequestedAction } from '@trackline/contracts';
import { PinnedReader, type KafkaConnection } from '@trackline/kafka';
import { dueAtMs, type DueTimes } from './laid-timers.ts';

export interface Lateness {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** What was requested of each timer's execution, and when: a few bytes for each, as there are a million. */
export class FiredRecord {
  private readonly due: DueTimes;
  private readonly atMs: Float64Array;
  private readonly actions: Uint32Array;
  private readonly reader: PinnedReader;
  /** Timers of which something was requested. */
  seen = 0;
  /** Messages that came once more, word for word. */
  repeated = 0;
  /** Timers of which two different actions were requested. */
  doubled = 0;
  strangers = 0;

  constructor(
    connection: KafkaConnection,
    due: DueTimes,
    numberOf: (executionId: string) => number | undefined,
  ) {
    this.due = due;
    this.atMs = new Float64Array(due.count);
    this.actions = new Uint32Array(due.count);
    this.reader = new PinnedReader({
      connection,
      topic: ACTIONS_REQUESTED,
      partitions: 'all',
      from: 'earliest',
      onBatch: ({ messages }) => {
        for (const message of messages) {
          const action = decodeRequestedAction(message);
          const number = action.kind === 'conversion' ? undefined : numberOf(action.executionId);
          this.note(number, action.id, message.timestampMs);
        }
      },
    });
  }

  start(): Promise<void> {
    return this.reader.start();
  }

  stop(): Promise<void> {
    return this.reader.stop();
  }

  /** Timers that fired before they were due. */
  early(): number {
    return this.atMs.reduce(
      (sum, atMs, number) => sum + (atMs > 0 && atMs < dueAtMs(this.due, number) ? 1 : 0),
      0,
    );
  }

  /** Of the timers whose due time is chosen, in milliseconds. */
  lateness(isChosen: (dueMs: number) => boolean): Lateness {
    const late: number[] = [];
    this.atMs.forEach((atMs, number) => {
      const dueMs = dueAtMs(this.due, number);
      if (isChosen(dueMs)) late.push(atMs - dueMs);
    });
    const sorted = Float64Array.from(late).sort();
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
    return { count: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) };
  }

  private note(number: number | undefined, actionId: string, atMs: number): void {
    if (number === undefined || number >= this.due.count) {
      this.strangers += 1;
      return;
    }
    // 32 bits of it tell two actions of one execution apart.
    const mark = createHash('sha1').update(actionId).digest().readUInt32BE(0);
    if (this.atMs[number] === 0) {
      this.seen += 1;
      this.atMs[number] = atMs;
      this.actions[number] = mark;
    } else if (this.actions[number] === mark) this.repeated += 1;
    else this.doubled += 1;
  }
}
