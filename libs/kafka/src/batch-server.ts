import { Server, type CustomTransportStrategy, type MessageHandler } from '@nestjs/microservices';
import { isObservable, lastValueFrom } from 'rxjs';
import { waitFor } from './backoff.ts';
import { ERRORS_PASS, type BatchHandlerOptions } from './batch-handler.ts';
import type { KafkaConnection } from './connection.ts';
import { bury, toDeadLetter } from './dead-letters.ts';
import { deliver } from './deliver.ts';
import { describeError } from './faults.ts';
import {
  GroupConsumer,
  type FetchedChunk,
  type GroupListener,
  type PartitionOffset,
} from './group-consumer.ts';
import type { IncomingMessage, MessageBatch } from './message.ts';
import type { KafkaObserver } from './observer.ts';
import { PartitionWorker, type WorkerDesk } from './partition-worker.ts';
import { persist, Positions, type Bounds } from './positions.ts';
import type { Publisher } from './publisher.ts';
import { withoutRedrivenForOthers } from './redrive.ts';

export interface AssignedPartition {
  /** Without prefix. */
  topic: string;
  partition: number;
  assignment: number;
}

export interface BatchServerSettings {
  connection: KafkaConnection;
  /** Without prefix. */
  groupId: string;
  /** Those of the handlers, when left out. */
  topics?: string[];
  maxBatchMessages?: number;
  maxBytesPerPartition?: number;
  /** Where to begin when the group has committed nothing. */
  fromBeginning?: boolean;
  deadLetters: Publisher;
  observer?: Partial<KafkaObserver>;
  /** Awaited before the first batch of these partitions; when it throws it is called again. */
  onAssigned?(partitions: (AssignedPartition & { committedOffset: number })[]): void | Promise<void>;
  onRevoked?(partitions: AssignedPartition[]): void;
  sessionTimeoutMs?: number;
  /** How long the broker holds a fetch that finds nothing. Also how long a paused partition may wait after it is resumed. */
  maxWaitMs?: number;
  commitIntervalMs?: number;
  /** How long `listen` waits for the first assignment before it fails. */
  startTimeoutMs?: number;
  /** How long `close` waits for running handlers. What is not done then is handed over again, here or elsewhere. */
  drainTimeoutMs?: number;
}

/** Batches that wait in the buffer of a partition before it is paused. */
const BUFFERED_BATCHES = 4;

/**
 * Nest transport that hands over batches: one at a time per partition, partitions side by side. A handler that
 * resolves says that its effects are durable; only then, and off the path, its offsets are committed.
 */
export class KafkaBatchServer extends Server implements CustomTransportStrategy {
  override readonly propagatesEventHandlerErrors = true;
  override readonly transportId = Symbol('trackline-kafka');

