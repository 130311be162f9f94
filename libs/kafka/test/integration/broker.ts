import { connect, type Socket } from 'node:net';
import type { Admin, ISocketFactory } from 'kafkajs';
import type { MessageHandler } from '@nestjs/microservices';
import { jest } from '@jest/globals';
import { uniqueName } from '@trackline/testkit';
import { ERRORS_PASS } from '../../src/batch-handler.ts';
import {
  connectKafka,
  KafkaBatchServer,
  provision,
  Publisher,
  type BatchServerSettings,
  type KafkaConnection,
  type KafkaConnectionSettings,
  type KafkaLogger,
  type MessageBatch,
  type OutgoingMessage,
  type TopicDeclaration,
} from '../../src/index.ts';

/** Of every file that imports this: enough on a machine that is busy with other things. */
jest.setTimeout(30_000);

/** The real broker. Throws when it is not named: these tests fail without it, they never skip. */
export function brokersFromEnv(): string {
  const brokers = process.env['KAFKA_BROKERS'];
  if (!brokers)
    throw new Error('KAFKA_BROKERS not set: these tests need a real Kafka. "npm test" brings it up.');
  return brokers;
}

export interface LogLine {
  level: keyof KafkaLogger;
  message: string;
  fields: Record<string, unknown>;
}

/** A corner of the broker with names of its own, cleaned up by `close`. */
export class TestBroker {
  readonly prefix = `${uniqueName('kafka-it')}-`;
  readonly lines: LogLine[] = [];
  readonly connection: KafkaConnection;
  readonly publisher: Publisher;
  readonly #closing: (() => Promise<unknown>)[] = [];
  #admin: Admin | undefined;

  constructor() {
    this.connection = this.connect();
    this.publisher = new Publisher({ connection: this.connection });
  }

  connect(settings: Partial<KafkaConnectionSettings> = {}): KafkaConnection {
    const log = (level: keyof KafkaLogger) => (fields: object, message: string) =>
      void this.lines.push({ level, message, fields: { ...fields } });
    const logger = { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') };
    return connectKafka({
      brokers: brokersFromEnv(),
      clientId: 'kafka-it',
      topicPrefix: this.prefix,
      logger,
      ...settings,
    });
  }

  async admin(): Promise<Admin> {
    if (!this.#admin) {
      this.#admin = this.connection.newClient().admin();
      await this.#admin.connect();
    }
    return this.#admin;
  }

  /** The topic and its dead letter topic. */
  async topic(name: string, settings: Partial<TopicDeclaration> = {}): Promise<void> {
    await provision(this.connection, [declare(name, settings), declare(`${name}.dlq`, settings)], {
      replicationFactor: 1,
    });
  }

  /** Not yet listening; closed with the broker. */
  server(
    handlers: Record<string, (batch: MessageBatch) => Promise<void>>,
    settings: Partial<BatchServerSettings> = {},
  ): KafkaBatchServer {
    const server = new KafkaBatchServer({
      connection: this.connection,
      groupId: 'group',
      deadLetters: this.publisher,
      startTimeoutMs: 15_000,
      ...settings,
    });
    for (const [topic, handler] of Object.entries(handlers)) {
      server.addHandler(topic, handler as unknown as MessageHandler, true, { [ERRORS_PASS]: true });
    }
    this.onClose(() => server.close());
    return server;
  }

  async serve(...args: Parameters<TestBroker['server']>): Promise<KafkaBatchServer> {
    const server = this.server(...args);
    await listen(server);
    return server;
  }

  onClose(close: () => Promise<unknown>): void {
    this.#closing.push(close);
  }

  async committed(topic: string, groupId = 'group'): Promise<Map<number, number>> {
    const admin = await this.admin();
    const [offsets] = await admin.fetchOffsets({
      groupId: this.prefix + groupId,
      topics: [this.prefix + topic],
    });
    return new Map(offsets!.partitions.map(({ partition, offset }) => [partition, Number(offset)]));
  }

  /** As another member of the group would have done. The group must have none now. */
  async commit(topic: string, partition: number, offset: number, groupId = 'group'): Promise<void> {
    const consumer = this.connection
      .newClient()
      .consumer({ groupId: this.prefix + groupId, maxWaitTimeInMs: 50 });
    const joined = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve));
    await consumer.subscribe({ topics: [this.prefix + topic] });
    await consumer.run({ autoCommit: false, eachBatch: () => Promise.resolve() });
    await joined;
    // kafkajs drops commits, without a word, until the task that joined is over.
    await new Promise((resolve) => setImmediate(resolve));
    await consumer.commitOffsets([{ topic: this.prefix + topic, partition, offset: String(offset) }]);
    await consumer.disconnect();
  }

  async close(): Promise<void> {
    for (const close of this.#closing.reverse()) await close();
    await this.publisher.disconnect();
    const admin = await this.admin();
    const ours = (name: string) => name.startsWith(this.prefix);
    await admin.deleteTopics({ topics: (await admin.listTopics()).filter(ours) });
    const { groups } = await admin.listGroups();
    const groupIds = groups.map(({ groupId }) => groupId).filter(ours);
    if (groupIds.length > 0) await admin.deleteGroups(groupIds).catch(() => undefined);
    await admin.disconnect();
  }
}

export function declare(name: string, settings: Partial<TopicDeclaration> = {}): TopicDeclaration {
  return {
    name,
    partitions: 3,
    retentionMs: 3_600_000,
    cleanupPolicy: 'delete',
    timestampType: 'LogAppendTime',
    ...settings,
  };
}

export function listen(server: KafkaBatchServer): Promise<void> {
  return new Promise((resolve, reject) => {
    server.listen((error) => (error === undefined ? resolve() : reject(error as Error)));
  });
}

export function message(
  topic: string,
  partition: number,
  value: string,
  more: Partial<OutgoingMessage> = {},
): OutgoingMessage {
  return { topic, partition, key: `key-${partition}`, value, headers: {}, ...more };
}

export const numbered = (topic: string, partition: number, from: number, count: number): OutgoingMessage[] =>
  Array.from({ length: count }, (_, i) => message(topic, partition, String(from + i)));

export const valuesOf = (batch: { messages: { value: Buffer | null }[] }): string[] =>
  batch.messages.map(({ value }) => String(value));

export const range = (count: number): string[] => Array.from({ length: count }, (_, i) => String(i));

/** Connections that a test can cut, and refuse. */
export class CuttableNetwork {
  readonly #open = new Set<Socket>();
  isDown = false;
  cuts = 0;

  readonly socketFactory: ISocketFactory = ({ host, port, onConnect }) => {
    // Port 1 of this machine: refused, as by a broker that is not there.
    const socket = connect(
      { host: this.isDown ? '127.0.0.1' : host, port: this.isDown ? 1 : port },
      onConnect,
    );
    socket.setNoDelay(true);
    this.#open.add(socket);
    socket.once('close', () => this.#open.delete(socket));
    return socket;
  };

  cut(): void {
    this.cuts++;
    for (const socket of this.#open) socket.destroy(Object.assign(new Error('cut'), { code: 'ECONNRESET' }));
  }
}
