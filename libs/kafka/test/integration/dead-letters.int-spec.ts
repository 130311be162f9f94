import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '@trackline/testkit';
import { PinnedReader, PoisonMessage, type IncomingMessage, type MessageBatch } from '../../src/index.ts';
import { message, numbered, range, TestBroker, valuesOf } from './broker.ts';

describe('dead letters', () => {
  const broker = new TestBroker();
  beforeAll(() => broker.publisher.connect());
  afterAll(() => broker.close());

  async function readAll(topic: string): Promise<{ partition: number; message: IncomingMessage }[]> {
    const seen: { partition: number; message: IncomingMessage }[] = [];
    const reader = new PinnedReader({
      connection: broker.connection,
      topic,
      partitions: 'all',
      from: 'earliest',
      onBatch: ({ partition, messages }) =>
        void seen.push(...messages.map((each) => ({ partition, message: each }))),
    });
    await reader.start();
    broker.onClose(() => reader.stop());
    return seen;
  }

  it('a poison message lands there at once, as it came, with its reason, and its partition moves on', async () => {
    await broker.topic('poison');
    const letters = await readAll('poison.dlq');
    const handled: string[] = [];
    const handler = (batch: MessageBatch) => {
      const bad = batch.messages.find(({ value }) => String(value) === '{');
      if (bad) return Promise.reject(new PoisonMessage(bad.offset, 'bad_json', 'unexpected end'));
      return Promise.resolve(void handled.push(...valuesOf(batch)));
    };
    const dead: string[] = [];
    const observer = { deadLettered: ({ reason }: { reason: string }) => void dead.push(reason) };
    await broker.publisher.publish([
      message('poison', 1, 'before'),
      message('poison', 1, '{', { key: 'the key', headers: { ce_id: 'e1' } }),
      message('poison', 1, 'after'),
    ]);
    const server = await broker.serve({ poison: handler }, { groupId: 'poison', observer });
    await eventually(() => letters.length === 1 && handled.length === 2);
    expect(handled).toEqual(['before', 'after']);
    expect(dead).toEqual(['bad_json']);
    const [{ partition, message: letter }] = letters as [(typeof letters)[0]];
    expect(partition).toBe(1);
    expect(String(letter.key)).toBe('the key');
    expect(String(letter.value)).toBe('{');
    expect(
      Object.fromEntries(Object.entries(letter.headers).map(([name, value]) => [name, String(value)])),
    ).toEqual({
      ce_id: 'e1',
      'dlq-reason': 'bad_json',
      'dlq-detail': 'unexpected end',
      'dlq-source-topic': 'poison',
      'dlq-source-partition': '1',
      'dlq-source-offset': '1',
      'dlq-group': 'poison',
    });
    await server.close();
    expect((await broker.committed('poison', 'poison')).get(1)).toBe(3);
  });

  it('a message that the handler cannot take is found by halving; all others are handled, once, in order', async () => {
    await broker.topic('bisect');
    const letters = await readAll('bisect.dlq');
    await broker.publisher.publish(numbered('bisect', 0, 0, 200));
    const handled: string[] = [];
    const handler = (batch: MessageBatch) => {
      const values = valuesOf(batch);
      if (values.includes('17') || values.includes('150')) return Promise.reject(new Error('no such column'));
      return Promise.resolve(void handled.push(...values));
    };
    const server = await broker.serve({ bisect: handler }, { groupId: 'bisect' });
    await eventually(() => letters.length === 2 && handled.length === 198);
    expect(handled).toEqual(range(200).filter((value) => value !== '17' && value !== '150'));
    expect(letters.map(({ message: { value } }) => String(value))).toEqual(['17', '150']);
    for (const { message: letter } of letters) {
      expect(String(letter.headers['dlq-reason'])).toBe('handler_failed');
      expect(String(letter.headers['dlq-detail'])).toBe('Error: no such column');
    }
    await server.close();
    expect((await broker.committed('bisect', 'bisect')).get(0)).toBe(200);
  });

  it('nothing moves past a poison message before its dead letter is acknowledged', async () => {
    await broker.topic('guarded');
    await broker.publisher.publish(numbered('guarded', 0, 0, 2));
    const published: string[] = [];
    let isAway = true;
    const deadLetters = {
      publish: (messages: unknown[]) => {
        published.push(String(messages.length));
        return isAway ? Promise.reject(new Error('away')) : Promise.resolve([]);
      },
    } as never;
    const handled: string[] = [];
    const handler = (batch: MessageBatch) => {
      if (batch.messages[0]!.offset === 0) return Promise.reject(new PoisonMessage(0, 'bad', 'why'));
      return Promise.resolve(void handled.push(...valuesOf(batch)));
    };
    const server = await broker.serve({ guarded: handler }, { groupId: 'guarded', deadLetters });
    await eventually(() => published.length === 3);
    expect(handled).toEqual([]);
    await server.commitNow();
    expect((await broker.committed('guarded', 'guarded')).get(0)).not.toBe(1);
    isAway = false;
    await eventually(() => handled.length === 1);
    await server.close();
  });
});
