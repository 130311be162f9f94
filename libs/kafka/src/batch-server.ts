import { Server, type CustomTransportStrategy, type MessageHandler } from '@nestjs/microservices';
import { Assignments, type AssignedPartition } from './assignments.ts';
import { waitFor } from './backoff.ts';
import { BatchDelivery, handlerOptions } from './batch-delivery.ts';
import { ERRORS_PASS } from './batch-handler.ts';
import type { KafkaConnection } from './connection.ts';
import type { HoldLimits } from './fetch-holds.ts';
import { GroupConsumer, type FetchedChunk, type GroupListener } from './group-consumer.ts';
import type { KafkaObserver } from './observer.ts';
import { OffsetCommits } from './offset-commits.ts';
import { PartitionWorker, type WorkerDesk, type WorkerLimits } from './partition-worker.ts';
import { Placement } from './placement.ts';
import { Positions } from './positions.ts';
import type { Publisher } from './publisher.ts';

export interface BatchServerSettings extends HoldLimits {
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

/** Some batch of events: what is fetched beyond what is at work only waits, in memory. */
const BYTES_PER_PARTITION = 256 * 1024;
/**
 * So few messages of a partition, and no more behind them, hold up the next fetch until they are done: meanwhile others come, and all partitions of the next
 * fetch begin together, so that what they have in common (a commit, a request) is done once for all. More of them are a backlog,
 * which is fetched ahead.
 */
const FEW_MESSAGES = 100;
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
  /** The broker's name. */
  readonly #group: string;
  readonly #observer: Partial<KafkaObserver>;
  readonly #positions: Positions;
  readonly #draining = new AbortController();
  /** By broker topic. */
  readonly #handlers = new Map<string, MessageHandler>();
  readonly #assignments = new Assignments();
  readonly #placement: Placement;
  readonly #delivery: BatchDelivery;
  readonly #commits: OffsetCommits;
  #consumer: GroupConsumer | undefined;
  #commitTimer: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;

  constructor(settings: BatchServerSettings) {
    super();
    const { connection, groupId, deadLetters, observer = {}, fromBeginning = true } = settings;
    this.#settings = settings;
    this.#connection = connection;
    this.#group = connection.withPrefix(groupId);
    this.#observer = observer;
    this.#positions = new Positions(connection);
    const broker = { connection, group: this.#group, consumer: () => this.#consumer };
    this.#placement = new Placement({
      ...broker,
      positions: this.#positions,
      fromBeginning,
      located: async (placed) =>
        settings.onAssigned?.(
          placed.map(({ worker, committedOffset }) => ({ ...this.#name(worker), committedOffset })),
        ),
      left: (worker) => this.#assignments.left(worker),
    });
    this.#commits = new OffsetCommits(broker);
    this.#delivery = new BatchDelivery({
      connection,
      groupId,
      handlers: this.#handlers,
      deadLetters,
      observer,
      heartbeat: async () => this.#consumer?.heartbeat(),
    });
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
    return this.#assignments.all().map((worker) => this.#name(worker));
  }

  /** A member of its group, and no partition stopped for want of a position. */
  isReady(): boolean {
    return this.notReadyBecause() === undefined;
  }

