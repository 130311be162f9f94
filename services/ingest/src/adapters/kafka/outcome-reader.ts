import { decodeOutcomes, OUTCOMES } from '@trackline/contracts';
import { PinnedReader, type KafkaConnection, type PinnedBatch } from '@trackline/kafka';
import type { Logger } from '@trackline/observability';
import type { OutcomeDesk } from '../../pipeline/outcome-desk.ts';

export interface OutcomeReaderSettings {
  readonly connection: KafkaConnection;
  readonly partition: number;
  readonly desk: Pick<OutcomeDesk, 'deliver'>;
  readonly logger: Logger;
}

/** Brings the outcomes of one partition to those who wait for them. Starts at its end: what was there before nobody here waits for. */
export function outcomeReader({ connection, partition, desk, logger }: OutcomeReaderSettings): PinnedReader {
  return new PinnedReader({
    connection,
    topic: OUTCOMES,
    partitions: [partition],
    from: 'latest',
    onBatch: ({ messages }: PinnedBatch) => {
      for (const message of messages) {
        try {
          desk.deliver(decodeOutcomes(message));
        } catch (err) {
          // Thrown on, it would come again for ever, and nobody behind it would get an answer.
          logger.error({ err, partition, offset: message.offset }, 'an outcome could not be read');
        }
      }
    },
  });
}
