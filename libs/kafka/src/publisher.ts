import { backoffMs, waitFor } from './backoff.ts';
import type { KafkaConnection } from './connection.ts';
import { describeError, PublisherFull, PublishTimeout } from './faults.ts';
import type { OutgoingMessage, PublishAck } from './message.ts';
import type { KafkaObserver } from './observer.ts';
import { ProduceClient, type WriteOutcome } from './produce-client.ts';
import { apart, bytesOfOutgoing, isWanted, PublishQueue, type PartitionLoad } from './publish-queue.ts';

export interface PublisherSettings {
  connection: KafkaConnection;
  /** Messages accepted and not yet acknowledged; past it callers are turned away. */
  maxQueuedMessages?: number;
  maxQueuedBytes?: number;
  maxRequestMessages?: number;
  maxRequestBytes?: number;
  /** Below the broker's `message.max.bytes`, which bounds what one request writes to one partition. */
  maxPartitionBytes?: number;
  /** How long a message is tried before its caller hears `PublishTimeout`. `Infinity`: for ever. */
  retryForMs?: number;
  connectTimeoutMs?: number;
  observer?: Partial<KafkaObserver>;
}

const RETRY_FIRST_MS = 50;
const RETRY_MAX_MS = 1_000;

/**
 * Publishes with acks=all and one request in flight: while it is, callers gather for the next. What of a request fails is
 * repeated before any other message is sent, so messages of one partition keep the order in which they were given.
 * A message may be written twice (a reply was lost), never out of order with the first of each.
 */
export class Publisher {
  readonly #connection: KafkaConnection;
  readonly #observer: Partial<KafkaObserver>;
  readonly #queue: PublishQueue;
  readonly #maxQueuedMessages: number;
  readonly #maxQueuedBytes: number;
  readonly #retryForMs: number;
  readonly #connectTimeoutMs: number;
  readonly #closed = new AbortController();
  #client: ProduceClient | undefined;
  #flushing = false;
  #idle: Promise<void> = Promise.resolve();
  #failures = 0;
  #drainUntilMs = Number.POSITIVE_INFINITY;

