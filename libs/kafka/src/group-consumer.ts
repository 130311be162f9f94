import kafkajs, {
  type Batch,
  type Broker,
  type Cluster,
  type Consumer,
  type EachBatchPayload,
  type LogEntry,
  type PartitionAssigner,
} from 'kafkajs';
import { backoffMs, waitFor } from './backoff.ts';
import type { KafkaConnection } from './connection.ts';
import { describeError } from './faults.ts';
import { decodeFetchesOf } from './fetch-decoding.ts';
import { FetchHolds, type HoldLimits } from './fetch-holds.ts';
import { fromKafkaMessage } from './message.ts';
import type { Chunk } from './partition-buffer.ts';

/** Topics in this file are the broker's names, with prefix. */
export interface FetchedChunk extends Chunk {
  topic: string;
  partition: number;
  /** Offset that was asked for. The first message may lie behind it. */
  fetchedOffset: number;
  highWatermark: number;
}

/** Called synchronously, in the order in which things happen. */
export interface GroupListener {
  /** All partitions assigned from now on, replacing what was. They are paused until `startAt`. */
  joined(assigned: Map<string, number[]>): void;
  /** The group is about to rebalance: a commit started in this call is still sent under the old assignment. */
  rebalancing(): void;
  /** Membership is gone, nothing is assigned. */
  lost(): void;
  /**
   * Returns false to leave the chunk where it is: it is then fetched again, or a `startAt` decides. A promise holds up the next fetch
   * until it resolves, for a moment at most.
   */
  fetched(chunk: FetchedChunk): boolean | Promise<void>;
  /** Records that carry no message (markers of transactions, compacted away) were passed over. */
  skipped(topic: string, partition: number, nextOffset: number): void;
  /** kafkajs is about to jump to another offset because the broker no longer has the one it asked for. */
  outOfRange(topic: string, partition: number): void;
}

export interface GroupConsumerSettings extends HoldLimits {
  connection: KafkaConnection;
  groupId: string;
  topics: string[];
  sessionTimeoutMs: number;
  maxBytesPerPartition: number;
  maxWaitMs: number;
  /** Round robin when left out. */
  assigner?: PartitionAssigner;
}

export interface PartitionOffset {
  topic: string;
  partition: number;
  offset: number;
}

/** Kafkajs' broker can do it; its types leave it out. */
interface GroupCoordinator {
  leaveGroup(member: { groupId: string; memberId: string }): Promise<unknown>;
}

/** One life of a kafkajs consumer, from connecting to its crash. */
interface Incarnation {
  consumer: Consumer;
  ended: AbortController;
  lastSignMs: number;
  lastHeartbeatMs: number;
  payload?: EachBatchPayload;
  cluster?: Cluster;
  holds: FetchHolds;
}

const RESTART_FIRST_MS = 200;
const RESTART_MAX_MS = 1_500;
/**
 * Few: kafkajs tries the broker that it knew, and finds a coordinator that has moved only when it starts anew. A new
 * start costs little, see `#dismissGhost`.
 */
const RECONNECT_TRIES = 4;
const DISMISS_TRIES = 10;
const DISMISS_WAIT_MS = 250;
const REBALANCE_TIMEOUT_MS = 20_000;
/** A member learns of a rebalance by its heartbeat: whoever joins waits for the slowest. */
const HEARTBEAT_MS = 1_000;
/** New partitions are seen within this time. */
const METADATA_MAX_AGE_MS = 60_000;
/** A consumer that neither fetched nor joined for so long hangs, and is replaced. */
const SILENCE_LIMIT_MS = 60_000;
const SILENCE_CHECK_MS = 5_000;
/** Fetch responses hold at most this much; partitions behind it wait for the next one. */
const MAX_BYTES_PER_FETCH = 32 * 1024 * 1024;
/** Partitions of a topic that one fetch hands over side by side; of more, the others are handed over when the first are done. */
const SIDE_BY_SIDE_OF_A_TOPIC = 32;
/** How long a consumer may take to say goodbye before it is left to itself. */
const LEAVE_TIMEOUT_MS = 15_000;

