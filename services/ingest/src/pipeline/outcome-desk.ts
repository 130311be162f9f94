import { formatReplyTo, type Outcome } from '@trackline/contracts';
import type { Clock } from '@trackline/kernel';
import { Congestion } from '../domain/congestion.ts';
import { nothingRecorded } from '../domain/unavailable.ts';
import type { Expectation, Outcomes } from '../ports.ts';

export interface OutcomeDeskSettings {
  /** The partition of `outcomes.v1` that this process reads. */
  readonly partition: number;
  /** Of this process: a partition may be shared, and correlations of another process must not look like ours. */
  readonly nonce: string;
  readonly clock: Clock;
  /** How long an answer waits for its outcome. */
  readonly deadlineMs: number;
  /** Outcomes that may be waited for at once. */
  readonly maxWaiting?: number;
  /** Outcomes that came late and are still listened for; the oldest are let go. */
  readonly maxLate?: number;
}

type Place = { readonly waiter: Waiter; readonly index: number; readonly sinceMs: number };

/** Deadlines after which an outcome for which nobody waits any more is no longer believed to come. */
const GONE_AFTER_DEADLINES = 4;

/** Where callers wait for what becomes of their events. In memory: who waited here is gone when the process is. */
export class OutcomeDesk implements Outcomes {
  private readonly settings: OutcomeDeskSettings;
  private readonly maxWaiting: number;
  private readonly maxLate: number;
  private readonly waiting = new Map<string, Place>();
  /** On their way, though nobody waits for them any more; with the moment from which they are. In order of when they were given up. */
  private readonly gone = new Map<string, number>();
  private readonly congestion: Congestion;
  private readonly late = new Map<string, (outcome: Outcome) => void>();
  private made = 0;

  constructor(settings: OutcomeDeskSettings) {
    this.settings = settings;
    this.maxWaiting = settings.maxWaiting ?? 50_000;
    this.maxLate = settings.maxLate ?? 10_000;
    this.congestion = new Congestion(settings.deadlineMs);
  }

  /** Outcomes that are waited for now. */
  get size(): number {
    return this.waiting.size;
  }

  refuseIfCrowded(count: number): void {
    const nowMs = this.settings.clock.now();
    this.forgetGone(nowMs);
    if (this.waiting.size + count > this.maxWaiting) {
      throw nothingRecorded('Too many events are waiting for their outcome.');
    }
    if (!this.congestion.hasRoom(count, this.waiting.size + this.gone.size, nowMs)) {
      throw nothingRecorded('More events are on their way than can be judged in time.');
    }
  }

  expect(count: number, onLate?: (outcome: Outcome) => void): Expectation {
    this.refuseIfCrowded(count);
    const { partition, nonce, clock } = this.settings;
    const sinceMs = clock.now();
    const correlations = Array.from({ length: count }, () => `${nonce}.${(this.made++).toString(36)}`);
    const waiter = new Waiter(count);
    correlations.forEach((correlation, index) => this.waiting.set(correlation, { waiter, index, sinceMs }));
    const giveUp = (): void => {
      for (const correlation of correlations)
        if (this.waiting.delete(correlation)) this.gone.set(correlation, sinceMs);
    };
    return {
      replyTos: correlations.map((correlation) => formatReplyTo({ partition, correlation })),
      settled: async (untilMs) => {
        await waiter.complete(untilMs - clock.now());
        if (waiter.missing > 0) {
          if (onLate)
            correlations.forEach(
              (correlation, at) => !waiter.outcomes[at] && this.listen(correlation, onLate),
            );
          giveUp();
        }
        return waiter.outcomes;
      },
      abandon: () => {
        for (const correlation of correlations) this.waiting.delete(correlation);
      },
    };
  }

  /** Outcomes that nobody waits for are ignored: they are another process', or come too late. Gives how many were waited for. */
  deliver(outcomes: readonly Outcome[]): number {
    const nowMs = this.settings.clock.now();
    let delivered = 0;
    for (const outcome of outcomes) {
      const { correlation } = outcome;
      const place = this.waiting.get(correlation);
      const sinceMs = place?.sinceMs ?? this.gone.get(correlation);
      if (sinceMs !== undefined) this.congestion.judgedAfter(nowMs - sinceMs, nowMs);
      if (place) {
        this.waiting.delete(correlation);
        place.waiter.arrive(place.index, outcome);
        delivered += 1;
        continue;
      }
      this.gone.delete(correlation);
      const onLate = this.late.get(correlation);
      if (onLate && this.late.delete(correlation)) onLate(outcome);
    }
    return delivered;
  }

  private forgetGone(nowMs: number): void {
    const beforeMs = nowMs - GONE_AFTER_DEADLINES * this.settings.deadlineMs;
    for (const [correlation, sinceMs] of this.gone) {
      if (sinceMs >= beforeMs) return;
      this.gone.delete(correlation);
    }
  }

  private listen(correlation: string, onLate: (outcome: Outcome) => void): void {
    if (this.late.size >= this.maxLate) this.late.delete(this.late.keys().next().value!);
    this.late.set(correlation, onLate);
  }
}

/** The outcomes of one request. */
class Waiter {
  readonly outcomes: (Outcome | undefined)[];
  missing: number;
  private wake: (() => void) | undefined;

  constructor(count: number) {
    this.outcomes = new Array<Outcome | undefined>(count).fill(undefined);
    this.missing = count;
  }

  arrive(index: number, outcome: Outcome): void {
    this.outcomes[index] = outcome;
    this.missing -= 1;
    if (this.missing === 0) this.wake?.();
  }

  /** Resolves when nothing is missing any more, or after `ms`. */
  complete(ms: number): Promise<void> {
    if (this.missing === 0 || ms <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
