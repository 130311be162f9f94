import { encodeReceived, partitionOf } from '@trackline/contracts';
import type { OutgoingMessage } from '@trackline/kafka';
import type { EventLog } from '../../ports.ts';
import { acknowledged, type AcknowledgedSettings } from './acknowledged.ts';

/** `events.received.v1`, keyed by contact: events of one contact keep the order of their requests. */
export function kafkaEventLog(settings: AcknowledgedSettings): EventLog {
  return {
    async append(events, isSafeToResend) {
      const messages = events.map((event): OutgoingMessage => {
        const message = encodeReceived(event);
        return { ...message, partition: partitionOf(message.key!, settings.contactPartitions) };
      });
      const { eventId, organizationId, requestId } = events[0]!;
      const fields = { eventId, organizationId, requestId, events: events.length };
      await acknowledged(settings, { messages, isSafeToResend, fields });
    },
  };
}