  readonly #settings: BatchServerSettings;
  readonly #connection: KafkaConnection;
  readonly #group: string;
  readonly #observer: Partial<KafkaObserver>;
  readonly #positions: Positions;
  readonly #draining = new AbortController();
  readonly #handlers = new Map<string, MessageHandler>();
  /** By broker topic, then partition. */
  #workers = new Map<string, Map<number, PartitionWorker>>();
  /** Of earlier assignments, still with a batch in a handler. */
  readonly #leaving = new Map<string, PartitionWorker>();
  readonly #assignments = new Map<string, number>();
  #consumer: GroupConsumer | undefined;
  #commitTimer: NodeJS.Timeout | undefined;
  #committing: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(settings: BatchServerSettings) {
    super();
    this.#settings = settings;
    this.#connection = settings.connection;
    this.#group = settings.connection.withPrefix(settings.groupId);
    this.#observer = settings.observer ?? {};
    this.#positions = new Positions(settings.connection);
  }

  override addHandler(
    pattern: unknown,
    callback: MessageHandler,
    isEventHandler = false,
    extras: Record<string, unknown> = {},
  ): void {
    if (this.#settings.topics !== undefined && !this.#settings.topics.includes(String(pattern))) return;
    if (!isEventHandler || extras[ERRORS_PASS] !== true) {
      throw new Error(
        `The handler of ${String(pattern)} must be marked with @BatchHandler(topic): under a bare @EventPattern Nest ` +
          'replaces every error by "Internal server error", and a database that is away would look like a poison message',
      );
    }
    super.addHandler(pattern, callback, isEventHandler, extras);
  }

  /** Calls back once the group is joined, or with an error when that did not succeed within `startTimeoutMs`. */
  listen(callback: (error?: unknown) => void): void {
    this.#start().then(
      () => callback(),
      (error: unknown) => callback(error),
    );
  }

  /** SIGTERM: stops fetching, lets running batches finish, commits, leaves the group. */
  close(): Promise<void> {
    return (this.#closing ??= this.#drain());
  }

  on(): never {
    throw new Error('KafkaBatchServer has no events: see onAssigned and onRevoked');
  }

  unwrap<T>(): T {
    throw new Error('KafkaBatchServer keeps its client to itself');
  }

  assignments(): AssignedPartition[] {
    return [...this.#all()].map((worker) => this.#name(worker));
  }

  /** A member of its group, and no partition stopped for want of a position. */
  isReady(): boolean {
    return this.notReadyBecause() === undefined;
  }

  notReadyBecause(): string | undefined {
    if (this.#draining.signal.aborted) return 'draining';
    if (!this.#consumer?.isMember) return `not a member of group ${this.#group}`;
    for (const worker of this.#all()) if (worker.stoppedBecause !== undefined) return worker.stoppedBecause;
    return undefined;
  }

  lag(): { topic: string; partition: number; messages: number }[] {
    return [...this.#all()].map((worker) => ({
      topic: this.#connection.withoutPrefix(worker.topic),
      partition: worker.partition,
      messages: worker.lag,
    }));
  }

  /** Commits what is done by now. Resolves when Kafka has it; rejects when it does not take it. */
  async commitNow(): Promise<void> {
    await this.#commitsSettled();
    await this.#commit([...this.#all()]);
  }

  /**
   * Runs work of a partition between two of its batches, never beside one: for timers and the like that belong to
   * whoever owns the partition. Rejects when it is not assigned to this process.
   */
  between<Result>(
    topic: string,
    partition: number,
    work: (assigned: AssignedPartition) => Promise<Result>,
  ): Promise<Result> {
    const worker = this.#workers.get(this.#connection.withPrefix(topic))?.get(partition);
    if (!worker)
      return Promise.reject(new Error(`Partition ${topic}[${partition}] is not assigned to this process`));
    return worker.between(() => work(this.#name(worker)));
  }

  async #start(): Promise<void> {
    const { topics: wanted, sessionTimeoutMs = 10_000, maxBytesPerPartition = 1024 * 1024 } = this.#settings;
    const topics = wanted ?? [...this.messageHandlers.keys()];
    for (const topic of topics) {
      const handler = this.messageHandlers.get(topic);
      if (!handler) throw new Error(`No handler for topic ${topic}`);
      this.#handlers.set(this.#connection.withPrefix(topic), handler);
    }
    if (topics.length === 0)
      throw new Error(`No topics for group ${this.#group}: no handler has @BatchHandler`);
    this.#consumer = new GroupConsumer(
      {
        connection: this.#connection,
        groupId: this.#group,
        topics: [...this.#handlers.keys()],
        sessionTimeoutMs,
        maxBytesPerPartition,
        maxWaitMs: this.#settings.maxWaitMs ?? 100,
      },
      this.#listener,
    );
    await this.#consumer.start(this.#settings.startTimeoutMs ?? 60_000);
    this.#commitTimer = setInterval(() => this.#commitQuietly(), this.#settings.commitIntervalMs ?? 1_000);
  }

  readonly #listener: GroupListener = {
    joined: (assigned) => this.#assign(assigned),
    rebalancing: () => {
      // Before JoinGroup is sent: spares whoever comes next what is already done.
      this.#commit([...this.#all()]).catch((error: unknown) => this.#commitFailed(error));
      this.#revokeAll();
    },
    lost: () => this.#revokeAll(),
    fetched: (chunk) => this.#accept(chunk),
    skipped: (topic, partition, nextOffset) => {
      const worker = this.#workers.get(topic)?.get(partition);
      if (!worker || worker.isLocating || worker.isRetired || worker.stoppedBecause !== undefined) return;
      if (nextOffset > worker.expectedOffset) worker.skipTo(nextOffset);
    },
    outOfRange: (topic, partition) => {
      const worker = this.#workers.get(topic)?.get(partition);
      if (!worker || worker.isLocating || worker.isRetired) return;
      // kafkajs has just committed its reset over our position: write that back with the next commit.
      worker.committedOffset = -1;
      this.#stop(
        worker,
        `offset ${worker.expectedOffset} is out of range: the log was truncated or the topic made anew`,
      );
    },
  };

  #assign(assigned: Map<string, number[]>): void {
    this.#revokeAll();
    if (this.#draining.signal.aborted) return;
    const workers: PartitionWorker[] = [];
    for (const [topic, partitions] of assigned) {
      const byPartition = new Map<number, PartitionWorker>();
      this.#workers.set(topic, byPartition);
      for (const partition of partitions) {
        const worker = this.#newWorker(topic, partition);
        byPartition.set(partition, worker);
        workers.push(worker);
      }
    }
    this.#connection.logger.info(
      { group: this.#group, partitions: workers.map(({ topic, partition }) => `${topic}[${partition}]`) },
      'Partitions assigned',
    );
    void this.#locate(workers);
  }

  #newWorker(topic: string, partition: number): PartitionWorker {
    const key = `${topic}[${partition}]`;
    const assignment = (this.#assignments.get(key) ?? 0) + 1;
    this.#assignments.set(key, assignment);
    const { maxBytesPerPartition = 1024 * 1024 } = this.#settings;
    const maxBatchMessages = this.#maxBatchMessages(topic);
    const limits = {
      maxBatchMessages,
      maxBufferedMessages: BUFFERED_BATCHES * maxBatchMessages,
      maxBufferedBytes: 2 * maxBytesPerPartition,
    };
    return new PartitionWorker(topic, partition, assignment, limits, this.#desk);
  }

  #maxBatchMessages(topic: string): number {
    const { maxBatchMessages = 500 } = this.#settings;
    const ofHandler = handlerOptions(this.#handlers.get(topic)).maxBatchMessages;
    return Math.min(maxBatchMessages, ofHandler ?? maxBatchMessages);
  }

  /** Finds out where to begin, tells `onAssigned`, and lets the fetching start. All of them stay paused until then. */
  async #locate(workers: PartitionWorker[]): Promise<void> {
    const any = workers[0];
    if (!any) return;
    const found = await persist('Looking up committed offsets', this.#connection, any.signal, async () => {
      const topics = [...new Set(workers.map(({ topic }) => topic))];
      const entries = topics.map(async (topic) => {
        const [bounds, committed] = await Promise.all([
          this.#positions.bounds(topic),
          this.#positions.committed(this.#group, topic),
        ]);
        for (const worker of workers) {
          if (worker.topic === topic && !bounds.has(worker.partition))
            throw new Error(`No bounds for ${topic}[${worker.partition}]`);
        }
        return [topic, { bounds, committed }] as const;
      });
      return new Map(await Promise.all(entries));
    });
    if (!found) return;
    const placed = workers.map((worker) => {
      const { bounds, committed } = found.get(worker.topic)!;
      return { worker, bounds: bounds.get(worker.partition)!, committed: committed.get(worker.partition) };
    });
    await this.#tellAssigned(
      placed.map(({ worker, committed }) => ({ ...this.#name(worker), committedOffset: committed ?? 0 })),
      any.signal,
    );
    for (const { worker, bounds, committed } of placed) void this.#begin(worker, bounds, committed);
  }

  async #tellAssigned(
    partitions: (AssignedPartition & { committedOffset: number })[],
    signal: AbortSignal,
  ): Promise<void> {
    const { onAssigned } = this.#settings;
    if (!onAssigned) return;
    await persist('onAssigned', this.#connection, signal, async () => {
      await onAssigned(partitions);
      return true;
    });
  }

  /** After the last batch of an earlier assignment: a partition's batches never run side by side in a process. */
  async #begin(worker: PartitionWorker, bounds: Bounds, committed: number | undefined): Promise<void> {
    await this.#leaving.get(`${worker.topic}[${worker.partition}]`)?.finished;
    if (worker.isRetired) return;
    const { fromBeginning = true } = this.#settings;
    const start = committed ?? (fromBeginning ? bounds.low : bounds.high);
    worker.start(committed, start, bounds.high);
    if (start < bounds.low || start > bounds.high) {
      this.#stop(
        worker,
        `committed offset ${start} is out of range: the log has ${bounds.low} to ${bounds.high}`,
      );
      return;
    }
    this.#consumer?.startAt(worker.topic, worker.partition, start);
  }

  #stop(worker: PartitionWorker, because: string): void {
    const { topic, partition } = worker;
    worker.stop(`${topic}[${partition}]: ${because}`);
    this.#connection.logger.error(
      { group: this.#group, topic, partition, doneOffset: worker.doneOffset },
      `Partition stopped, ${because}. Messages may be lost: decide where to go on, set the group's offset, restart`,
    );
  }

  #accept(chunk: FetchedChunk): boolean {
    const worker = this.#workers.get(chunk.topic)?.get(chunk.partition);
    if (!worker || worker.isLocating || worker.isRetired || worker.stoppedBecause !== undefined) return false;
    if (chunk.fetchedOffset !== worker.expectedOffset) {
      void this.#relocate(worker, chunk.fetchedOffset);
      return false;
    }
    worker.offer(chunk, chunk.highWatermark);
    return true;
  }

  /** kafkajs fetched from elsewhere than it was told: a leftover of an earlier assignment, or the log was cut off. */
  async #relocate(worker: PartitionWorker, fetchedOffset: number): Promise<void> {
    const { topic, partition, expectedOffset } = worker;
    worker.isLocating = true;
    this.#consumer?.pause(topic, partition);
    const fields = { group: this.#group, topic, partition, expectedOffset, fetchedOffset };
    this.#connection.logger.warn(fields, 'Fetched from an unexpected offset: left, and fetched again');
    const bounds = await persist('Looking up offsets', this.#connection, worker.signal, () =>
      this.#positions.bounds(topic),
    );
    if (!bounds || worker.isRetired) return;
    worker.isLocating = false;
    const { low, high } = bounds.get(partition) ?? { low: 0, high: 0 };
    if (worker.stoppedBecause !== undefined) return;
    if (expectedOffset >= low && expectedOffset <= high)
      this.#consumer?.startAt(topic, partition, expectedOffset);
    else {
      worker.committedOffset = -1;
      this.#stop(worker, `offset ${expectedOffset} is out of range: the log has ${low} to ${high}`);
    }
  }

  readonly #desk: WorkerDesk = {
    pause: ({ topic, partition }) => this.#consumer?.pause(topic, partition),
    resume: ({ topic, partition }) => this.#consumer?.resume(topic, partition),
    deliver: async (worker, messages) => {
      try {
        return await this.#deliver(worker, messages);
      } catch (error) {
        // Not the handler's: an observer's or our own. Going on could lose the batch.
        this.#connection.logger.error({ group: this.#group, err: error }, 'Delivery failed');
        worker.stop(`${worker.topic}[${worker.partition}]: delivery failed: ${describeError(error)}`);
        return false;
      }
    },
  };

  async #deliver(worker: PartitionWorker, messages: IncomingMessage[]): Promise<boolean> {
    const topic = this.#connection.withoutPrefix(worker.topic);
    const { partition } = worker;
    const source = { topic, partition, group: this.#settings.groupId };
    const { logger } = this.#connection;
    const ours = withoutRedrivenForOthers(messages, this.#settings.groupId);
    const endOfBatch = messages.at(-1)!.offset + 1;
    return deliver(ours, {
      tellsOfPassedOver: handlerOptions(this.#handlers.get(worker.topic)).tellOfPassedOver ?? false,
      hand: (part, buried) =>
        this.#hand(worker, topic, {
          messages: part,
          buried,
          nextOffset: nextOffset(ours, part, buried, endOfBatch),
        }),
      bury: async (message, reason, detail) => {
        const letter = toDeadLetter(source, message, reason, detail);
        await bury(this.#settings.deadLetters, letter, logger, worker.signal);
        logger.warn(
          { ...source, offset: message.offset, reason, detail },
          'Message went to the dead letters',
        );
        this.#observer.deadLettered?.({ topic, partition, reason });
      },
      isAbandoned: () => worker.isRetired,
      wait: (ms) => waitFor(ms, worker.signal),
      retried: (cause, error, attempt) => {
        this.#observer.batchRetried?.({ topic, partition, cause });
        const fields = {
          ...source,
          firstOffset: messages[0]!.offset,
          messages: messages.length,
          attempt,
          err: error,
        };
        logger.warn(
          fields,
          cause === 'fault' ? 'A dependency is away: the batch waits for it' : 'The handler failed',
        );
      },
    });
  }

  async #hand(
    worker: PartitionWorker,
    topic: string,
    part: Pick<MessageBatch, 'messages' | 'buried' | 'nextOffset'>,
  ): Promise<void> {
    const handler = this.#handlers.get(worker.topic)!;
    const startedAt = performance.now();
    const batch: MessageBatch = {
      topic,
      partition: worker.partition,
      ...part,
      highWatermark: worker.highWatermark,
      assignment: worker.assignment,
      committedOffset: Math.max(worker.committedOffset, 0),
      isStale: () => worker.isRetired,
      heartbeat: () => this.#consumer?.heartbeat() ?? Promise.resolve(),
    };
    // Nest answers with an Observable that holds the error: unless someone subscribes, it is never heard of.
    const answer: unknown = await handler(batch);
    if (isObservable(answer)) await lastValueFrom(answer, { defaultValue: undefined });
    const seconds = (performance.now() - startedAt) / 1000;
    this.#observer.batchHandled?.({
      topic,
      partition: worker.partition,
      messages: part.messages.length,
      seconds,
    });
  }

  #commitQuietly(): void {
    if (this.#committing) return;
    for (const worker of this.#all()) {
      this.#observer.lag?.({ ...this.#name(worker), messages: worker.lag });
    }
    this.#commit([...this.#all()]).catch((error: unknown) => this.#commitFailed(error));
  }

  #commitFailed(error: unknown): void {
    this.#connection.logger.warn(
      { group: this.#group, error: describeError(error) },
      'Offsets not committed; they go with the next commit, or the messages come again',
    );
  }

  /**
   * Ends in a task of its own. kafkajs swaps generation and assignment within one run of microtasks: a commit that
   * begins in between would name partitions of the old assignment under the new generation.
   */
  async #commitsSettled(): Promise<void> {
    while (this.#committing) await this.#committing.catch(() => undefined);
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** The request is built before the first await, so it never names a partition of another assignment. */
  #commit(workers: PartitionWorker[]): Promise<void> {
    const behind = workers.filter(
      (worker) =>
        !worker.isLocating && worker.doneOffset >= 0 && worker.doneOffset !== worker.committedOffset,
    );
    if (behind.length === 0 || !this.#consumer) return Promise.resolve();
    const offsets: PartitionOffset[] = behind.map(({ topic, partition, doneOffset }) => ({
      topic,
      partition,
      offset: doneOffset,
    }));
    const committing = this.#consumer
      .commit(offsets)
      .then(() => behind.forEach((worker, i) => (worker.committedOffset = offsets[i]!.offset)))
      .finally(() => (this.#committing = undefined));
    this.#committing = committing;
    return committing;
  }

  #revokeAll(): void {
    const revoked = [...this.#all()];
    this.#workers = new Map();
    for (const worker of revoked) {
      worker.retire();
      const key = `${worker.topic}[${worker.partition}]`;
      const before = this.#leaving.get(key);
      if (before !== undefined && worker.doneOffset < 0) continue;
      this.#leaving.set(key, worker);
      void worker.finished.then(() => {
        if (this.#leaving.get(key) === worker) this.#leaving.delete(key);
      });
    }
    if (revoked.length === 0) return;
    for (const worker of revoked) this.#observer.revoked?.(this.#name(worker));
    try {
      this.#settings.onRevoked?.(revoked.map((worker) => this.#name(worker)));
    } catch (error) {
      this.#connection.logger.error({ group: this.#group, err: error }, 'onRevoked failed');
    }
  }

  async #drain(): Promise<void> {
    this.#draining.abort();
    clearInterval(this.#commitTimer);
    const workers = [...this.#all()];
    for (const worker of workers) {
      this.#consumer?.pause(worker.topic, worker.partition);
      worker.retire();
    }
    const { drainTimeoutMs = 25_000 } = this.#settings;
    const given = new AbortController();
    const finished = [...workers, ...this.#leaving.values()].map((worker) => worker.finished);
    await Promise.race([Promise.all(finished), waitFor(drainTimeoutMs, given.signal)]);
    given.abort();
    await this.#commitsSettled();
    // A rebalance meanwhile has replaced the workers: then these offsets are no longer ours to commit.
    const stillOurs = workers.filter(
      (worker) => this.#workers.get(worker.topic)?.get(worker.partition) === worker,
    );
    await this.#commit(stillOurs).catch((error: unknown) => this.#commitFailed(error));
    await this.#consumer?.stop();
    await this.#positions.close();
  }

  *#all(): Generator<PartitionWorker> {
    for (const byPartition of this.#workers.values()) yield* byPartition.values();
  }

  #name({ topic, partition, assignment }: PartitionWorker): AssignedPartition {
    return { topic: this.#connection.withoutPrefix(topic), partition, assignment };
  }
}

const handlerOptions = (handler: MessageHandler | undefined): BatchHandlerOptions =>
  (handler?.extras ?? {}) as BatchHandlerOptions;

/** Of the messages of a batch, the first that comes after what is handed over now; or the end of the batch. */
function nextOffset(
  batch: readonly IncomingMessage[],
  part: readonly IncomingMessage[],
  buried: readonly IncomingMessage[],
  endOfBatch: number,
): number {
  const last = Math.max(part.at(-1)?.offset ?? -1, ...buried.map(({ offset }) => offset));
  if (last < 0 || last === batch.at(-1)?.offset) return endOfBatch;
  return batch.find(({ offset }) => offset > last)?.offset ?? endOfBatch;
}
