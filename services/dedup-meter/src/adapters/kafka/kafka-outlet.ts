import type { RawMessage } from '@trackline/contracts';
import { toDeadLetter, type IncomingMessage, type OutgoingMessage, type Publisher } from '@trackline/kafka';
import type { DeadLetter } from '../../domain/verdict.ts';
import type { Acknowledgement, Outlet, PartitionedMessage } from '../../ports.ts';

/** With our headers on top a message of the largest size that the broker takes would be too large: its value stays at its source position only. */
const MAX_DEAD_VALUE_BYTES = 768 * 1024;

export class KafkaOutlet implements Outlet {
  private readonly publisher: Publisher;
  private readonly group: string;

  constructor(publisher: Publisher, group: string) {
    this.publisher = publisher;
    this.group = group;
  }

  publish(messages: readonly PartitionedMessage[]): Promise<readonly Acknowledgement[]> {
    return this.publisher.publish(messages as OutgoingMessage[]);
  }

  toDeadLetter(
    source: { readonly topic: string; readonly partition: number },
    message: RawMessage,
    { reason, detail }: DeadLetter,
  ): PartitionedMessage {
    const { topic, partition } = source;
    const letter = toDeadLetter(
      { topic, partition, group: this.group },
      message as IncomingMessage,
      reason,
      detail,
    );
    if ((message.value?.length ?? 0) <= MAX_DEAD_VALUE_BYTES) return letter;
    return {
      ...letter,
      value: null,
      headers: { ...letter.headers, 'dlq-value': 'dropped: too large with its headers' },
    };
  }
}
