import { formatReplyTo, type Outcome } from '@trackline/contracts';
import type { Clock } from '@trackline/kernel';
import { nothingRecorded } from '../domain/unavailable.ts';
import type { Expectation, Outcomes } from '../ports.ts';

export interface OutcomeDeskSettings {
  /** The partition of `outcomes.v1` that this process reads. */
  readonly partition: number;
  /** Of this process: a partition may be shared, and correlations of another process must not look like ours. */
  readonly nonce: string;
  readonly clock: Clock;
  /** Outcomes that may be waited for at once. */
  readonly maxWaiting?: number;
  /** Outcomes that came late and are still listened for; the oldest are let go. */
  readonly maxLate?: number;
}

type Place = { readonly waiter: Waiter; readonly index: number };

/** Where callers wait for what becomes of their events. In memory: who waited here is gone when the process is. */
export class OutcomeDesk implements Outcomes {
  private readonly settings: OutcomeDeskSettings;
  private readonly maxWaiting: number;
  private readonly maxLate: number;
  private readonly waiting = new Map<string, Place>();
  private readonly late = new Map<string, (outcome: Outcome) => void>();
  private made = 0;

  constructor(settings: OutcomeDeskSettings) {
    this.settings = settings;
    this.maxWaiting = settings.maxWaiting ?? 50_000;
    this.maxLate = settings.maxLate ?? 10_000;
  }

  /** Outcomes that are waited for now. */
  get size(): number {
    return this.waiting.size;
  }

  expect(count: number, onLate?: (outcome: Outcome) => void): Expectation {
    if (this.waiting.size + count > this.maxWaiting) {
      throw nothingRecorded('Too many events are waiting for their outcome.');
    }
    const { partition, nonce, clock } = this.settings;
    const correlations = Array.from({ length: count }, () => `${nonce}.${(this.made++).toString(36)}`);
    const waiter = new Waiter(count);
    correlations.forEach((correlation, index) => this.waiting.set(correlation, { waiter, index }));
    const leave = (): void => {
      for (const correlation of correlations) this.waiting.delete(correlation);
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
          leave();
        }
        return waiter.outcomes;
      },
      abandon: leave,
    };
  }

  /** Outcomes that nobody waits for are ignored: they are another process', or come too late. Gives how many were waited for. */
  deliver(outcomes: readonly Outcome[]): number {
    let delivered = 0;
    for (const outcome of outcomes) {
      const { correlation } = outcome;
      const place = this.waiting.get(correlation);
      if (place) {
        this.waiting.delete(correlation);
        place.waiter.arrive(place.index, outcome);
        delivered += 1;
        continue;
      }
      const onLate = this.late.get(correlation);
      if (onLate && this.late.delete(correlation)) onLate(outcome);
    }
    return delivered;
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
