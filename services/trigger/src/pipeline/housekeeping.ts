import type { EffectWriter, Retention } from '../ports.ts';
import type { Outbox } from './outbox.ts';
import type { OwnPartitions, PartitionState } from './partition-state.ts';

export interface HousekeepingDependencies {
  readonly own: OwnPartitions;
  readonly outbox: Outbox;
  readonly writer: EffectWriter;
  readonly retention: Retention;
  readonly settleMerges: () => Promise<void>;
  readonly settleErasures: () => Promise<void>;
  /** The next chunk of executions that a change of their workflow's status gives a turn; whether there was any. */
  readonly giveTurns: () => Promise<boolean>;
  readonly between: (state: PartitionState, work: () => Promise<void>) => Promise<void>;
  readonly onFault: (error: unknown) => void;
  readonly handledMs: number;
  /** How long executions are kept after their end. */
  readonly executionsMs: number;
  readonly nowMs: () => number;
}

const FORGET_EVERY_MS = 200;
const TURNS_EVERY_MS = 200;
const TURN_CHUNKS = 20;
const SWEEP_EVERY_MS = 2_000;
/** Younger entries are most likely being carried out by whoever wrote them. */
const LEFT_OVER_AFTER_MS = 5_000;
const SETTLE_EVERY_MS = 30_000;
const PURGE_EVERY_MS = 60_000;
const PURGE_CHUNK = 5_000;
/** One instance's share of a purge; the next round, or another instance, goes on. */
const PURGE_CHUNKS = 20;

const FIRST_ID = '00000000-0000-0000-0000-000000000000';

/** What has to be done now and then, beside the flows: each of it can fail and is then done the next time. */
export class Housekeeping {
  private readonly use: HousekeepingDependencies;
  private readonly timers: NodeJS.Timeout[] = [];
  private readonly running = new Set<Promise<void>>();
  private lookedAt = FIRST_ID;

  constructor(use: HousekeepingDependencies) {
    this.use = use;
  }

  start(): void {
    this.every(FORGET_EVERY_MS, () => this.use.outbox.forgetDone());
    this.every(TURNS_EVERY_MS, () => this.giveTurns());
    this.every(SWEEP_EVERY_MS, () => this.sweep());
    this.every(SETTLE_EVERY_MS, () => this.use.settleMerges());
    this.every(SETTLE_EVERY_MS, () => this.use.settleErasures());
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

  private async giveTurns(): Promise<void> {
    for (let chunk = 0; chunk < TURN_CHUNKS; chunk++) if (!(await this.use.giveTurns())) return;
  }

  private async purge(): Promise<void> {
    const { retention, handledMs } = this.use;
    await chunks(() => retention.purgeHandled(handledMs, PURGE_CHUNK));
    await chunks(() => retention.purgeForgotten(PURGE_CHUNK));
    await this.purgeExecutions();
  }

  /** Goes round and round over those that are old enough, from where it stopped: what still runs costs a look each time round. */
  private async purgeExecutions(): Promise<void> {
    const endedBeforeMs = this.use.nowMs() - this.use.executionsMs;
    for (let chunk = 0; chunk < PURGE_CHUNKS; chunk++) {
      const last = await this.use.retention.purgeExecutions(endedBeforeMs, this.lookedAt, PURGE_CHUNK);
      this.lookedAt = last ?? FIRST_ID;
      if (last === undefined) return;
    }
  }
}

async function chunks(purge: () => Promise<number>): Promise<void> {
  for (let chunk = 0; chunk < PURGE_CHUNKS; chunk++) if ((await purge()) < PURGE_CHUNK) return;
}
