import type { EffectWriter } from '../ports.ts';
import type { Outbox } from './outbox.ts';
import type { OwnPartitions, PartitionState } from './partition-state.ts';

export interface HousekeepingDependencies {
  readonly own: OwnPartitions;
  readonly outbox: Outbox;
  readonly writer: EffectWriter;
  readonly between: (state: PartitionState, work: () => Promise<void>) => Promise<void>;
  readonly onFault: (error: unknown) => void;
  readonly handledMs: number;
}

const FORGET_EVERY_MS = 200;
const SWEEP_EVERY_MS = 2_000;
/** Younger entries are most likely being carried out by whoever wrote them. */
const LEFT_OVER_AFTER_MS = 5_000;
const PURGE_EVERY_MS = 60_000;
const PURGE_CHUNK = 5_000;
/** One instance's share of a purge; the next round, or another instance, goes on. */
const PURGE_CHUNKS = 20;

/** What has to be done now and then, beside the flows: each of it can fail and is then done the next time. */
export class Housekeeping {
  private readonly use: HousekeepingDependencies;
  private readonly timers: NodeJS.Timeout[] = [];
  private readonly running = new Set<Promise<void>>();

  constructor(use: HousekeepingDependencies) {
    this.use = use;
  }

  start(): void {
    this.every(FORGET_EVERY_MS, () => this.use.outbox.forgetDone());
    this.every(SWEEP_EVERY_MS, () => this.sweep());
    this.every(PURGE_EVERY_MS, () => this.purge());
  }

  /** Resolves once nothing of it runs. */
  async stop(): Promise<void> {
    for (const timer of this.timers) clearInterval(timer);
    await Promise.all(this.running);
  }

  private every(ms: number, work: () => Promise<void>): void {
    let isBusy = false;
    const timer = setInterval(() => {
      if (isBusy) return;
      isBusy = true;
      const run = work()
        .catch(this.use.onFault)
        .finally(() => {
          isBusy = false;
          this.running.delete(run);
        });
      this.running.add(run);
    }, ms);
    this.timers.push(timer);
  }

  /** Entries of an instance that died, or of a request whose publishing failed. */
  private async sweep(): Promise<void> {
    const states = this.use.own.all();
    if (states.length === 0) return;
    const left = await this.use.writer.partitionsWithLeftOver(
      states.map(({ partition }) => partition),
      LEFT_OVER_AFTER_MS,
    );
    for (const state of states) {
      if (!left.includes(state.partition)) continue;
      await this.use.between(
        state,
        async () => void (await this.use.outbox.carryOutLeftOver(state.partition)),
      );
    }
  }

  private async purge(): Promise<void> {
    for (let chunk = 0; chunk < PURGE_CHUNKS; chunk++)
      if ((await this.use.writer.purgeHandled(this.use.handledMs, PURGE_CHUNK)) < PURGE_CHUNK) return;
  }
}
