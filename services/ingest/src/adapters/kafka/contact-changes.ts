import { encodeContactChange, partitionOf, type ContactChange } from '@trackline/contracts';
import type { OutgoingMessage, Publisher } from '@trackline/kafka';

/** `contacts.changed.v1`. Resolves when the broker has acknowledged all of them. */
export const publishContactChanges =
  (publisher: Pick<Publisher, 'publish'>, contactPartitions: number) =>
  async (changes: readonly ContactChange[]): Promise<void> => {
    await publisher.publish(
      changes.map((change): OutgoingMessage => {
        const message = encodeContactChange(change);
        return { ...message, partition: partitionOf(message.key ?? '', contactPartitions) };
      }),
    );
  };
