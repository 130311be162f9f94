import type { DeliveryStore } from '../ports.ts';

export interface HousekeepingDependencies {
  readonly store: Pick<DeliveryStore, 'purge'>;
  readonly keepMs: number;
  readonly everyMs: number;
  readonly onFault: (error: unknown) => void;
}

const CHUNK = 2_000;
/** One instance's share of a round; the next round, or another instance, goes on. */
const CHUNKS = 50;

/** Forgets deliveries that ended long ago. What fails is done the next time. */
export class Housekeeping {
  private readonly use: HousekeepingDependencies;
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(use: HousekeepingDependencies) {
    this.use = use;
  }

  start(): void {
    this.round();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.running;
  }

  private round(): void {
    this.running = this.purge()
      .catch(this.use.onFault)
      .then(() => {
        if (!this.stopped) this.timer = setTimeout(() => this.round(), this.use.everyMs);
      });
  }

  private async purge(): Promise<void> {
    for (let chunk = 0; chunk < CHUNKS && !this.stopped; chunk++)
      if ((await this.use.store.purge(this.use.keepMs, CHUNK)) < CHUNK) return;
  }
}
