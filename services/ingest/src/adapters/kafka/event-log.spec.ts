import { describe, expect, it } from '@jest/globals';
import { partitionOf, type EventFacts } from '@trackline/contracts';
import { PublisherFull, PublishTimeout, type OutgoingMessage } from '@trackline/kafka';
import { kafkaEventLog } from './event-log.ts';

const event: EventFacts = {
  eventId: 'e',
  organizationId: 'o',
  contactId: 'c',
  name: 'n',
  source: 's',
  backfill: false,
  properties: '{}',
};
const logger = { warn: () => undefined };
const failing = (error: Error) =>
  kafkaEventLog({
    publisher: { publish: () => Promise.reject(error) },
    contactPartitions: 6,
    timeoutMs: 1_000,
    logger,
  });

describe('the event log', () => {
  it('puts an event where all events of its contact go', async () => {
    const sent: OutgoingMessage[] = [];
    const log = kafkaEventLog({
      publisher: { publish: async (messages) => (sent.push(...messages), []) },
      contactPartitions: 6,
      timeoutMs: 1_000,
      logger,
    });
    await log.append([event], true);
    expect(sent).toMatchObject([
      { topic: 'events.received.v1', key: 'o:c', partition: partitionOf('o:c', 6) },
    ]);
  });

  it('says that nothing was recorded when the queue is full', async () => {
    await expect(failing(new PublisherFull('x')).append([event], false)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('Nothing was recorded'),
      options: { headers: { 'Retry-After': '1' } },
    });
  });

  it.each([
    [true, 'it counts once'],
    [false, 'may count twice'],
  ])('says honestly what it does not know (safe to resend: %p)', async (isSafe, words) => {
    await expect(failing(new PublishTimeout('x')).append([event], isSafe)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringMatching(new RegExp(`may or may not have been recorded.*${words}`)),
    });
  });

  it('does not wait longer than its caller, however long the publisher tries', async () => {
    const never = new Promise<never>(() => undefined);
    const log = kafkaEventLog({
      publisher: { publish: () => never },
      contactPartitions: 6,
      timeoutMs: 5,
      logger,
    });
    await expect(log.append([event], true)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});