  constructor(settings: PublisherSettings) {
    this.#connection = settings.connection;
    this.#observer = settings.observer ?? {};
    this.#maxQueuedMessages = settings.maxQueuedMessages ?? 20_000;
    this.#maxQueuedBytes = settings.maxQueuedBytes ?? 64 * 1024 * 1024;
    this.#retryForMs = settings.retryForMs ?? 30_000;
    this.#connectTimeoutMs = settings.connectTimeoutMs ?? 60_000;
    this.#queue = new PublishQueue({
      maxRequestMessages: settings.maxRequestMessages ?? 1_000,
      maxRequestBytes: settings.maxRequestBytes ?? 8 * 1024 * 1024,
      maxPartitionBytes: settings.maxPartitionBytes ?? 900_000,
    });
  }

  /** Rejects when no broker answers within `connectTimeoutMs`. After that, lost connections are opened again for ever. */
  async connect(): Promise<void> {
    const deadlineMs = Date.now() + this.#connectTimeoutMs;
    for (let attempt = 0; ; attempt++) {
      try {
        this.#client = await this.#newClient();
        return;
      } catch (error) {
        const waitMs = backoffMs(attempt, RETRY_FIRST_MS, RETRY_MAX_MS);
        if (Date.now() + waitMs > deadlineMs || this.#closed.signal.aborted) {
          const where = this.#connection.brokers.join(',');
          throw new Error(`No Kafka broker at ${where}: ${describeError(error)}`, { cause: error });
        }
        await waitFor(waitMs, this.#closed.signal);
      }
    }
  }

  /**
   * Resolves when all of them are acknowledged by all in-sync replicas, with the last offset per partition.
   * @throws PublisherFull at once: nothing was taken. PublishTimeout: some may have been written.
   */
  publish(messages: OutgoingMessage[]): Promise<PublishAck[]> {
    if (messages.length === 0) return Promise.resolve([]);
    if (this.#closed.signal.aborted)
      return Promise.reject(new PublishTimeout('The publisher is disconnected'));
    let bytes = 0;
    try {
      for (const message of messages) bytes += checkedBytes(message);
    } catch (error) {
      return Promise.reject(error as Error);
    }
    const queued = this.#queue.messages;
    const isFull =
      queued + messages.length > this.#maxQueuedMessages || this.#queue.bytes + bytes > this.#maxQueuedBytes;
    if (isFull && queued > 0) {
      this.#observer.publishRefused?.({ messages: messages.length });
      const text = `${queued} messages wait to be published (${this.#queue.bytes} bytes), ${messages.length} more do not fit`;
      return Promise.reject(new PublisherFull(text));
    }
    const acks = this.#queue.add(messages, bytes, Date.now() + this.#retryForMs);
    if (!this.#flushing) {
      this.#flushing = true;
      this.#idle = this.#flush();
    }
    return acks;
  }

  /** Connected, and the last request went through. */
  isReady(): boolean {
    return this.#client !== undefined && this.#failures === 0 && !this.#closed.signal.aborted;
  }

  /** Takes no more, waits for what was taken (`withinMs` at most, then its callers hear `PublishTimeout`), says goodbye. */
  async disconnect({ withinMs = 10_000 }: { withinMs?: number } = {}): Promise<void> {
    this.#drainUntilMs = Date.now() + withinMs;
    this.#closed.abort();
    await this.#idle;
    await this.#client?.disconnect().catch(() => undefined);
    this.#client = undefined;
  }

  async #flush(): Promise<void> {
    // Those who publish in the same turn of the event loop go together.
    await new Promise((resolve) => setImmediate(resolve));
    /** What failed, to be sent again before anything else. */
    const again: PartitionLoad[][] = [];
    for (;;) {
      const loads = again.shift() ?? this.#queue.nextRequest();
      if (loads.length === 0) break;
      const failed = await this.#send(loads);
      const refused: PartitionLoad[] = [];
      const unsure: PartitionLoad[] = [];
      for (const { load, error } of failed) {
        const permanent = permanentError(error);
        if (permanent === undefined) unsure.push(load);
        else if (load.messages.length > 1) refused.push(load);
        else this.#queue.refuse(load, permanent);
      }
      // One message among them is not taken by the broker: one by one, so that the others do not hear of it.
      const oneByOne = refused.flatMap((load) => apart(load)).map((load) => [load]);
      if (unsure.length > 0) await this.#waitAfter(failed, unsure);
      else if (failed.length === 0) this.#failures = 0;
      const wanted = unsure.filter((load) => isWanted(load));
      if (wanted.length > 0) again.unshift(wanted);
      again.unshift(...oneByOne.filter(([load]) => isWanted(load!)));
    }
    this.#flushing = false;
  }

  /** Acknowledges what was written and returns the rest. */
  async #send(loads: PartitionLoad[]): Promise<{ load: PartitionLoad; error: unknown }[]> {
    const startedAt = performance.now();
    let outcomes: WriteOutcome[];
    try {
      const client = (this.#client ??= await this.#newClient());
      outcomes = await client.send(
        loads.map((load) => ({ ...load, topic: this.#connection.withPrefix(load.topic) })),
      );
    } catch (error) {
      return loads.map((load) => ({ load, error }));
    }
    const failed: { load: PartitionLoad; error: unknown }[] = [];
    let messages = 0;
    for (const [i, load] of loads.entries()) {
      const outcome = outcomes[i]!;
      if ('baseOffset' in outcome) {
        this.#queue.acknowledge(load, outcome.baseOffset);
        messages += load.messages.length;
      } else failed.push({ load, error: outcome.error });
    }
    const seconds = (performance.now() - startedAt) / 1000;
    if (messages > 0) this.#observer.published?.({ messages, seconds });
    return failed;
  }

  async #waitAfter(failed: { error: unknown }[], loads: PartitionLoad[]): Promise<void> {
    const error = failed[0]!.error;
    const attempt = this.#failures++;
    this.#observer.publishRetried?.();
    const waitMs = backoffMs(attempt, RETRY_FIRST_MS, RETRY_MAX_MS);
    const messages = loads.reduce((sum, load) => sum + load.messages.length, 0);
    const fields = { attempt, waitMs, messages, error: describeError(error) };
    this.#connection.logger.warn(fields, 'Produce request failed, trying it again');
    // With fresh connections and metadata: what a client knows after a fault is not to be trusted.
    const stale = this.#client;
    this.#client = undefined;
    void stale?.disconnect().catch(() => undefined);
    await waitFor(waitMs);
    const isGivenUp = this.#closed.signal.aborted && Date.now() >= this.#drainUntilMs;
    this.#queue.expire(isGivenUp ? Number.POSITIVE_INFINITY : Date.now(), error);
  }

  async #newClient(): Promise<ProduceClient> {
    const client = new ProduceClient(this.#connection);
    try {
      await client.connect();
      return client;
    } catch (error) {
      void client.disconnect().catch(() => undefined);
      throw error;
    }
  }
}

function checkedBytes(message: OutgoingMessage): number {
  if (Number.isInteger(message.partition) && message.partition >= 0) return bytesOfOutgoing(message);
  throw new TypeError(`A message for ${message.topic} names no partition: ${message.partition}`);
}

/** Answers that another try will not change. */
const PERMANENT_TYPES = new Set([
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'INVALID_TOPIC_EXCEPTION',
  'TOPIC_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'INVALID_RECORD',
  'INVALID_TIMESTAMP',
  'INVALID_REQUIRED_ACKS',
]);

function permanentError(error: unknown): Error | undefined {
  let link = error as { type?: unknown; name?: unknown; cause?: unknown; message?: string } | undefined;
  for (let depth = 0; link !== undefined && link !== null && depth < 8; depth++) {
    if (typeof link.type === 'string' && PERMANENT_TYPES.has(link.type)) {
      return new Error(`Kafka refused the message (${link.type}): ${link.message ?? ''}`, { cause: error });
    }
    link = link.cause as typeof link;
  }
  return undefined;
}
