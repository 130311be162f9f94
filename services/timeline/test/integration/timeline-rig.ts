import {
  ACTIONS_COMPLETED,
  ADMITTED,
  CONTACTS,
  CONVERSATIONS,
  encodeAdmitted,
  encodeCompletedAction,
  encodeContactChange,
  encodeExecution,
  encodeRefused,
  encodeTouchedConversation,
  EXECUTIONS,
  partitionOf,
  partitionsOf,
  REFUSED,
  topics,
  type AdmittedEvent,
  type CompletedAction,
  type ContactChange,
  type EncodedMessage,
  type ExecutionProgress,
  type RawMessage,
  type RefusedEvent,
  type TouchedConversation,
} from '@trackline/contracts';
import { Directory, migrateDirectory, type Organization } from '@trackline/directory';
import {
  connectKafka,
  PinnedReader,
  provision,
  Publisher,
  type KafkaConnection,
  type PublishAck,
} from '@trackline/kafka';
import { systemClock, uuidv7, type Clock } from '@trackline/kernel';
import { createLogger } from '@trackline/observability';
import { createPool, type Database, type Queryable, type Statement } from '@trackline/postgres';
import {
  createTestDatabase,
  dependenciesFromEnv,
  eventually,
  httpClient,
  uniqueName,
  type Call,
  type TestDatabase,
} from '@trackline/testkit';
import { attributionTerms } from '../../src/adapters/directory/attribution-terms.ts';
import { OrderRecorder } from '../../src/adapters/postgres/attribution/attribution-writes.ts';
import { EditionBook } from '../../src/adapters/postgres/attribution/edition-book.ts';
import { reportAudit } from '../../src/adapters/postgres/attribution/report-audit.ts';
import { openMaintenanceDatabase } from '../../src/adapters/postgres/maintenance-database.ts';
import { partitionInventory } from '../../src/adapters/postgres/partition-inventory.ts';
import { loadConfig } from '../../src/config.ts';
import { factsKeptFrom } from '../../src/domain/retention.ts';
import { keepPartitions } from '../../src/pipeline/keep-partitions.ts';
import { migrateTimeline } from '../../src/adapters/postgres/schema.ts';
import { startTimeline, type RunningTimeline } from '../../src/start-timeline.ts';

const CONTACT_PARTITIONS = 2;
const CONSUMED = [ADMITTED, REFUSED, EXECUTIONS, CONTACTS, CONVERSATIONS, ACTIONS_COMPLETED];

/** The service itself on real Kafka and Postgres: topics and a database of its own, an organisation with a key, and a hand to publish with. */
export class TimelineRig {
  readonly database: Database;
  readonly directory: Directory;
  readonly publisher: Publisher;
  private readonly testDatabase: TestDatabase;
  private readonly connection: KafkaConnection;
  private readonly env: Record<string, string>;
  private readonly running: RunningTimeline[] = [];

  get databaseUrl(): string {
    return this.testDatabase.databaseUrl;
  }

  private constructor(testDatabase: TestDatabase, kafkaBrokers: string, topicPrefix: string) {
    this.testDatabase = testDatabase;
    this.connection = connectKafka({ brokers: kafkaBrokers, clientId: 'timeline-rig', topicPrefix });
    this.publisher = new Publisher({ connection: this.connection });
    const { databaseUrl } = testDatabase;
    this.database = createPool({ databaseUrl, max: 4, applicationName: 'timeline-rig' });
    this.directory = new Directory(this.database);
    this.env = {
      KAFKA_BROKERS: kafkaBrokers,
      DATABASE_URL: databaseUrl,
      TOPIC_PREFIX: topicPrefix,
      ADMIN_TOKEN: 'admin-token-of-the-rig',
      HTTP_PORT: '0',
      LOG_LEVEL: process.env.LOG_LEVEL ?? 'silent',
    };
  }

  static async open(): Promise<TimelineRig> {
    const { databaseUrl, kafkaBrokers } = dependenciesFromEnv();
    const rig = new TimelineRig(
      await createTestDatabase(databaseUrl, 'timeline'),
      kafkaBrokers,
      `${uniqueName('tl')}.`,
    );
    await migrateDirectory(rig.testDatabase.databaseUrl);
    await migrateTimeline(rig.testDatabase.databaseUrl);
    await rig.keepPartitions(systemClock.now());
    const counts = { contact: CONTACT_PARTITIONS, outcome: 1 };
    await provision(
      rig.connection,
      topics
        .filter(({ name }) => CONSUMED.some((topic) => name === topic || name === `${topic}.dlq`))
        .map((topic) => ({ ...topic, partitions: partitionsOf(topic, counts) })),
      { replicationFactor: 1 },
    );
    await rig.publisher.connect();
    return rig;
  }

  async keepPartitions(nowMs: number) {
    const maintenance = openMaintenanceDatabase(this.testDatabase.databaseUrl, 'timeline-rig');
    try {
      return await keepPartitions(partitionInventory(maintenance), nowMs);
    } finally {
      await maintenance.close();
    }
  }

  /** Starts the service; several may run at once, each with a port of its own. */
  async start(clock: Clock = systemClock, env: Record<string, string> = {}): Promise<RunningTimeline> {
    const config = loadConfig({ ...this.env, INSTANCE_ID: uniqueName('timeline'), ...env });
    const logger = createLogger({ service: 'timeline', instance: config.instanceId, level: config.logLevel });
    const timeline = await startTimeline(config, logger, clock);
    this.running.push(timeline);
    return timeline;
  }

  async stop(timeline: RunningTimeline): Promise<void> {
    this.running.splice(this.running.indexOf(timeline), 1);
    await timeline.stop();
  }

