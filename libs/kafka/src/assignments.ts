import type { PartitionWorker } from './partition-worker.ts';

export interface AssignedPartition {
  /** Without prefix. */
  topic: string;
  partition: number;
  assignment: number;
}

type NewWorker = (topic: string, partition: number, assignment: number) => PartitionWorker;

/** The workers of the partitions that this process has, and of those that it is leaving. Topics are the broker's names. */
export class Assignments {
  /** By topic, then partition. */
  #workers = new Map<string, Map<number, PartitionWorker>>();
  /** Of earlier assignments, still with a batch in a handler. */
  readonly #leaving = new Map<string, PartitionWorker>();
  readonly #numbers = new Map<string, number>();

  get(topic: string, partition: number): PartitionWorker | undefined {
    return this.#workers.get(topic)?.get(partition);
  }

  has(worker: PartitionWorker): boolean {
    return this.get(worker.topic, worker.partition) === worker;
  }

  all(): PartitionWorker[] {
    return [...this.#workers.values()].flatMap((byPartition) => [...byPartition.values()]);
  }

  leaving(): PartitionWorker[] {
    return [...this.#leaving.values()];
  }

  /** Takes the place of what was assigned, which has been revoked before. */
  assign(assigned: Map<string, number[]>, newWorker: NewWorker): PartitionWorker[] {
    this.#workers = new Map(
      [...assigned].map(([topic, partitions]) => [
        topic,
        new Map(
          partitions.map((partition) => [
            partition,
            newWorker(topic, partition, this.#nextNumber(topic, partition)),
          ]),
        ),
      ]),
    );
    return this.all();
  }

  /** Retires all workers and returns them. What they are handing over runs to its end: see `left`. */
  revokeAll(): PartitionWorker[] {
    const revoked = this.all();
    this.#workers = new Map();
    for (const worker of revoked) {
      worker.retire();
      const key = keyOf(worker);
      const before = this.#leaving.get(key);
      if (before !== undefined && worker.doneOffset < 0) continue;
      this.#leaving.set(key, worker);
      void worker.finished.then(() => {
        if (this.#leaving.get(key) === worker) this.#leaving.delete(key);
      });
    }
    return revoked;
  }

  /** Resolves once nothing of an earlier assignment of this partition runs any more. */
  async left(worker: PartitionWorker): Promise<void> {
    await this.#leaving.get(keyOf(worker))?.finished;
  }

  #nextNumber(topic: string, partition: number): number {
    const key = keyOf({ topic, partition });
    const number = (this.#numbers.get(key) ?? 0) + 1;
    this.#numbers.set(key, number);
    return number;
  }
}

const keyOf = ({ topic, partition }: Pick<PartitionWorker, 'topic' | 'partition'>): string =>
  `${topic}[${partition}]`;
