import type { KafkaConnection } from './connection.ts';
import type { GroupConsumer } from './group-consumer.ts';
import type { PartitionWorker } from './partition-worker.ts';
import { persist, type Bounds, type Positions } from './positions.ts';

export interface PlacementSettings {
  connection: KafkaConnection;
  /** The broker's name. */
  group: string;
  positions: Positions;
  /** Undefined until it was started. */
  consumer: () => GroupConsumer | undefined;
  /** Where to begin when the group has committed nothing. */
  fromBeginning: boolean;
  /** Awaited before the first batch of these workers; when it throws it is called again. */
  located: (placed: readonly { worker: PartitionWorker; committedOffset: number }[]) => Promise<void>;
  /** Resolves once nothing of an earlier assignment of this partition runs any more. */
  left: (worker: PartitionWorker) => Promise<void>;
}

/** Where each worker begins and goes on: at the offset that the group has committed, as Kafka says, and nowhere else. */
export class Placement {
  readonly #settings: PlacementSettings;

  constructor(settings: PlacementSettings) {
    this.#settings = settings;
  }

  /** Finds out where to begin, tells `located`, and lets the fetching start. All of them stay paused until then. */
  async place(workers: PartitionWorker[]): Promise<void> {
    const any = workers[0];
    if (!any) return;
    const { connection, located } = this.#settings;
    const found = await persist('Looking up committed offsets', connection, any.signal, () =>
      this.#lookUp(workers),
    );
    if (!found) return;
    const placed = workers.map((worker) => {
      const { bounds, committed } = found.get(worker.topic)!;
      return { worker, bounds: bounds.get(worker.partition)!, committed: committed.get(worker.partition) };
    });
    await persist('onAssigned', connection, any.signal, async () => {
      await located(placed.map(({ worker, committed }) => ({ worker, committedOffset: committed ?? 0 })));
      return true;
    });
    for (const { worker, bounds, committed } of placed) void this.#begin(worker, bounds, committed);
  }

  /** kafkajs fetched from elsewhere than it was told: a leftover of an earlier assignment, or the log was cut off. */
  async relocate(worker: PartitionWorker, fetchedOffset: number): Promise<void> {
    const { connection, group, positions, consumer } = this.#settings;
    const { topic, partition, expectedOffset } = worker;
    worker.isLocating = true;
    consumer()?.pause(topic, partition);
    const fields = { group, topic, partition, expectedOffset, fetchedOffset };
    connection.logger.warn(fields, 'Fetched from an unexpected offset: left, and fetched again');
    const bounds = await persist('Looking up offsets', connection, worker.signal, () =>
      positions.bounds(topic),
    );
    if (!bounds || worker.isRetired) return;
    worker.isLocating = false;
    const { low, high } = bounds.get(partition) ?? { low: 0, high: 0 };
    if (worker.stoppedBecause !== undefined) return;
    if (expectedOffset >= low && expectedOffset <= high)
      consumer()?.startAt(topic, partition, expectedOffset);
    else {
      worker.committedOffset = -1;
      this.#stop(worker, `offset ${expectedOffset} is out of range: the log has ${low} to ${high}`);
    }
  }

  /** The broker no longer has the offset that was asked for. */
  outOfRange(worker: PartitionWorker): void {
    // kafkajs has just committed its reset over our position: write that back with the next commit.
    worker.committedOffset = -1;
    this.#stop(
      worker,
      `offset ${worker.expectedOffset} is out of range: the log was truncated or the topic made anew`,
    );
  }

  async #lookUp(workers: readonly PartitionWorker[]) {
    const { positions, group } = this.#settings;
    const topics = [...new Set(workers.map(({ topic }) => topic))];
    const entries = topics.map(async (topic) => {
      const [bounds, committed] = await Promise.all([
        positions.bounds(topic),
        positions.committed(group, topic),
      ]);
      for (const worker of workers) {
        if (worker.topic === topic && !bounds.has(worker.partition))
          throw new Error(`No bounds for ${topic}[${worker.partition}]`);
      }
      return [topic, { bounds, committed }] as const;
    });
    return new Map(await Promise.all(entries));
  }

  /** After the last batch of an earlier assignment: a partition's batches never run side by side in a process. */
  async #begin(worker: PartitionWorker, bounds: Bounds, committed: number | undefined): Promise<void> {
    const { left, fromBeginning, consumer } = this.#settings;
    await left(worker);
    if (worker.isRetired) return;
    const start = committed ?? (fromBeginning ? bounds.low : bounds.high);
    worker.start(committed, start, bounds.high);
    if (start < bounds.low || start > bounds.high) {
      this.#stop(
        worker,
        `committed offset ${start} is out of range: the log has ${bounds.low} to ${bounds.high}`,
      );
      return;
    }
    consumer()?.startAt(worker.topic, worker.partition, start);
  }

  #stop(worker: PartitionWorker, because: string): void {
    const { topic, partition } = worker;
    worker.stop(`${topic}[${partition}]: ${because}`);
    this.#settings.connection.logger.error(
      { group: this.#settings.group, topic, partition, doneOffset: worker.doneOffset },
      `Partition stopped, ${because}. Messages may be lost: decide where to go on, set the group's offset, restart`,
    );
  }
}
