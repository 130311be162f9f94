import type { MessageHandler } from '@nestjs/microservices';
import { isObservable, lastValueFrom } from 'rxjs';
import { waitFor } from './backoff.ts';
import type { BatchHandlerOptions } from './batch-handler.ts';
import type { KafkaConnection } from './connection.ts';
import { bury, toDeadLetter } from './dead-letters.ts';
import { deliver } from './deliver.ts';
import { describeError } from './faults.ts';
import type { IncomingMessage, MessageBatch } from './message.ts';
import type { KafkaObserver } from './observer.ts';
import type { PartitionWorker } from './partition-worker.ts';
import type { Publisher } from './publisher.ts';
import { withoutRedrivenForOthers } from './redrive.ts';

export interface BatchDeliverySettings {
  connection: KafkaConnection;
  /** Without prefix. */
  groupId: string;
  /** By the broker's topic. */
  handlers: ReadonlyMap<string, MessageHandler>;
  deadLetters: Publisher;
  observer: Partial<KafkaObserver>;
  heartbeat: () => Promise<void>;
}

/** Gives the batches of workers to Nest's handlers, and puts what they refuse with the dead letters. */
export class BatchDelivery {
  readonly #settings: BatchDeliverySettings;

  constructor(settings: BatchDeliverySettings) {
    this.#settings = settings;
  }

  /** Resolves to true when the effects are durable, to false when the delivery was abandoned. */
  async deliver(worker: PartitionWorker, messages: IncomingMessage[]): Promise<boolean> {
    try {
      return await this.#deliver(worker, messages);
    } catch (error) {
      // Not the handler's: an observer's or our own. Going on could lose the batch.
      const { connection, groupId } = this.#settings;
      connection.logger.error({ group: connection.withPrefix(groupId), err: error }, 'Delivery failed');
      worker.stop(`${worker.topic}[${worker.partition}]: delivery failed: ${describeError(error)}`);
      return false;
    }
  }

  async #deliver(worker: PartitionWorker, messages: IncomingMessage[]): Promise<boolean> {
    const { connection, groupId, handlers, deadLetters, observer } = this.#settings;
    const topic = connection.withoutPrefix(worker.topic);
    const { partition } = worker;
    const source = { topic, partition, group: groupId };
    const { logger } = connection;
    const ours = withoutRedrivenForOthers(messages, groupId);
    const endOfBatch = messages.at(-1)!.offset + 1;
    return deliver(ours, {
      tellsOfPassedOver: handlerOptions(handlers.get(worker.topic)).tellOfPassedOver ?? false,
      hand: (part, buried) =>
        this.#hand(worker, topic, {
          messages: part,
          buried,
          nextOffset: nextOffset(ours, part, buried, endOfBatch),
        }),
      bury: async (message, reason, detail) => {
        const letter = toDeadLetter(source, message, reason, detail);
        await bury(deadLetters, letter, logger, worker.signal);
        logger.warn(
          { ...source, offset: message.offset, reason, detail },
          'Message went to the dead letters',
        );
        observer.deadLettered?.({ topic, partition, reason });
      },
      isAbandoned: () => worker.isRetired,
      wait: (ms) => waitFor(ms, worker.signal),
      retried: (cause, error, attempt) => {
        observer.batchRetried?.({ topic, partition, cause });
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
    const { handlers, observer, heartbeat } = this.#settings;
    const handler = handlers.get(worker.topic)!;
    const startedAt = performance.now();
    const batch: MessageBatch = {
      topic,
      partition: worker.partition,
      ...part,
      highWatermark: worker.highWatermark,
      assignment: worker.assignment,
      committedOffset: Math.max(worker.committedOffset, 0),
      isStale: () => worker.isRetired,
      heartbeat,
    };
    // Nest answers with an Observable that holds the error: unless someone subscribes, it is never heard of.
    const answer: unknown = await handler(batch);
    if (isObservable(answer)) await lastValueFrom(answer, { defaultValue: undefined });
    const seconds = (performance.now() - startedAt) / 1000;
    observer.batchHandled?.({ topic, partition: worker.partition, messages: part.messages.length, seconds });
  }
}

export const handlerOptions = (handler: MessageHandler | undefined): BatchHandlerOptions =>
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
