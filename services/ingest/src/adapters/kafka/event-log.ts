import { contactKey, encodeReceived, partitionOf } from '@trackline/contracts';
import { PublisherFull, PublishTimeout, type OutgoingMessage, type Publisher } from '@trackline/kafka';
import type { Logger } from '@trackline/observability';
import { nothingRecorded, perhapsRecorded } from '../../domain/unavailable.ts';
import type { EventLog } from '../../ports.ts';

export interface EventLogSettings {
  readonly publisher: Pick<Publisher, 'publish'>;
  readonly contactPartitions: number;
  /** After which the caller hears that it is not known whether the broker has the events. */
  readonly timeoutMs: number;
  readonly logger: Pick<Logger, 'warn'>;
}

/** `events.received.v1`, keyed by contact: events of one contact keep the order of their requests. */
export function kafkaEventLog({
  publisher,
  contactPartitions,
  timeoutMs,
  logger,
}: EventLogSettings): EventLog {
  return {
    async append(events, isSafeToResend) {
      const messages = events.map((event): OutgoingMessage => {
        const partition = partitionOf(contactKey(event.organizationId, event.contactId), contactPartitions);
        return { ...encodeReceived(event), partition };
      });
      try {
        await within(timeoutMs, publisher.publish(messages));
      } catch (error) {
        if (error instanceof PublisherFull)
          throw nothingRecorded('Too many events are waiting for the broker.', error);
        const { eventId, organizationId, requestId } = events[0]!;
        const fields = { err: error, eventId, organizationId, requestId, events: events.length };
        logger.warn(fields, 'it is not known whether the broker has the events');
        throw perhapsRecorded(isSafeToResend, error);
      }
    },
  };
}

/** The publisher gives up between two tries only, and one try can outlast the caller's patience. */
async function within(ms: number, published: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new PublishTimeout(`Not acknowledged within ${ms} ms`)), ms);
  });
  try {
    await Promise.race([published, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}
