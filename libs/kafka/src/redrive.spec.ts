import { describe, expect, it } from '@jest/globals';
import { toDeadLetter } from './dead-letters.ts';
import { decodeFetched } from './fetch-response.ts';
import type { IncomingMessage } from './message.ts';
import { batch, response } from '../test/fetch-response-bytes.ts';
import { toRedriven, withoutRedrivenForOthers } from './redrive.ts';

const key = Buffer.from([0xff, 0x00]);
const message = (offset: number, headers: Record<string, string> = {}): IncomingMessage => ({
  key,
  value: Buffer.from('{}'),
  headers: Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)])),
  timestampMs: 5,
  offset,
});
const source = { topic: 'events.admitted.v1', partition: 3, group: 'trigger' };

describe('toRedriven', () => {
  it('gives back what was buried, and names the group and where it first stood', () => {
    const { headers, value } = toDeadLetter(source, message(42, { ce_id: '1' }), 'bad', 'why');
    const letter = { ...message(7), value: value as Buffer, headers: headers as Record<string, Buffer> };
    expect(toRedriven(letter, { ...source, offset: 42 })).toEqual({
      topic: 'events.admitted.v1',
      partition: 3,
      key,
      value: Buffer.from('{}'),
      headers: {
        ce_id: Buffer.from('1'),
        'redrive-group': 'trigger',
        'redrive-of': 'events.admitted.v1/3/42',
      },
    });
  });

  it('leaves nothing of an earlier journey', () => {
    const again = message(7, { 'redrive-group': 'timeline', 'redrive-of': 'x/1/2', 'dlq-value': 'dropped' });
    expect(toRedriven(again, { ...source, offset: 50 }).headers).toEqual({
      'redrive-group': 'trigger',
      'redrive-of': 'events.admitted.v1/3/50',
    });
  });
});

describe('withoutRedrivenForOthers', () => {
  const plain = [message(0), message(1, { ce_id: '1' })];

  it('hands a batch through as it is when nothing in it was sent back', () => {
    expect(withoutRedrivenForOthers(plain, 'trigger')).toBe(plain);
  });

  it('takes a header without a value for none', () => {
    const records = batch([
      {
        headers: [
          ['before', 'b'],
          ['redrive-group', null],
          ['after', null],
        ],
      },
      {
        offsetDelta: 1,
        headers: [
          ['before', 'b'],
          ['redrive-group', 'timeline'],
        ],
      },
    ]);
    const { messages } = decodeFetched(response({ t: [{ records }] }))!.responses[0]!.partitions[0]!;
    expect(withoutRedrivenForOthers(messages, 'trigger')).toEqual([messages[0]]);
  });

  it('leaves out what is for another group, and keeps what is for this one', () => {
    const ours = message(2, { 'redrive-group': 'trigger' });
    const others = message(3, { 'redrive-group': 'timeline' });
    expect(withoutRedrivenForOthers([...plain, ours, others], 'trigger')).toEqual([...plain, ours]);
  });
});
