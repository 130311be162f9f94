import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern } from '@nestjs/microservices';
import { eventually } from '@trackline/testkit';
import {
  BatchHandler,
  DependencyFault,
  KafkaBatchServer,
  PoisonMessage,
  type MessageBatch,
} from '../../src/index.ts';
import { message, TestBroker, valuesOf } from './broker.ts';

describe('in a Nest application', () => {
  const broker = new TestBroker();
  beforeAll(() => broker.publisher.connect());
  afterAll(() => broker.close());

  const strategy = (groupId: string, topics?: string[]) =>
    new KafkaBatchServer({
      connection: broker.connection,
      groupId,
      deadLetters: broker.publisher,
      ...(topics === undefined ? {} : { topics }),
    });

  it('errors reach the transport as they were thrown, and decide what becomes of the batch', async () => {
    await broker.topic('orders');
    await broker.topic('notes');
    const log: string[] = [];
    @Controller()
    class Consumer {
      @BatchHandler('orders', { maxBatchMessages: 2 })
      async orders(batch: MessageBatch): Promise<void> {
        await Promise.resolve();
        log.push(valuesOf(batch).join());
        if (log.length === 1) throw new DependencyFault('away');
        const bad = batch.messages.find(({ value }) => String(value) === 'bad');
        if (bad) throw new PoisonMessage(bad.offset, 'bad', 'why');
      }

      @BatchHandler('notes')
      notes(batch: MessageBatch): void {
        log.push(`${batch.topic}: ${valuesOf(batch).join()}`);
      }
    }
    @Module({ controllers: [Consumer] })
    class AppModule {}
    const server = strategy('nest');
    const app = await NestFactory.createMicroservice(AppModule, { strategy: server, logger: false });
    await broker.publisher.publish(['a', 'bad', 'b'].map((value) => message('orders', 0, value)));
    await app.listen();
    await eventually(() => log.length === 4);
    await broker.publisher.publish([message('notes', 0, 'hello')]);
    await eventually(() => log.length === 5);
    expect(log).toEqual(['a,bad', 'a,bad', 'a', 'b', 'notes: hello']);
    await app.close();
    expect((await broker.committed('orders', 'nest')).get(0)).toBe(3);
    expect(server.isReady()).toBe(false);
  });

  it('a server takes the handlers of its topics only', async () => {
    await broker.topic('mine');
    const seen: string[] = [];
    @Controller()
    class Consumer {
      @BatchHandler('mine')
      mine(batch: MessageBatch): void {
        seen.push(...valuesOf(batch));
      }

      @BatchHandler('of another group')
      other(): void {
        seen.push('other');
      }
    }
    @Module({ controllers: [Consumer] })
    class AppModule {}
    const server = strategy('mine', ['mine']);
    const app = await NestFactory.createMicroservice(AppModule, { strategy: server, logger: false });
    await app.listen();
    await broker.publisher.publish([message('mine', 0, 'x')]);
    await eventually(() => seen.length === 1);
    expect(server.assignments().every(({ topic }) => topic === 'mine')).toBe(true);
    await app.close();
  });

  it('refuses a bare @EventPattern, whose errors Nest would hide', async () => {
    @Controller()
    class Consumer {
      @EventPattern('orders')
      orders(_batch: MessageBatch): void {}
    }
    @Module({ controllers: [Consumer] })
    class AppModule {}
    const app = await NestFactory.createMicroservice(AppModule, {
      strategy: strategy('bare'),
      logger: false,
      abortOnError: false,
    });
    await expect(app.listen()).rejects.toThrow('@BatchHandler(topic)');
  });

  it('says what is missing when a listed topic has no handler', async () => {
    const server = strategy('none', ['orders']);
    const listening = new Promise((resolve) => server.listen(resolve));
    await expect(listening).resolves.toMatchObject({ message: 'No handler for topic orders' });
  });
});