/**
 * A kafkajs consumer that is started again for ever. kafkajs restarts itself after some errors only, and keeps state
 * over a restart; so each crash gets a fresh client here. It fetches, and leaves to the listener what to do with it.
 * kafkajs fetches again from a broker only when all partitions of the last fetch are done, and sends its heartbeats in
 * between: what `fetched` returns decides whether that is at once.
 */
export class GroupConsumer {
  readonly #settings: GroupConsumerSettings;
  readonly #listener: GroupListener;
  readonly #stopping = new AbortController();
  #current: Incarnation | undefined;
  #joined = false;
  #running: Promise<void> | undefined;
  #lastError: unknown;
  #onFirstJoin: (() => void) | undefined;
  /** As the coordinator knows us, or knew us in an earlier life. */
  #memberId: string | undefined;

  constructor(settings: GroupConsumerSettings, listener: GroupListener) {
    this.#settings = settings;
    this.#listener = listener;
  }

  /** A member as far as is known: joined, and the coordinator answered a heartbeat within the session. */
  get isMember(): boolean {
    const heardMs = this.#current?.lastHeartbeatMs ?? 0;
    return this.#joined && Date.now() - heardMs < this.#settings.sessionTimeoutMs;
  }

  /** Resolves with the first assignment; rejects when there is none within the time, and stops trying. */
  async start(withinMs: number): Promise<void> {
    const firstJoin = new Promise<void>((resolve) => (this.#onFirstJoin = resolve));
    this.#running = this.#keepRunning();
    const giveUp = new AbortController();
    const joined = await Promise.race([
      firstJoin.then(() => true),
      waitFor(withinMs, AbortSignal.any([giveUp.signal, this.#stopping.signal])).then(() => false),
    ]);
    giveUp.abort();
    if (joined) return;
    if (this.#stopping.signal.aborted) throw new Error('Stopped before the group was joined');
    const { groupId, topics, connection } = this.#settings;
    await this.stop();
    throw new Error(
      `Kafka consumer group ${groupId} (topics ${topics.join(', ')}) could not be joined at ` +
        `${connection.brokers.join(',')} within ${withinMs} ms: ${describeError(this.#lastError ?? 'no answer')}`,
      { cause: this.#lastError },
    );
  }

  pause(topic: string, partition: number): void {
    if (this.#joined) this.#current?.consumer.pause([{ topic, partitions: [partition] }]);
  }

  resume(topic: string, partition: number): void {
    if (this.#joined) this.#current?.consumer.resume([{ topic, partitions: [partition] }]);
  }

  /** Fetch from this offset on, and nothing that was asked for before. */
  startAt(topic: string, partition: number, offset: number): void {
    if (!this.#joined) return;
    this.#current?.consumer.seek({ topic, partition, offset: String(offset) });
    this.resume(topic, partition);
  }

  /**
   * One try under the present generation. Goes around kafkajs' own retries: they would repeat the offsets under a
   * later generation, when a partition may be another's, and the coordinator takes such a commit.
   */
  async commit(offsets: PartitionOffset[]): Promise<void> {
    const incarnation = this.#current;
    if (!incarnation || !this.#joined) throw new Error('Not a member of the group');
    const byTopic = new Map<string, { partition: number; offset: string }[]>();
    for (const { topic, partition, offset } of offsets) {
      const entry = { partition, offset: String(offset) };
      const list = byTopic.get(topic);
      if (list) list.push(entry);
      else byTopic.set(topic, [entry]);
    }
    if (incarnation.payload) {
      const topics = [...byTopic].map(([topic, partitions]) => ({ topic, partitions }));
      await incarnation.payload.commitOffsetsIfNecessary({ topics });
    } else {
      await incarnation.consumer.commitOffsets(
        offsets.map(({ topic, partition, offset }) => ({ topic, partition, offset: String(offset) })),
      );
    }
  }

  /** Sends one if it is time. What comes of it is found out by the fetch loop, which sends them as well. */
  async heartbeat(): Promise<void> {
    await this.#current?.payload?.heartbeat().catch(() => undefined);
  }

  /** Leaves the group. The listener hears nothing any more. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#current?.ended.abort();
    await this.#running;
  }

  async #keepRunning(): Promise<void> {
    const { logger } = this.#settings.connection;
    const { groupId } = this.#settings;
    for (let attempt = 0; !this.#stopping.signal.aborted; attempt++) {
      const incarnation = this.#incarnate();
      this.#current = incarnation;
      try {
        await this.#live(incarnation);
      } catch (error) {
        this.#lastError = error;
      }
      const wasJoined = this.#joined;
      this.#joined = false;
      if (this.#stopping.signal.aborted) {
        await this.#leave(incarnation);
        return;
      }
      this.#current = undefined;
      this.#listener.lost();
      void this.#leave(incarnation);
      if (wasJoined) attempt = 0;
      const waitMs = backoffMs(attempt, RESTART_FIRST_MS, RESTART_MAX_MS);
      logger.error(
        { groupId, attempt, waitMs, error: describeError(this.#lastError) },
        'Kafka consumer failed and is started again',
      );
      await waitFor(waitMs, this.#stopping.signal);
    }
  }

  /** Resolves or rejects when this life is over. */
  async #live(incarnation: Incarnation): Promise<void> {
    const { ended } = incarnation;
    const over = new Promise<void>((resolve) =>
      ended.signal.addEventListener('abort', () => resolve(), { once: true }),
    );
    const watch = setInterval(() => {
      if (Date.now() - incarnation.lastSignMs < SILENCE_LIMIT_MS) return;
      this.#lastError = new Error(`No sign of life for ${SILENCE_LIMIT_MS} ms`);
      ended.abort();
    }, SILENCE_CHECK_MS);
    try {
      const running = this.#run(incarnation);
      running.catch(() => undefined);
      await Promise.race([running.then(() => over), over]);
    } finally {
      clearInterval(watch);
      ended.abort();
    }
  }

  async #run(incarnation: Incarnation): Promise<void> {
    const { consumer, ended } = incarnation;
    await consumer.connect();
    if (ended.signal.aborted) return this.#leave(incarnation);
    await consumer.subscribe({ topics: this.#settings.topics, fromBeginning: true });
    await this.#dismissGhost(incarnation);
    if (ended.signal.aborted) return this.#leave(incarnation);
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: SIDE_BY_SIDE_OF_A_TOPIC * this.#settings.topics.length,
      eachBatch: (payload) => this.#take(incarnation, payload),
    });
  }

  /**
   * After a crash the coordinator still waits for the member that we were, and keeps its partitions until the session
   * ends: so that member takes its leave first.
   */
  async #dismissGhost({ cluster, ended }: Incarnation): Promise<void> {
    const memberId = this.#memberId;
    if (memberId === undefined || cluster === undefined) return;
    const { groupId, connection } = this.#settings;
    for (let attempt = 0; attempt < DISMISS_TRIES && !ended.signal.aborted; attempt++) {
      try {
        const coordinator = (await cluster.findGroupCoordinator({ groupId })) as Broker & GroupCoordinator;
        await coordinator.leaveGroup({ groupId, memberId });
        this.#memberId = undefined;
        return;
      } catch (error) {
        if ((error as { type?: unknown }).type === 'UNKNOWN_MEMBER_ID') {
          this.#memberId = undefined;
          return;
        }
        // A coordinator that has just started reads its log first: joining now would mean waiting for the ghost.
        const fields = { groupId, memberId, attempt, error: describeError(error) };
        connection.logger.debug(fields, 'Former member not dismissed yet');
        await waitFor(DISMISS_WAIT_MS, ended.signal);
      }
    }
  }

  #incarnate(): Incarnation {
    const { connection, groupId, sessionTimeoutMs, maxBytesPerPartition, maxWaitMs } = this.#settings;
    const { assigner = kafkajs.PartitionAssigners.roundRobin } = this.#settings;
    let cluster: Cluster | undefined;
    const onLog = (entry: LogEntry) => {
      if (this.#current !== incarnation) return;
      if (entry.level === kafkajs.logLevel.ERROR && !this.#joined) this.#lastError = entry.log.message;
      this.#readLog(entry);
    };
    const consumer = connection.newClient({ onLog, retries: RECONNECT_TRIES }).consumer({
      groupId,
      sessionTimeout: sessionTimeoutMs,
      heartbeatInterval: Math.min(HEARTBEAT_MS, Math.floor(sessionTimeoutMs / 4)),
      rebalanceTimeout: REBALANCE_TIMEOUT_MS,
      metadataMaxAge: METADATA_MAX_AGE_MS,
      maxBytesPerPartition,
      maxBytes: MAX_BYTES_PER_FETCH,
      minBytes: 1,
      maxWaitTimeInMs: maxWaitMs,
      allowAutoTopicCreation: false,
      retry: { restartOnFailure: () => Promise.resolve(false) },
      partitionAssigners: [
        (config) => {
          cluster = config.cluster;
          decodeFetchesOf(cluster);
          return assigner(config);
        },
      ],
    });
    const ended = new AbortController();
    const incarnation: Incarnation = {
      consumer,
      ...(cluster === undefined ? {} : { cluster }),
      ended,
      lastSignMs: Date.now(),
      lastHeartbeatMs: 0,
      holds: new FetchHolds(this.#settings, ended.signal),
    };
    this.#listen(incarnation);
    return incarnation;
  }

  #listen(incarnation: Incarnation): void {
    const { consumer } = incarnation;
    const { events } = consumer;
    const isCurrent = () => this.#current === incarnation && !incarnation.ended.signal.aborted;
    consumer.on(events.FETCH_START, () => {
      incarnation.lastSignMs = Date.now();
      incarnation.holds.fetchBegins();
      // Told to stop while it was joining: kafkajs overhears that, and would hold its partitions for ever.
      if (incarnation.ended.signal.aborted) void this.#leave(incarnation);
    });
    consumer.on(events.HEARTBEAT, () => void (incarnation.lastHeartbeatMs = Date.now()));
    consumer.on(events.REBALANCING, () => {
      incarnation.lastSignMs = Date.now();
      if (isCurrent()) this.#listener.rebalancing();
    });
    consumer.on(events.GROUP_JOIN, ({ payload }) => {
      incarnation.lastSignMs = incarnation.lastHeartbeatMs = Date.now();
      if (!isCurrent()) return;
      this.#joined = true;
      this.#memberId = payload.memberId;
      const assigned = new Map(Object.entries(payload.memberAssignment));
      consumer.pause([...assigned].map(([topic, partitions]) => ({ topic, partitions })));
      this.#listener.joined(assigned);
      this.#onFirstJoin?.();
    });
    consumer.on(events.START_BATCH_PROCESS, ({ payload }) => {
      if (payload.batchSize > 0 || !isCurrent()) return;
      this.#listener.skipped(payload.topic, payload.partition, Number(payload.lastOffset) + 1);
    });
    consumer.on(events.CRASH, ({ payload }) => {
      this.#lastError = payload.error;
      incarnation.ended.abort();
    });
  }

  async #take(incarnation: Incarnation, payload: EachBatchPayload): Promise<void> {
    incarnation.payload = payload;
    const { batch } = payload;
    const isCurrent = this.#current === incarnation && !incarnation.ended.signal.aborted;
    if (!isCurrent || payload.isStale() || batch.messages.length === 0) return;
    const nextOffset = Number(batch.lastOffset()) + 1;
    const taken = this.#listener.fetched({
      topic: batch.topic,
      partition: batch.partition,
      fetchedOffset: Number((batch as Batch & { fetchedOffset: string }).fetchedOffset),
      highWatermark: Number(batch.highWatermark),
      messages: batch.messages.map(fromKafkaMessage),
      nextOffset,
    });
    // Resolving says where to fetch next and commits nothing; without it the same batch comes for ever.
    if (taken) payload.resolveOffset(batch.messages.at(-1)!.offset);
    if (taken === true) incarnation.holds.backlog();
    else if (taken !== false) await incarnation.holds.until(taken);
  }

  /** kafkajs tells of an offset out of range in its log only, before it commits the reset. */
  #readLog({ namespace, log }: LogEntry): void {
    if (namespace !== 'ConsumerGroup' || !log.message.startsWith('Offset out of range, resetting')) return;
    if (typeof log['topic'] === 'string' && typeof log['partition'] === 'number') {
      this.#listener.outOfRange(log['topic'], log['partition']);
    }
  }

  async #leave({ consumer }: Incarnation): Promise<void> {
    const waited = new AbortController();
    await Promise.race([
      consumer.disconnect().catch(() => undefined),
      waitFor(LEAVE_TIMEOUT_MS, waited.signal),
    ]);
    waited.abort();
  }
}
