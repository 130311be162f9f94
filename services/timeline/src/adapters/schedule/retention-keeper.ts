import type { Logger } from '@trackline/observability';
import { partitionName } from '../../domain/retention.ts';
import type { KeptPartitions } from '../../ports.ts';

/** After a run that failed, or could not drop a month because someone was reading it. */
const RETRY_MS = 60_000;

export interface Retention {
  /** Months that are needed are made, those past keeping dropped. */
  keepPartitions(): Promise<KeptPartitions>;
  /** Rows of attribution that are past keeping go. Gives how many. */
  sweepFacts(isStopped: () => boolean): Promise<number>;
}

/** Keeps what is kept for so long, and no longer: at once and then every so often, until it is stopped. */
export class RetentionKeeper {
  private readonly retention: Retention;
  private readonly logger: Logger;
  private readonly everyMs: number;
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(retention: Retention, logger: Logger, everyMs: number) {
    this.retention = retention;
    this.logger = logger;
    this.everyMs = everyMs;
  }

  start(): void {
    this.running = this.run();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.running;
  }

  private async run(): Promise<void> {
    // Each for itself: what hinders one need not hinder the other, and each says what became of it.
    const partitionsKept = await this.keepPartitions();
    const factsSwept = this.stopped || (await this.sweepFacts());
    const clean = partitionsKept && factsSwept;
    if (this.stopped) return;
    const waitMs = clean ? this.everyMs : Math.min(RETRY_MS, this.everyMs);
    this.timer = setTimeout(() => {
      this.running = this.run();
    }, waitMs);
  }

  private async keepPartitions(): Promise<boolean> {
    try {
      const { made, dropped, failed } = await this.retention.keepPartitions();
      const droppedNames = dropped.map(({ table, monthMs }) => partitionName(table, monthMs));
      if (made.length + droppedNames.length > 0) {
        this.logger.info({ made, dropped: droppedNames }, 'partitions kept');
      }
      for (const { table, monthMs, error } of failed) {
        this.logger.warn(
          { err: error, partition: partitionName(table, monthMs) },
          'partition not dropped, trying again',
        );
      }
      return failed.length === 0;
    } catch (err) {
      this.logger.error({ err }, 'partitions could not be kept, trying again');
      return false;
    }
  }

  private async sweepFacts(): Promise<boolean> {
    try {
      const removed = await this.retention.sweepFacts(() => this.stopped);
      if (removed > 0) this.logger.info({ removed }, 'facts of attribution past keeping removed');
      return true;
    } catch (err) {
      this.logger.error({ err }, 'facts past keeping could not be removed, trying again');
      return false;
    }
  }
}
