import { contactKey, encodeTouchedConversation, partitionOf } from '@trackline/contracts';
import type { OutgoingMessage } from '@trackline/kafka';
import type { ConversationLog } from '../../ports.ts';
import { acknowledged, type AcknowledgedSettings } from './acknowledged.ts';

/** `conversations.touched.v1`, keyed by contact. */
export function kafkaConversationLog(settings: AcknowledgedSettings): ConversationLog {
  return {
    async append(touches) {
      const messages = touches.map((touch): OutgoingMessage => {
        const key = contactKey(touch.organizationId, touch.contactId);
        return {
          ...encodeTouchedConversation(touch),
          partition: partitionOf(key, settings.contactPartitions),
        };
      });
      const fields = { organizationId: touches[0]!.organizationId, conversations: touches.length };
      await acknowledged(settings, { messages, isSafeToResend: true, fields });
    },
  };
}