  /** An organisation, and a caller of the service that carries its key. */
  async organization(timeline: RunningTimeline): Promise<{ organization: Organization; call: Call }> {
    const organization = await this.directory.createOrganization({ name: uniqueName('org'), plan: 'scale' });
    const created = await this.directory.createKey(organization.id, { name: 'test' });
    return { organization, call: httpClient(timeline.url, { key: created!.key }) };
  }

  async contact(organization: Organization): Promise<string> {
    const created = await this.directory.createContact(organization.id, {
      externalId: uniqueName('contact'),
    });
    if (created.outcome !== 'created') throw new Error(`contact not created: ${JSON.stringify(created)}`);
    return created.contact.id;
  }

  editionBook = () => new EditionBook(this.database, attributionTerms(this.directory));
  audit = () => reportAudit(this.database, this.editionBook(), factsKeptFrom(systemClock.now()));
  /** The audit on a database that does something after each of its statements, before its answer is known. */
  auditThrough(after: (statement: Statement) => Promise<void>) {
    const through = (queryable: Queryable): Queryable => ({
      query: async <Row extends object>(statement: Statement) => {
        const answer = await queryable.query<Row>(statement);
        await after(statement);
        return answer;
      },
    });
    const database = Object.assign(Object.create(this.database) as Database, {
      ...through(this.database),
      transaction: <Result>(work: (tx: Queryable) => Promise<Result>) =>
        this.database.transaction((tx) => work(through(tx))),
    });
    return reportAudit(database, this.editionBook(), factsKeptFrom(systemClock.now()));
  }
  orderRecorder = () => new OrderRecorder(this.editionBook());

  publish(messages: readonly EncodedMessage[]): Promise<PublishAck[]> {
    return this.publisher.publish(
      messages.map((message) => ({
        ...message,
        partition: partitionOf(message.key!, CONTACT_PARTITIONS),
      })),
    );
  }

  admitted = (...events: readonly AdmittedEvent[]) => this.publish(events.map(encodeAdmitted));
  refused = (...events: readonly RefusedEvent[]) => this.publish(events.map(encodeRefused));
  executions = (...progress: readonly ExecutionProgress[]) => this.publish(progress.map(encodeExecution));
  conversations = (...touches: readonly TouchedConversation[]) =>
    this.publish(touches.map(encodeTouchedConversation));
  actions = (...actions: readonly CompletedAction[]) => this.publish(actions.map(encodeCompletedAction));
  contactsChanged = (...changes: readonly ContactChange[]) => this.publish(changes.map(encodeContactChange));

  /** Headers of the dead letter of an event, as text. */
  async deadLetter(topic: string, eventId: string): Promise<Record<string, string>> {
    let found: Record<string, string> | undefined;
    const reader = new PinnedReader({
      connection: this.connection,
      topic: `${topic}.dlq`,
      partitions: 'all',
      from: 'earliest',
      onBatch: ({ messages }) => {
        for (const { headers } of messages) {
          if (headers.ce_id?.toString() !== eventId) continue;
          found = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
        }
      },
    });
    await reader.start();
    try {
      return await eventually(() => found);
    } finally {
      await reader.stop();
    }
  }

  async count(table: string): Promise<number> {
    const { rows } = await this.database.query<{ count: number }>({
      text: `SELECT count(*) FROM timeline.${table}`,
    });
    return rows[0]!.count;
  }

  async close(): Promise<void> {
    await Promise.all(this.running.map((timeline) => timeline.stop()));
    await this.publisher.disconnect();
    await this.database.close();
    await this.testDatabase.drop();
  }
}

/** As a consumer gets them. */
export const asMessages = (messages: readonly EncodedMessage[]): RawMessage[] =>
  messages.map(({ key, value, headers }, offset) => ({
    key: key === null ? null : Buffer.from(key),
    value: value === null ? null : Buffer.from(value),
    headers: Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)])),
    timestampMs: Date.now(),
    offset,
  }));

let nextOffset = 0;

/** An admitted event as dedup-meter tells of it; each at the next offset of one source partition unless said otherwise. */
export function anEvent(
  about: Pick<AdmittedEvent, 'organizationId' | 'contactId'> & Partial<AdmittedEvent>,
): AdmittedEvent {
  const receivedAtMs = about.receivedAtMs ?? Date.now();
  return {
    eventId: uuidv7(receivedAtMs),
    name: 'page_viewed',
    source: `/organizations/${about.organizationId}/http`,
    backfill: false,
    properties: '{"path":"/prices"}',
    receivedAtMs,
    occurredAtMs: receivedAtMs,
    position: { source: 'received.1.0', offset: nextOffset++ },
    monthUsed: 1,
    ...about,
  };
}

/** An order: an event by the name that is an order's unless the organisation says otherwise. */
export const anOrder = (
  about: Pick<AdmittedEvent, 'organizationId' | 'contactId'> & Partial<AdmittedEvent>,
): AdmittedEvent => anEvent({ name: 'order', properties: '{"value":49.90,"currency":"EUR"}', ...about });

/** A message to the contact, sent by hand unless it is said otherwise. */
export const aTouch = (
  about: Pick<TouchedConversation, 'organizationId' | 'contactId'> & Partial<TouchedConversation>,
): TouchedConversation => ({
  id: uuidv7(),
  direction: 'outbound',
  occurredAtMs: Date.now(),
  source: 'api',
  ...about,
});

/** A WhatsApp message that a workflow had delivered. */
export const anAction = (
  about: Pick<CompletedAction, 'organizationId' | 'contactId'> & Partial<CompletedAction>,
): CompletedAction => ({
  id: uuidv7(),
  executionId: uuidv7(),
  workflowId: uuidv7(),
  stepId: 'send',
  visit: 1,
  kind: 'whatsapp',
  status: 'delivered',
  attempts: 1,
  completedAtMs: Date.now(),
  ...about,
});
