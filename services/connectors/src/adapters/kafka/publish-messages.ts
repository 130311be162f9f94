import type { OutgoingMessage, Publisher } from '@trackline/kafka';
import type { Message } from '../../ports.ts';

/**
 * Publishes all of them or throws. One that the broker will never take, a dead letter that its headers have made too large, goes without
 * its value: the outbox is emptied from its beginning, so it would hold up everything after it. The value is still at its source position.
 */
export const publishMessages =
  (publisher: Pick<Publisher, 'publish'>) =>
  async (messages: readonly Message[]): Promise<void> => {
    try {
      await publisher.publish(messages.map(toOutgoing));
    } catch (error) {
      if (!isTooLarge(error)) throw error;
      // Nothing tells which of them it was. The others may be written twice: readers know them by their ids.
      for (const message of messages) await publishOne(publisher, toOutgoing(message));
    }
  };

async function publishOne(publisher: Pick<Publisher, 'publish'>, message: OutgoingMessage): Promise<void> {
  try {
    await publisher.publish([message]);
  } catch (error) {
    if (!isTooLarge(error)) throw error;
    await publisher.publish([
      {
        ...message,
        value: null,
        headers: { ...message.headers, 'dlq-value': 'dropped: too large with its headers' },
      },
    ]);
  }
}

const toOutgoing = (message: Message): OutgoingMessage => ({ ...message, headers: { ...message.headers } });

const isTooLarge = (error: unknown): boolean =>
  /MESSAGE_TOO_LARGE|RECORD_LIST_TOO_LARGE/.test((error as Error).message);
