import { decodeProgress, PROGRESS } from '@trackline/contracts';
import { PinnedReader, type KafkaConnection } from '@trackline/kafka';
import type { Logger } from '@trackline/observability';
import type { OwnPartitions } from '../../pipeline/partition-state.ts';

/** Follows what the sources say of themselves, from the beginning of what the topic has kept. */
export const progressReader = (
  connection: KafkaConnection,
  own: OwnPartitions,
  logger: Logger,
): PinnedReader =>
  new PinnedReader({
    connection,
    topic: PROGRESS,
    partitions: [0],
    from: 'earliest',
    onBatch: ({ messages }) => {
      for (const message of messages) {
        if (message.value === null) continue;
        try {
          own.learn(decodeProgress(message));
        } catch (err) {
          logger.warn({ err, offset: message.offset }, 'a progress message cannot be read: passed over');
        }
      }
    },
  });
