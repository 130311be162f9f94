import type { Logger } from '@trackline/observability';
import { partitionName } from '../../domain/retention.ts';
import type { KeptPartitions } from '../../ports.ts';

/** After a run that failed, or could not drop a month because someone was reading it. */
const RETRY_MS = 60_000;

/** What a run did: the partitions, and the rows of attribution that were past keeping. */
export type Kept = KeptPartitions & { readonly swept: number };
type KeepNow = (isStopped: () => boolean) => Promise<Kept>;

/** Keeps what is kept for so long, and no longer: at once and then every so often, until it is stopped. */
export class PartitionKeeper {
  private readonly keepNow: KeepNow;
  private readonly logger: Logger;
  private readonly everyMs: number;
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(keepNow: KeepNow, logger: Logger, everyMs: number) {
    this.keepNow = keepNow;
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
    const clean = await this.keep();
    if (this.stopped) return;
    const waitMs = clean ? this.everyMs : Math.min(RETRY_MS, this.everyMs);
    this.timer = setTimeout(() => {
      this.running = this.run();
    }, waitMs);
  }

  private async keep(): Promise<boolean> {
    try {
      const { made, dropped, failed, swept } = await this.keepNow(() => this.stopped);
      const droppedNames = dropped.map(({ table, monthMs }) => partitionName(table, monthMs));
      if (made.length + droppedNames.length + swept > 0) {
        this.logger.info({ made, dropped: droppedNames, swept }, 'partitions kept, old facts removed');
      }
      for (const { table, monthMs, error } of failed) {
        this.logger.warn(
          { err: error, partition: partitionName(table, monthMs) },
          'partition not dropped, trying again',
        );
      }
      return failed.length === 0;
    } catch (err) {
      this.logger.error({ err }, 'partitions could not be kept');
      return false;
    }
  }
}
