import type { KafkaConnection } from './connection.ts';
import { describeError } from './faults.ts';
import type { GroupConsumer, PartitionOffset } from './group-consumer.ts';
import type { PartitionWorker } from './partition-worker.ts';

export interface OffsetCommitsSettings {
  connection: KafkaConnection;
  /** The broker's name. */
  group: string;
  /** Undefined until it was started. */
  consumer: () => GroupConsumer | undefined;
}

/** Tells Kafka how far the workers are. One try each: what is not committed now goes with the next commit. */
export class OffsetCommits {
  readonly #settings: OffsetCommitsSettings;
  #committing: Promise<void> | undefined;

  constructor(settings: OffsetCommitsSettings) {
    this.#settings = settings;
  }

  get isCommitting(): boolean {
    return this.#committing !== undefined;
  }

  /** The request is built before the first await, so it never names a partition of another assignment. */
  commit(workers: PartitionWorker[]): Promise<void> {
    const behind = workers.filter(
      (worker) =>
        !worker.isLocating && worker.doneOffset >= 0 && worker.doneOffset !== worker.committedOffset,
    );
    const consumer = this.#settings.consumer();
    if (behind.length === 0 || !consumer) return Promise.resolve();
    const offsets: PartitionOffset[] = behind.map(({ topic, partition, doneOffset }) => ({
      topic,
      partition,
      offset: doneOffset,
    }));
    const committing = consumer
      .commit(offsets)
      .then(() => behind.forEach((worker, i) => (worker.committedOffset = offsets[i]!.offset)))
      .finally(() => (this.#committing = undefined));
    this.#committing = committing;
    return committing;
  }

  /** As `commit`; that it failed is logged. */
  async commitOrWarn(workers: PartitionWorker[]): Promise<void> {
    await this.commit(workers).catch((error: unknown) => {
      const { connection, group } = this.#settings;
      connection.logger.warn(
        { group, error: describeError(error) },
        'Offsets not committed; they go with the next commit, or the messages come again',
      );
    });
  }

  /**
   * Ends in a task of its own. kafkajs swaps generation and assignment within one run of microtasks: a commit that
   * begins in between would name partitions of the old assignment under the new generation.
   */
  async settled(): Promise<void> {
    while (this.#committing) await this.#committing.catch(() => undefined);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