  notReadyBecause(): string | undefined {
    if (this.#draining.signal.aborted) return 'draining';
    if (!this.#consumer?.isMember) return `not a member of group ${this.#group}`;
    return this.#assignments.all().find((worker) => worker.stoppedBecause !== undefined)?.stoppedBecause;
  }

  lag(): { topic: string; partition: number; messages: number }[] {
    return this.#assignments.all().map((worker) => ({
      topic: this.#connection.withoutPrefix(worker.topic),
      partition: worker.partition,
      messages: worker.lag,
    }));
  }

  /** Commits what is done by now. Resolves when Kafka has it; rejects when it does not take it. */
  async commitNow(): Promise<void> {
    await this.#commits.settled();
    await this.#commits.commit(this.#assignments.all());
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
    const worker = this.#assignments.get(this.#connection.withPrefix(topic), partition);
    if (!worker)
      return Promise.reject(new Error(`Partition ${topic}[${partition}] is not assigned to this process`));
    return worker.between(() => work(this.#name(worker)));
  }

  async #start(): Promise<void> {
    const {
      topics: wanted,
      sessionTimeoutMs = 10_000,
      maxBytesPerPartition = BYTES_PER_PARTITION,
    } = this.#settings;
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
        maxHoldMs: this.#settings.maxHoldMs,
        fetchEveryMs: this.#settings.fetchEveryMs,
      },
      this.#listener,
    );
    await this.#consumer.start(this.#settings.startTimeoutMs ?? 60_000);
    this.#commitTimer = setInterval(() => this.#commitRegularly(), this.#settings.commitIntervalMs ?? 1_000);
  }

  readonly #listener: GroupListener = {
    joined: (assigned) => this.#assign(assigned),
    rebalancing: () => {
      // Before JoinGroup is sent: spares whoever comes next what is already done.
      void this.#commits.commitOrWarn(this.#assignments.all());
      this.#revokeAll();
    },
    lost: () => this.#revokeAll(),
    fetched: (chunk) => this.#accept(chunk),
    skipped: (topic, partition, nextOffset) => {
      const worker = this.#assignments.get(topic, partition);
      if (!worker || worker.isLocating || worker.isRetired || worker.stoppedBecause !== undefined) return;
      if (nextOffset > worker.expectedOffset) worker.skipTo(nextOffset);
    },
    outOfRange: (topic, partition) => {
      const worker = this.#assignments.get(topic, partition);
      if (worker && !worker.isLocating && !worker.isRetired) this.#placement.outOfRange(worker);
    },
  };

  readonly #desk: WorkerDesk = {
    pause: ({ topic, partition }) => this.#consumer?.pause(topic, partition),
    resume: ({ topic, partition }) => this.#consumer?.resume(topic, partition),
    deliver: (worker, messages) => this.#delivery.deliver(worker, messages),
  };

  #assign(assigned: Map<string, number[]>): void {
    this.#revokeAll();
    if (this.#draining.signal.aborted) return;
    const workers = this.#assignments.assign(
      assigned,
      (topic, partition, assignment) =>
        new PartitionWorker(topic, partition, assignment, this.#limits(topic), this.#desk),
    );
    this.#connection.logger.info(
      { group: this.#group, partitions: workers.map(({ topic, partition }) => `${topic}[${partition}]`) },
      'Partitions assigned',
    );
    void this.#placement.place(workers);
  }

  #limits(topic: string): WorkerLimits {
    const { maxBatchMessages: most = 500, maxBytesPerPartition = BYTES_PER_PARTITION } = this.#settings;
    const ofHandler = handlerOptions(this.#handlers.get(topic)).maxBatchMessages;
    const maxBatchMessages = Math.min(most, ofHandler ?? most);
    return {
      maxBatchMessages,
      maxBufferedMessages: BUFFERED_BATCHES * maxBatchMessages,
      maxBufferedBytes: 2 * maxBytesPerPartition,
    };
  }

  #accept(chunk: FetchedChunk): boolean | Promise<void> {
    const worker = this.#assignments.get(chunk.topic, chunk.partition);
    if (!worker || worker.isLocating || worker.isRetired || worker.stoppedBecause !== undefined) return false;
    if (chunk.fetchedOffset !== worker.expectedOffset) {
      void this.#placement.relocate(worker, chunk.fetchedOffset);
      return false;
    }
    worker.offer(chunk, chunk.highWatermark);
    const more = chunk.highWatermark - chunk.nextOffset;
    return Math.max(chunk.messages.length, more) > FEW_MESSAGES || worker.idle();
  }

  #commitRegularly(): void {
    if (this.#commits.isCommitting) return;
    const workers = this.#assignments.all();
    for (const worker of workers) this.#observer.lag?.({ ...this.#name(worker), messages: worker.lag });
    void this.#commits.commitOrWarn(workers);
  }

  #revokeAll(): void {
    const revoked = this.#assignments.revokeAll().map((worker) => this.#name(worker));
    if (revoked.length === 0) return;
    for (const partition of revoked) this.#observer.revoked?.(partition);
    try {
      this.#settings.onRevoked?.(revoked);
    } catch (error) {
      this.#connection.logger.error({ group: this.#group, err: error }, 'onRevoked failed');
    }
  }

  async #drain(): Promise<void> {
    this.#draining.abort();
    clearInterval(this.#commitTimer);
    const workers = this.#assignments.all();
    for (const worker of workers) {
      this.#consumer?.pause(worker.topic, worker.partition);
      worker.retire();
    }
    const { drainTimeoutMs = 25_000 } = this.#settings;
    const given = new AbortController();
    const finished = [...workers, ...this.#assignments.leaving()].map((worker) => worker.finished);
    await Promise.race([Promise.all(finished), waitFor(drainTimeoutMs, given.signal)]);
    given.abort();
    await this.#commits.settled();
    // A rebalance meanwhile has replaced the workers: then these offsets are no longer ours to commit.
    await this.#commits.commitOrWarn(workers.filter((worker) => this.#assignments.has(worker)));
    await this.#consumer?.stop();
    await this.#positions.close();
  }

  #name({ topic, partition, assignment }: PartitionWorker): AssignedPartition {
    return { topic: this.#connection.withoutPrefix(topic), partition, assignment };
  }
}
