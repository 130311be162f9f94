export interface ScheduleWatchDependencies {
  readonly plan: () => Promise<number>;
  readonly carryOut: (isStopped: () => boolean) => Promise<boolean>;
  readonly onFault: (error: unknown) => void;
  readonly everyMs: number;
}

/**
 * Looks at regular intervals which schedules are due, and beside that carries out runs, however long they take; every instance does, each
 * run is one's at a time.
 */
export class ScheduleWatch {
  private readonly use: ScheduleWatchDependencies;
  private readonly planning: Rounds;
  private readonly carrying: Rounds;
  private stopped = false;

  constructor(use: ScheduleWatchDependencies) {
    this.use = use;
    const plan = async (): Promise<void> => void (await use.plan());
    this.planning = new Rounds(plan, use);
    this.carrying = new Rounds(() => this.carryOut(), use);
  }

  start(): void {
    this.planning.start();
    this.carrying.start();
  }

  /** Resolves once nothing is being carried out; a run that is not over is another's after a while. */
  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.all([this.planning.stop(), this.carrying.stop()]);
  }

  private async carryOut(): Promise<void> {
    while (!this.stopped && (await this.use.carryOut(() => this.stopped)));
  }
}

/** Does the same again and again, with a pause after each time. */
class Rounds {
  private readonly work: () => Promise<void>;
  private readonly use: Pick<ScheduleWatchDependencies, 'onFault' | 'everyMs'>;
  private timeout: NodeJS.Timeout | undefined;
  private round: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(work: () => Promise<void>, use: Pick<ScheduleWatchDependencies, 'onFault' | 'everyMs'>) {
    this.work = work;
    this.use = use;
  }

  start(): void {
    if (this.stopped) return;
    this.timeout = setTimeout(() => {
      this.round = this.work()
        .catch(this.use.onFault)
        .then(() => this.start());
    }, this.use.everyMs);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timeout);
    await this.round;
  }
}
