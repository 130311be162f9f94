import {
  ADMITTED,
  decodeAdmitted,
  decodeOutcomes,
  decodeProgress,
  decodeRefused,
  encodeReceived,
  INBOUND,
  OUTCOMES,
  partitionOf,
  partitionsOf,
  PROGRESS,
  RECEIVED,
  REFUSED,
  topics,
  USAGE,
  type AdmittedEvent,
  type EventFacts,
  type Outcome,
  type PlanName,
  type RawMessage,
  type RefusedEvent,
  type SourceProgress,
} from '@trackline/contracts';
import { Directory, migrateDirectory, type Organization } from '@trackline/directory';
import {
  connectKafka,
  PinnedReader,
  provision,
  Publisher,
  type KafkaConnection,
  type OutgoingMessage,
} from '@trackline/kafka';
import { systemClock, uuidv7, type Clock } from '@trackline/kernel';
import { createLogger, type Logger } from '@trackline/observability';
import { createPool, type Database } from '@trackline/postgres';
import {
  createTestDatabase,
  dependenciesFromEnv,
  eventually,
  httpClient,
  uniqueName,
  type Call,
  type TestDatabase,
} from '@trackline/testkit';
import { Redis } from 'ioredis';
import { migrateLedger } from '../../src/adapters/postgres/schema.ts';
import { loadConfig, type DedupMeterConfig } from '../../src/config.ts';
import { startDedupMeter, type RunningDedupMeter } from '../../src/start-dedup-meter.ts';

export const CONTACT_PARTITIONS = 2;

const READ = [ADMITTED, REFUSED, OUTCOMES, USAGE, PROGRESS, `${INBOUND}.dlq`, `${RECEIVED}.dlq`] as const;

export interface Customer {
  readonly organization: Organization;
  readonly contactId: string;
  readonly key: string;
}

export interface RigSettings {
  /** Of the source topics: `CreateTime` lets a test choose the moment of receipt. */
  readonly timestampType?: 'CreateTime' | 'LogAppendTime';
}

/** The service itself on real Kafka, Postgres and Redis: topics and a database of its own, a hand to publish with and eyes on every topic it writes. */
export class MeterRig {
  readonly database: Database;
  readonly directory: Directory;
  readonly publisher: Publisher;
  readonly redis: Redis;
  readonly connection: KafkaConnection;
  private readonly testDatabase: TestDatabase;
  private readonly env: Record<string, string>;
  private readonly running: RunningDedupMeter[] = [];
  private readonly readers: PinnedReader[] = [];
  private readonly seen = new Map<string, { partition: number; message: RawMessage }[]>();

  private constructor(
    testDatabase: TestDatabase,
    kafkaBrokers: string,
    redisUrl: string,
    topicPrefix: string,
  ) {
    this.testDatabase = testDatabase;
    this.connection = connectKafka({ brokers: kafkaBrokers, clientId: 'meter-rig', topicPrefix });
    this.publisher = new Publisher({ connection: this.connection });
    const { databaseUrl } = testDatabase;
    this.database = createPool({ databaseUrl, max: 4, applicationName: 'meter-rig' });
    this.directory = new Directory(this.database);
    this.redis = new Redis(redisUrl);
    this.env = {
      KAFKA_BROKERS: kafkaBrokers,
      DATABASE_URL: databaseUrl,
      REDIS_URL: redisUrl,
      TOPIC_PREFIX: topicPrefix,
      CONTACT_PARTITIONS: String(CONTACT_PARTITIONS),
      ADMIN_TOKEN: 'admin-token-of-the-rig',
      HTTP_PORT: '0',
      TICK_MS: '0',
      LOG_LEVEL: process.env.LOG_LEVEL ?? 'silent',
    };
  }

  static async open({ timestampType }: RigSettings = {}): Promise<MeterRig> {
    const { databaseUrl, kafkaBrokers, redisUrl } = dependenciesFromEnv();
    const rig = new MeterRig(
      await createTestDatabase(databaseUrl, 'meter'),
      kafkaBrokers,
      redisUrl,
      `${uniqueName('dm')}.`,
    );
    await migrateDirectory(rig.testDatabase.databaseUrl);
    await migrateLedger(rig.testDatabase.databaseUrl);
    const counts = { contact: CONTACT_PARTITIONS, outcome: 1 };
    const isSource = (name: string) => name === RECEIVED || name === INBOUND;
    await provision(
      rig.connection,
      topics.map((topic) => ({
        ...topic,
        partitions: partitionsOf(topic, counts),
        timestampType: isSource(topic.name) && timestampType ? timestampType : topic.timestampType,
      })),
      { replicationFactor: 1 },
    );
    await rig.publisher.connect();
    await Promise.all(READ.map((topic) => rig.read(topic)));
    return rig;
  }

