import { describe, expect, it } from '@jest/globals';
import { countLetters, sortPost, type DeadMessage } from './letter.ts';

let nextOffset = 0;

function dead(headers: Record<string, string>, more: Partial<DeadMessage> = {}): DeadMessage {
  return {
    key: null,
    value: null,
    headers: Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)])),
    timestampMs: 1_000 + nextOffset,
    offset: nextOffset++,
    partition: 0,
    ...more,
  };
}

const letter = (more: Record<string, string> = {}, message: Partial<DeadMessage> = {}): DeadMessage =>
  dead(
    {
      'dlq-reason': 'invalid',
      'dlq-detail': 'why',
      'dlq-source-topic': 'events.inbound.v1',
      'dlq-source-partition': '2',
      'dlq-source-offset': String(nextOffset),
      'dlq-group': 'dedup-meter',
      ...more,
    },
    message,
  );

const mark = ({ offset, partition }: DeadMessage): DeadMessage =>
  dead({ 'dlq-sent-back': String(offset) }, { partition });

describe('the post of a dead letter topic', () => {
  it('is its letters, oldest first, whichever partition they lie in', () => {
    const [late, early] = [letter({}, { timestampMs: 9 }), letter({}, { timestampMs: 3, partition: 1 })];
    expect(sortPost([late, early], {}).letters.map(({ message }) => message)).toEqual([early, late]);
  });

  it('is without what was sent back, unless that is wanted again', () => {
    const [sent, left] = [letter(), letter()];
    const elsewhere = { ...mark(sent), partition: 5 };
    expect(sortPost([sent, left, elsewhere], {}).letters).toHaveLength(2);
    const post = sortPost([sent, left, mark(sent)], {});
    expect(post.letters.map(({ offset }) => offset)).toEqual([left.offset]);
    expect(post.sentBefore).toBe(1);
    expect(sortPost([sent, left, mark(sent)], { again: true }).letters).toHaveLength(2);
  });

  it('holds a message that was buried twice once, and one that two groups buried twice', () => {
    const first = letter({ 'dlq-source-offset': '7' });
    const second = letter({ 'dlq-source-offset': '7' });
    expect(sortPost([first, second], {}).letters.map(({ offset }) => offset)).toEqual([second.offset]);
    expect(
      sortPost([first, letter({ 'dlq-source-offset': '7', 'dlq-group': 'other' })], {}).letters,
    ).toHaveLength(2);
  });

  it('is chosen from by reason and group', () => {
    const post = [letter(), letter({ 'dlq-reason': 'undecodable' }), letter({ 'dlq-group': 'timeline' })];
    expect(sortPost(post, { reason: 'invalid' }).letters).toHaveLength(2);
    expect(sortPost(post, { reason: 'invalid', group: 'timeline' }).letters).toHaveLength(1);
    expect(sortPost(post, { reason: 'other' }).letters).toEqual([]);
  });

  it('tells of messages that are none of ours, and does not touch them', () => {
    const wrong = [dead({}), letter({ 'dlq-source-offset': '-1' }), letter({ 'dlq-group': '' })];
    expect(sortPost(wrong, {})).toEqual({ letters: [], sentBefore: 0, strange: 3 });
  });

  it('is counted by reason and group, with the latest as an example', () => {
    const { letters } = sortPost(
      [
        letter(),
        letter({ 'dlq-detail': 'latest', 'dlq-value': 'dropped' }),
        letter({ 'dlq-reason': 'undecodable' }),
      ],
      {},
    );
    expect(countLetters(letters)).toEqual([
      expect.objectContaining({
        reason: 'invalid',
        group: 'dedup-meter',
        letters: 2,
        lackingBody: 1,
        latest: expect.objectContaining({ detail: 'latest' }),
      }),
      expect.objectContaining({ reason: 'undecodable', letters: 1, lackingBody: 0 }),
    ]);
  });
});
