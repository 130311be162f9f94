import { randomUUID } from 'node:crypto';
import kafkajs, { type PartitionAssigner } from 'kafkajs';
import { backoffMs, waitFor } from './backoff.ts';
import type { KafkaConnection } from './connection.ts';
import { GroupConsumer, type FetchedChunk } from './group-consumer.ts';
import { unpacked, type IncomingMessage } from './message.ts';
import { persist, Positions } from './positions.ts';

const { AssignerProtocol } = kafkajs;

export interface PinnedBatch {
  /** Without prefix. */
  topic: string;
  partition: number;
  messages: IncomingMessage[];
  highWatermark: number;
}

export interface PinnedReaderSettings {
  connection: KafkaConnection;
  /** Without prefix. */
  topic: string;
  partitions: number[] | 'all';
  /** Where to begin at `start`. A connection lost later goes on where it was. */
  from: 'latest' | 'earliest';
  /** One at a time per partition. When it throws, the same batch comes again. */
  onBatch(batch: PinnedBatch): void | Promise<void>;
  maxBytesPerPartition?: number;
  maxWaitMs?: number;
  startTimeoutMs?: number;
}

/** What is read and not yet handed over, per partition, before fetching pauses. */
const MAX_WAITING_MESSAGES = 5_000;

interface Position {
  /** Of the next message to fetch; undefined until found out. */
  expectedOffset: number | undefined;
  isLocating: boolean;
  waiting: PinnedBatch[];
  waitingMessages: number;
  isHanding: boolean;
  isPaused: boolean;
}

/**
 * Reads partitions of one topic alone, whoever else reads them: each reader is a group of its own, whose assigner gives
 * it just its partitions. Commits nothing; a reader begins anew with each process.
 */
export class PinnedReader {
  readonly #settings: PinnedReaderSettings;
  readonly #connection: KafkaConnection;
  readonly #topic: string;
  readonly #positions: Positions;
  readonly #partitions = new Map<number, Position>();
  readonly #stopping = new AbortController();
  readonly #consumer: GroupConsumer;
  #generation = new AbortController();
  #located: (() => void) | undefined;
  #isLocated = false;

  constructor(settings: PinnedReaderSettings) {
    this.#settings = settings;
    this.#connection = settings.connection;
    this.#topic = settings.connection.withPrefix(settings.topic);
    this.#positions = new Positions(settings.connection);
    this.#consumer = new GroupConsumer(
      {
        connection: settings.connection,
        groupId: settings.connection.withPrefix(`reader-${settings.topic}-${randomUUID()}`),
        topics: [this.#topic],
        sessionTimeoutMs: 10_000,
        maxBytesPerPartition: settings.maxBytesPerPartition ?? 1024 * 1024,
        maxWaitMs: settings.maxWaitMs ?? 100,
        assigner: pinTo(settings.partitions),
      },
      {
        joined: (assigned) => this.#joined(assigned.get(this.#topic) ?? []),
        rebalancing: () => undefined,
        lost: () => this.#lost(),
        fetched: (chunk) => this.#accept(chunk),
        skipped: (_topic, partition, nextOffset) => {
          const position = this.#partitions.get(partition);
          if (position?.expectedOffset === undefined || position.isLocating) return;
          position.expectedOffset = Math.max(position.expectedOffset, nextOffset);
        },
        outOfRange: () => undefined,
      },
    );
  }

  /** Resolves when the positions are fixed: with `latest`, all that is published after is read. */
  async start(): Promise<void> {
    const located = new Promise<void>((resolve) => (this.#located = resolve));
    await this.#consumer.start(this.#settings.startTimeoutMs ?? 60_000);
    await located;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#generation.abort();
    this.#located?.();
    await this.#consumer.stop();
    await this.#positions.close();
  }

  isReady(): boolean {
    return this.#consumer.isMember && this.#isLocated && !this.#stopping.signal.aborted;
  }

  #joined(partitions: number[]): void {
    this.#lost();
    this.#generation = new AbortController();
    void this.#locate(partitions, this.#generation.signal);
  }

  #lost(): void {
    this.#generation.abort();
    this.#isLocated = false;
  }

