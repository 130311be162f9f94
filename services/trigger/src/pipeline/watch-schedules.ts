export interface ScheduleWatchDependencies {
  readonly plan: () => Promise<number>;
  readonly carryOut: (isStopped: () => boolean) => Promise<boolean>;
  readonly onFault: (error: unknown) => void;
  readonly everyMs: number;
}

/** Looks at regular intervals which schedules are due, and carries out runs; every instance does, each run is one's at a time. */
export class ScheduleWatch {
  private readonly use: ScheduleWatchDependencies;
  private timeout: NodeJS.Timeout | undefined;
  private round: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(use: ScheduleWatchDependencies) {
    this.use = use;
  }

  start(): void {
    this.schedule();
  }

  /** Resolves once nothing is being carried out; a run that is not over is another's after a while. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timeout);
    await this.round;
  }

  private schedule(): void {
    if (this.stopped) return;
    this.timeout = setTimeout(() => {
      this.round = this.look().then(() => this.schedule());
    }, this.use.everyMs);
  }

  private async look(): Promise<void> {
    try {
      await this.use.plan();
      while (!this.stopped && (await this.use.carryOut(() => this.stopped)));
    } catch (error) {
      this.use.onFault(error);
    }
  }
}
