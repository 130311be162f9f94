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

interface OnItsWay {
  readonly organizationId: string;
  readonly sinceMs: number;
}
type Place = OnItsWay & { readonly waiter: Waiter; readonly index: number };
type Gone = OnItsWay & { readonly givenUpMs: number };

/** Deadlines after which an outcome for which nobody waits any more is no longer believed to come. */
const GONE_AFTER_DEADLINES = 3;

/** Where callers wait for what becomes of their events. In memory: who waited here is gone when the process is. */
export class OutcomeDesk implements Outcomes {
  private readonly settings: OutcomeDeskSettings;
  private readonly maxWaiting: number;
  private readonly maxLate: number;
  private readonly waiting = new Map<string, Place>();
  /** On their way, though nobody waits for them any more, in order of when they were given up; the oldest are let go. */
  private readonly gone = new Map<string, Gone>();
  /** Events on their way, waited for or not, by organisation. */
  private readonly onTheirWay = new Map<string, number>();
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

  /** Whether what an organisation sends now would not be judged in time. To be asked before a request is read. */
  isCrowdedFor(organizationId: string): boolean {
    const nowMs = this.settings.clock.now();
    this.forgetGone(nowMs);
    const onTheirWay = {
      all: this.waiting.size + this.gone.size,
      ofOrganization: this.onTheirWay.get(organizationId) ?? 0,
      organizations: this.onTheirWay.size,
    };
    return !this.congestion.hasRoom(onTheirWay, nowMs);
  }

  expect(organizationId: string, count: number, onLate?: (outcome: Outcome) => void): Expectation {
    if (this.waiting.size + count > this.maxWaiting) {
      throw nothingRecorded('Too many events are waiting for their outcome.');
    }
    const { partition, nonce, clock } = this.settings;
    const sinceMs = clock.now();
    const waiter = new Waiter(count);
    const correlations: string[] = [];
    const replyTos: string[] = [];
    for (let index = 0; index < count; index++) {
      const correlation = `${nonce}.${(this.made++).toString(36)}`;
      this.waiting.set(correlation, { organizationId, sinceMs, waiter, index });
      correlations.push(correlation);
      replyTos.push(formatReplyTo({ partition, correlation }));
    }
    this.count(organizationId, count);
    return {
      replyTos,
      settled: async (untilMs) => {
        await waiter.complete(untilMs - clock.now());
        if (waiter.missing > 0) {
          if (onLate)
            correlations.forEach(
              (correlation, at) => !waiter.outcomes[at] && this.listen(correlation, onLate),
            );
          this.giveUp(correlations);
        }
        return waiter.outcomes;
      },
      abandon: () => this.giveUp(correlations),
    };
  }

  /** Outcomes that nobody waits for are ignored: they are another process', or come too late. Gives how many were waited for. */
  deliver(outcomes: readonly Outcome[]): number {
    const nowMs = this.settings.clock.now();
    let delivered = 0;
    for (const outcome of outcomes) {
      const { correlation } = outcome;
      const place = this.waiting.get(correlation);
      const known = place ?? this.gone.get(correlation);
      if (known) {
        this.congestion.judgedAfter(nowMs - known.sinceMs, nowMs);
        this.count(known.organizationId, -1);
      }
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

  /** Nobody waits for them any more; they may be on their way all the same. */
  private giveUp(correlations: readonly string[]): void {
    const givenUpMs = this.settings.clock.now();
    for (const correlation of correlations) {
      const place = this.waiting.get(correlation);
      if (!place) continue;
      this.waiting.delete(correlation);
      const { organizationId, sinceMs } = place;
      this.gone.set(correlation, { organizationId, sinceMs, givenUpMs });
    }
  }

  private forgetGone(nowMs: number): void {
    const beforeMs = nowMs - GONE_AFTER_DEADLINES * this.settings.deadlineMs;
    for (const [correlation, { organizationId, givenUpMs }] of this.gone) {
      if (givenUpMs >= beforeMs && this.gone.size <= this.maxWaiting) return;
      this.gone.delete(correlation);
      this.count(organizationId, -1);
    }
  }

  private count(organizationId: string, more: number): void {
    const count = (this.onTheirWay.get(organizationId) ?? 0) + more;
    if (count > 0) this.onTheirWay.set(organizationId, count);
    else this.onTheirWay.delete(organizationId);
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