  async #locate(partitions: number[], signal: AbortSignal): Promise<void> {
    const bounds = await persist('Looking up offsets', this.#connection, signal, async () => {
      const found = await this.#positions.bounds(this.#topic);
      for (const partition of partitions)
        if (!found.has(partition)) throw new Error(`No partition ${partition}`);
      return found;
    });
    if (!bounds || signal.aborted) return;
    for (const partition of partitions) {
      const { low, high } = bounds.get(partition)!;
      const position = this.#partitions.get(partition) ?? newPosition();
      this.#partitions.set(partition, position);
      const isFirst = position.expectedOffset === undefined;
      let next = position.expectedOffset ?? (this.#settings.from === 'latest' ? high : low);
      if (next < low || next > high) {
        this.#connection.logger.error(
          { topic: this.#topic, partition, expected: next, low, high },
          'Messages were lost to this reader: it goes on at what is left',
        );
        next = low;
      }
      // Partitions that were added later begin at their beginning: nothing in them was there before.
      if (isFirst && this.#located === undefined) next = low;
      position.expectedOffset = next;
      position.isLocating = false;
      this.#consumer.startAt(this.#topic, partition, next);
      if (position.isPaused) this.#consumer.pause(this.#topic, partition);
    }
    this.#isLocated = true;
    this.#located?.();
    this.#located = undefined;
  }

  #accept(chunk: FetchedChunk): boolean {
    const position = this.#partitions.get(chunk.partition);
    if (!position || position.isLocating || this.#stopping.signal.aborted) return false;
    if (chunk.fetchedOffset !== position.expectedOffset) {
      position.isLocating = true;
      this.#consumer.pause(this.#topic, chunk.partition);
      void this.#locate([chunk.partition], this.#generation.signal);
      return false;
    }
    position.expectedOffset = chunk.nextOffset;
    const { topic } = this.#settings;
    const { partition, messages, highWatermark } = chunk;
    position.waiting.push({ topic, partition, messages, highWatermark });
    position.waitingMessages += messages.length;
    if (position.waitingMessages > MAX_WAITING_MESSAGES && !position.isPaused) {
      position.isPaused = true;
      this.#consumer.pause(this.#topic, partition);
    }
    if (!position.isHanding) void this.#handOver(partition, position);
    return true;
  }

  async #handOver(partition: number, position: Position): Promise<void> {
    position.isHanding = true;
    for (let batch = position.waiting[0]; batch !== undefined; batch = position.waiting[0]) {
      for (let attempt = 0; !this.#stopping.signal.aborted; attempt++) {
        try {
          await this.#settings.onBatch({ ...batch, messages: batch.messages.map(unpacked) });
          break;
        } catch (error) {
          const fields = {
            topic: batch.topic,
            partition,
            firstOffset: batch.messages[0]!.offset,
            attempt,
            err: error,
          };
          this.#connection.logger.error(fields, 'onBatch failed, the batch comes again');
          await waitFor(backoffMs(attempt, 50, 5_000), this.#stopping.signal);
        }
      }
      position.waiting.shift();
      position.waitingMessages -= batch.messages.length;
      if (position.isPaused && position.waitingMessages < MAX_WAITING_MESSAGES / 2) {
        position.isPaused = false;
        if (!position.isLocating) this.#consumer.resume(this.#topic, partition);
      }
    }
    position.isHanding = false;
  }
}

function newPosition(): Position {
  return {
    expectedOffset: undefined,
    isLocating: true,
    waiting: [],
    waitingMessages: 0,
    isHanding: false,
    isPaused: false,
  };
}

/** Gives every member the same partitions; there is only one member. */
function pinTo(pinned: number[] | 'all'): PartitionAssigner {
  const name = 'PinnedAssigner';
  const version = 0;
  return ({ cluster }) => ({
    name,
    version,
    protocol: ({ topics }) => ({
      name,
      metadata: AssignerProtocol.MemberMetadata.encode({ version, topics, userData: Buffer.alloc(0) }),
    }),
    assign: ({ members, topics }) =>
      Promise.resolve(
        members.map(({ memberId }) => {
          const assignment = Object.fromEntries(
            topics.map((topic) => [
              topic,
              pinned === 'all'
                ? cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId)
                : pinned,
            ]),
          );
          return {
            memberId,
            memberAssignment: AssignerProtocol.MemberAssignment.encode({
              version,
              assignment,
              userData: Buffer.alloc(0),
            }),
          };
        }),
      ),
  });
}
