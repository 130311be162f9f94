import type { EventFacts, JudgedEvent, RawMessage } from '@trackline/contracts';

/** What a message says of its event, all but whose it is. */
export type FactsBeforeContact = Omit<EventFacts, 'contactId'>;

/** The event of a source message. Its moment of receipt is the broker's append time, so it is the same whenever the message is read. */
export const toJudgedEvent = (
  facts: FactsBeforeContact,
  contactId: string,
  source: string,
  { offset, timestampMs }: RawMessage,
): JudgedEvent => ({
  ...facts,
  contactId,
  occurredAtMs: facts.occurredAtMs ?? timestampMs,
  receivedAtMs: timestampMs,
  position: { source, offset },
});
