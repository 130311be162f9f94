import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { REDRIVE_GROUP } from '@trackline/contracts';
import { eventually } from '@trackline/testkit';
import type { MessageHandler } from '@nestjs/microservices';
import { ERRORS_PASS } from '../../src/batch-handler.ts';
import { groupPositions, PoisonMessage, readToEnd, type MessageBatch } from '../../src/index.ts';
import { listen, message, numbered, TestBroker, valuesOf } from './broker.ts';

describe('a message that was sent back from the dead letters', () => {
  const broker = new TestBroker();
  beforeAll(() => broker.publisher.connect());
  afterAll(() => broker.close());

  const sentBack = (topic: string, value: string, group: string) =>
    message(topic, 0, value, { headers: { [REDRIVE_GROUP]: group } });

  it('reaches the group that it is for and no other; the others go on over it', async () => {
    await broker.topic('shared');
    await broker.publisher.publish([
      message('shared', 0, 'for all'),
      sentBack('shared', 'for one', 'one'),
      sentBack('shared', 'for another', 'another'),
    ]);
    const seen: string[] = [];
    const handler = (batch: MessageBatch) => Promise.resolve(void seen.push(...valuesOf(batch)));
    const server = await broker.serve({ shared: handler }, { groupId: 'one' });
    await eventually(() => seen.length === 2);
    await server.close();
    expect(seen).toEqual(['for all', 'for one']);
    expect(await groupPositions(broker.connection, 'one', 'shared')).toContainEqual({
      partition: 0,
      committed: 3,
      end: 3,
    });
  });

  it('is told of to a handler that asks, as is what was buried: also when nothing else is in the batch', async () => {
    await broker.topic('told');
    const told: { values: string[]; buried: string[]; nextOffset: number }[] = [];
    const server = broker.server({}, { groupId: 'one', topics: ['told'], maxBatchMessages: 10 });
    const handler = (batch: MessageBatch) => {
      const bad = batch.messages.find(({ value }) => String(value) === 'bad');
      if (bad) return Promise.reject(new PoisonMessage(bad.offset, 'bad', 'why'));
      const { buried, nextOffset } = batch;
      return Promise.resolve(
        void told.push({ values: valuesOf(batch), buried: valuesOf({ messages: buried }), nextOffset }),
      );
    };
    const extras = { [ERRORS_PASS]: true, tellOfPassedOver: true };
    server.addHandler('told', handler as unknown as MessageHandler, true, extras);
    await broker.publisher.publish([message('told', 0, 'bad')]);
    await listen(server);
    await eventually(() => told.length === 1);
    await broker.publisher.publish([sentBack('told', 'x', 'another')]);
    await eventually(() => told.length === 2);
    await broker.publisher.publish([
      message('told', 0, 'bad'),
      message('told', 0, 'good'),
      sentBack('told', 'y', 'another'),
    ]);
    await eventually(() => told.at(-1)?.nextOffset === 5);
    expect(told.slice(0, 2)).toEqual([
      { values: [], buried: ['bad'], nextOffset: 1 },
      { values: [], buried: [], nextOffset: 2 },
    ]);
    expect(told.slice(2).flatMap(({ values }) => values)).toEqual(['good']);
    expect(told.slice(2).flatMap(({ buried }) => buried)).toEqual(['bad']);
    await server.close();
  });

  it('is found by reading a topic to the end that it had, once', async () => {
    await broker.topic('whole');
    await broker.publisher.publish([...numbered('whole', 0, 0, 700), ...numbered('whole', 2, 700, 3)]);
    const seen: string[] = [];
    await readToEnd({
      connection: broker.connection,
      topic: 'whole',
      onMessage: ({ partition, value }) => seen.push(`${partition}:${String(value)}`),
    });
    expect(seen.length).toBe(703);
    expect(seen).toEqual(expect.arrayContaining(['0:0', '0:699', '2:702']));
    await readToEnd({
      connection: broker.connection,
      topic: 'whole.dlq',
      onMessage: () => seen.push('none'),
    });
    expect(seen.length).toBe(703);
  });
});
