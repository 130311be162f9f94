import type { TimerReader } from '../ports.ts';
import type { Fired } from './fire-due.ts';
import type { OwnPartitions, PartitionState } from './partition-state.ts';

export interface TimerWatchDependencies {
  readonly own: OwnPartitions;
  readonly timers: TimerReader;
  readonly fireDue: (state: PartitionState) => Promise<Fired>;
  /** Runs work of a partition between two of its batches; rejects when the partition is not ours (any more). */
  readonly between: (state: PartitionState, work: () => Promise<void>) => Promise<void>;
  readonly onFired: (count: number) => void;
  readonly onFault: (error: unknown) => void;
  readonly everyMs: number;
}

/** So many chunks of one partition at a time; then its batches have their turn. */
const CHUNKS_BETWEEN_BATCHES = 4;

/** Looks at regular intervals which of the own partitions have something due, with one cheap read for all, and has it fired. */
export class TimerWatch {
  private readonly use: TimerWatchDependencies;
  private timeout: NodeJS.Timeout | undefined;
  private round: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(use: TimerWatchDependencies) {
    this.use = use;
  }

  start(): void {
    this.schedule(this.use.everyMs);
  }

  /** Resolves once nothing is being fired. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timeout);
    await this.round;
  }

  private schedule(inMs: number): void {
    if (this.stopped) return;
    this.timeout = setTimeout(() => {
      this.round = this.look().then((isMore) => this.schedule(isMore ? 0 : this.use.everyMs));
    }, inMs);
  }

  /** Whether there is more to do at once. */
  private async look(): Promise<boolean> {
    const states = this.use.own.all();
    if (states.length === 0) return false;
    try {
      const due = new Set(
        await this.use.timers.partitionsWithDue(
          states.map(({ partition, frontier }) => ({ partition, frontierMs: frontier.atMs() })),
        ),
      );
      const rounds = states.filter(({ partition }) => due.has(partition)).map((state) => this.fire(state));
      return (await Promise.all(rounds)).includes(true);
    } catch (error) {
      this.use.onFault(error);
      return false;
    }
  }

  private async fire(state: PartitionState): Promise<boolean> {
    let isMore = false;
    try {
      await this.use.between(state, async () => {
        for (let chunk = 0; chunk < CHUNKS_BETWEEN_BATCHES && !this.stopped; chunk++) {
          // The assignment may have changed while this waited for its turn.
          if (this.use.own.of(state.partition, state.assignment) !== state) return;
          const fired = await this.use.fireDue(state);
          this.use.onFired(fired.fired);
          isMore = fired.isMore;
          if (!isMore) return;
        }
      });
    } catch (error) {
      this.use.onFault(error);
      return false;
    }
    return isMore;
  }
}
