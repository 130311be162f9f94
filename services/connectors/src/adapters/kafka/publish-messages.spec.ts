import { describe, expect, it } from '@jest/globals';
import type { OutgoingMessage } from '@trackline/kafka';
import type { Message } from '../../ports.ts';
import { publishMessages } from './publish-messages.ts';

const message = (key: string, value = 'v'): Message => ({
  topic: 'actions.requested.v1.dlq',
  partition: 0,
  key,
  value,
  headers: { 'dlq-reason': 'gave_up' },
});

/** A broker's limit, and what lies in the topic. */
function topicThatTakes(maxBytes: number) {
  const written: OutgoingMessage[] = [];
  const publish = (messages: OutgoingMessage[]) => {
    const fits = messages.filter(({ value }) => (value?.length ?? 0) <= maxBytes);
    written.push(...fits);
    return fits.length === messages.length
      ? Promise.resolve([])
      : Promise.reject(new Error('Kafka refused the message (MESSAGE_TOO_LARGE): larger than the maximum'));
  };
  return { written, publisher: { publish } };
}

describe('a message that the broker finds too large', () => {
  it('goes without its value, and holds up none of those beside it', async () => {
    const { written, publisher } = topicThatTakes(10);
    await publishMessages(publisher)([message('a'), message('b', 'x'.repeat(11)), message('c')]);
    expect(new Set(written.map(({ key }) => key))).toEqual(new Set(['a', 'b', 'c']));
    const cut = written.find(({ key }) => key === 'b')!;
    expect(cut.value).toBeNull();
    expect(cut.headers).toEqual({
      'dlq-reason': 'gave_up',
      'dlq-value': 'dropped: too large with its headers',
    });
    expect(written.find(({ key }) => key === 'c')).toMatchObject({ value: 'v' });
  });

  it('is not taken for one when the broker is away', async () => {
    const publisher = { publish: () => Promise.reject(new Error('No Kafka broker')) };
    await expect(publishMessages(publisher)([message('a')])).rejects.toThrow('No Kafka broker');
  });
});
