import { describe, expect, it } from '@jest/globals';
import { bury, toDeadLetter } from './dead-letters.ts';
import { silentLogger } from './logger.ts';
import type { OutgoingMessage } from './message.ts';
import type { Publisher } from './publisher.ts';

const source = { topic: 'events.received.v1', partition: 3, group: 'dedup-meter' };
const key = Buffer.from([0xff, 0x00]);
const incoming = {
  key,
  value: Buffer.from('{'),
  headers: { ce_id: Buffer.from('1'), gone: undefined },
  timestampMs: 5,
  offset: 42,
};

function publisher(answers: (Error | undefined)[]) {
  const sent: OutgoingMessage[] = [];
  const publish = (messages: OutgoingMessage[]) => {
    sent.push(...messages);
    const error = answers.shift();
    return error ? Promise.reject(error) : Promise.resolve([]);
  };
  return { sent, it: { publish } as unknown as Publisher };
}

describe('toDeadLetter', () => {
  it('keeps key, value and headers as they came, and says why and whence', () => {
    expect(toDeadLetter(source, incoming, 'bad_json', 'x'.repeat(5_000))).toEqual({
      topic: 'events.received.v1.dlq',
      partition: 3,
      key,
      value: incoming.value,
      headers: {
        ce_id: Buffer.from('1'),
        'dlq-reason': 'bad_json',
        'dlq-detail': 'x'.repeat(1_000),
        'dlq-source-topic': 'events.received.v1',
        'dlq-source-partition': '3',
        'dlq-source-offset': '42',
        'dlq-group': 'dedup-meter',
      },
    });
  });
});

describe('bury', () => {
  const letter = toDeadLetter(source, incoming, 'bad_json', 'why');

  it('tries until the dead letter is acknowledged', async () => {
    const { it: world, sent } = publisher([new Error('away'), new Error('away'), undefined]);
    await bury(world, letter, silentLogger, new AbortController().signal);
    expect(sent).toEqual([letter, letter, letter]);
  });

  it('leaves the value out when its own headers make the message too large', async () => {
    const { it: world, sent } = publisher([
      new Error('Kafka refused the message (MESSAGE_TOO_LARGE)'),
      undefined,
    ]);
    await bury(world, letter, silentLogger, new AbortController().signal);
    expect(sent[1]).toMatchObject({
      key,
      value: null,
      headers: { 'dlq-reason': 'bad_json', 'dlq-value': expect.any(String) },
    });
  });

  it('gives up when the partition is lost', async () => {
    const lost = new AbortController();
    const { it: world, sent } = publisher([new Error('away'), new Error('away')]);
    setTimeout(() => lost.abort(), 20);
    await bury(world, letter, silentLogger, lost.signal);
    expect(sent.length).toBe(1);
  });
});
