import { contactKey, encodeReceived, partitionOf } from '@trackline/contracts';
import { PublisherFull, type OutgoingMessage, type Publisher } from '@trackline/kafka';
import { nothingRecorded, perhapsRecorded } from '../../domain/unavailable.ts';
import type { EventLog } from '../../ports.ts';

/** `events.received.v1`, keyed by contact: events of one contact keep the order of their requests. */
export function kafkaEventLog(publisher: Pick<Publisher, 'publish'>, contactPartitions: number): EventLog {
  return {
    async append(events, isSafeToResend) {
      const messages = events.map((event): OutgoingMessage => {
        const partition = partitionOf(contactKey(event.organizationId, event.contactId), contactPartitions);
        return { ...encodeReceived(event), partition };
      });
      try {
        await publisher.publish(messages);
      } catch (error) {
        if (error instanceof PublisherFull)
          throw nothingRecorded('Too many events are waiting for the broker.', error);
        throw perhapsRecorded(isSafeToResend, error);
      }
    },
  };
}