  private async read(topic: string): Promise<void> {
    const seen: { partition: number; message: RawMessage }[] = [];
    this.seen.set(topic, seen);
    const reader = new PinnedReader({
      connection: this.connection,
      topic,
      partitions: 'all',
      from: 'earliest',
      onBatch: ({ partition, messages }) => {
        for (const message of messages) {
          seen.push({
            partition,
            message: { ...message, value: message.value && Buffer.from(message.value) },
          });
        }
      },
    });
    this.readers.push(reader);
    await reader.start();
  }

  config(env: Record<string, string> = {}): DedupMeterConfig {
    return loadConfig({ ...this.env, INSTANCE_ID: uniqueName('meter'), ...env });
  }

  logger = ({ instanceId, logLevel }: DedupMeterConfig): Logger =>
    createLogger({ service: 'dedup-meter', instance: instanceId, level: logLevel });

  /** Starts the service; several may run at once, each with a port of its own. */
  async start(env: Record<string, string> = {}, clock: Clock = systemClock): Promise<RunningDedupMeter> {
    const config = this.config(env);
    const meter = await startDedupMeter(config, this.logger(config), clock);
    this.running.push(meter);
    return meter;
  }

  async stop(meter: RunningDedupMeter): Promise<void> {
    this.running.splice(this.running.indexOf(meter), 1);
    await meter.stop();
  }

  async stopAll(): Promise<void> {
    await Promise.all(this.running.splice(0).map((meter) => meter.stop()));
  }

  async customer(plan: PlanName = 'scale', monthlyLimit?: number): Promise<Customer> {
    const organization = await this.directory.createOrganization({
      name: uniqueName('org'),
      plan,
      ...(monthlyLimit === undefined ? {} : { monthlyLimit }),
    });
    const key = (await this.directory.createKey(organization.id, { name: 'test' }))!.key;
    return { organization, contactId: await this.contact(organization.id, uniqueName('contact')), key };
  }

  async contact(organizationId: string, externalId: string): Promise<string> {
    const created = await this.directory.createContact(organizationId, { externalId });
    if (created.outcome !== 'created') throw new Error(`contact not created: ${JSON.stringify(created)}`);
    return created.contact.id;
  }

  event({ organization, contactId }: Customer, facts: Partial<EventFacts> = {}): EventFacts {
    return {
      eventId: uuidv7(),
      organizationId: organization.id,
      contactId,
      name: 'viewed',
      source: `/organizations/${organization.id}/http`,
      backfill: false,
      properties: '{"a":1}',
      ...facts,
    };
  }

  /** To `events.received.v1`, as ingest does. */
  async receive(...events: readonly EventFacts[]): Promise<void> {
    await this.publisher.publish(
      events.map((event) => {
        const message = encodeReceived(event);
        return { ...message, partition: partitionOf(message.key!, CONTACT_PARTITIONS) };
      }),
    );
  }

  async inbound(...messages: readonly Omit<OutgoingMessage, 'topic' | 'partition'>[]): Promise<void> {
    await this.publisher.publish(
      messages.map((message) => ({
        ...message,
        topic: INBOUND,
        partition: partitionOf(message.key ?? '', CONTACT_PARTITIONS),
      })),
    );
  }

  messages(topic: string): readonly { partition: number; message: RawMessage }[] {
    return this.seen.get(topic)!;
  }

  admitted({ organization }: Customer): AdmittedEvent[] {
    return this.messages(ADMITTED)
      .map(({ message }) => decodeAdmitted(message))
      .filter(({ organizationId }) => organizationId === organization.id);
  }

  refused({ organization }: Customer): RefusedEvent[] {
    return this.messages(REFUSED)
      .map(({ message }) => decodeRefused(message))
      .filter(({ organizationId }) => organizationId === organization.id);
  }

  outcomes(): Outcome[] {
    return this.messages(OUTCOMES).flatMap(({ message }) => [...decodeOutcomes(message)]);
  }

  progress(): SourceProgress[] {
    return this.messages(PROGRESS).map(({ message }) => decodeProgress(message));
  }

  /** Waits until so many verdicts of the customer have been published, of either kind. */
  async verdicts(customer: Customer, count: number, withinMs = 10_000) {
    return eventually(
      () => {
        const admitted = this.admitted(customer);
        const refused = this.refused(customer);
        if (admitted.length + refused.length < count) {
          throw new Error(`${admitted.length} admitted and ${refused.length} refused of ${count}`);
        }
        return { admitted, refused };
      },
      { withinMs, everyMs: 10 },
    );
  }

  async used({ organization }: Customer): Promise<number> {
    const { rows } = await this.database.query<{ used: number }>({
      text: 'SELECT coalesce(sum(used), 0)::bigint AS used FROM dedup_meter.usage WHERE organization_id = $1',
      values: [organization.id],
    });
    return rows[0]!.used;
  }

  call(meter: RunningDedupMeter, { key }: Customer): Call {
    return httpClient(meter.url, { key });
  }

  async close(): Promise<void> {
    await this.stopAll();
    await Promise.all(this.readers.map((reader) => reader.stop()));
    await this.publisher.disconnect();
    this.redis.disconnect();
    await this.database.close();
    await this.testDatabase.drop();
  }
}
