import { randomBytes } from 'node:crypto';
import {
  ACTIONS_COMPLETED,
  ACTIONS_REQUESTED,
  contactKey,
  decodeCompletedAction,
  encodeRequestedAction,
  partitionOf,
  partitionsOf,
  topics,
  type ActionRequests,
  type CompletedAction,
  type AnyCompletedAction,
  type AnyRequestedAction,
  type Delivery,
  type EncodedMessage,
  type RequestedAction,
  type RequestedConversion,
  type WorkflowActionKind,
} from '@trackline/contracts';
import { Directory, migrateDirectory } from '@trackline/directory';
import {
  connectKafka,
  PinnedReader,
  provision,
  Publisher,
  type IncomingMessage,
  type KafkaConnection,
} from '@trackline/kafka';
import { uuidv7 } from '@trackline/kernel';
import { createLogger, type LoggerSettings } from '@trackline/observability';
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
import type { Lookup } from '../src/adapters/network/resolve-allowed.ts';
import { loadConfig } from '../src/config.ts';
import { migrateConnectors } from '../src/schema.ts';
import { startConnectors, type RunningConnectors } from '../src/start-connectors.ts';

const CONTACT_PARTITIONS = 2;

export interface Tenant {
  readonly id: string;
  readonly call: Call;
  /** The same organisation at another instance, or by another key. */
  at(service: RunningConnectors, key?: string): Tenant;
  /** What a workflow of this organisation would ask for. */
  action<Kind extends WorkflowActionKind>(kind: Kind, request: ActionRequests[Kind]): RequestedAction;
  /** What Meta would be told of. */
  conversion(request: ActionRequests['conversion']): RequestedConversion;
  webhook(url: string, more?: Partial<ActionRequests['webhook']>): RequestedAction;
}

type Completion = AnyCompletedAction & Pick<CompletedAction, 'providerMessageId'>;

export type Letter = IncomingMessage & { readonly partition: number };

/** The service itself on real Kafka and Postgres; the test stands in for trigger. */
export class ConnectorsRig {
  readonly database: Database;
  readonly directory: Directory;
  readonly connection: KafkaConnection;
  readonly publisher: Publisher;
  readonly completed: Completion[] = [];
  readonly letters: Letter[] = [];
  /** Of a process of the service or of a command. */
  readonly env: Record<string, string>;
  private readonly readers: PinnedReader[];
  private readonly testDatabase: TestDatabase;
  private readonly running: RunningConnectors[] = [];

  private constructor(testDatabase: TestDatabase, kafkaBrokers: string, topicPrefix: string) {
    this.testDatabase = testDatabase;
    const { databaseUrl } = testDatabase;
    this.connection = connectKafka({ brokers: kafkaBrokers, clientId: 'connectors-rig', topicPrefix });
    this.publisher = new Publisher({ connection: this.connection });
    this.database = createPool({ databaseUrl, max: 4, applicationName: 'connectors-rig' });
    this.directory = new Directory(this.database);
    this.readers = [
      this.follow(ACTIONS_COMPLETED, (message) => this.completed.push(decodeCompletedAction(message))),
      this.follow(`${ACTIONS_REQUESTED}.dlq`, (letter) => {
        if (letter.value !== null) this.letters.push(letter);
      }),
    ];
    this.env = {
      PATH: process.env.PATH ?? '',
      KAFKA_BROKERS: kafkaBrokers,
      DATABASE_URL: databaseUrl,
      TOPIC_PREFIX: topicPrefix,
      ADMIN_TOKEN: 'admin-token-of-the-rig',
      HTTP_PORT: '0',
      CONTACT_PARTITIONS: String(CONTACT_PARTITIONS),
      SECRETS_KEY: randomBytes(32).toString('base64'),
      CONNECTORS_ALLOW_HTTP: 'true',
      CONNECTORS_ALLOWED_PRIVATE: '127.0.0.1/32',
      DELIVERY_POLL_MS: '50',
      DELIVERY_TIMEOUT_MS: '15000',
      DELIVERY_LEASE_MS: '60000',
      RETRY_FIRST_MS: '20',
      LOG_LEVEL: process.env.LOG_LEVEL ?? 'silent',
    };
  }

  static async open(): Promise<ConnectorsRig> {
    const { databaseUrl, kafkaBrokers } = dependenciesFromEnv();
    const testDatabase = await createTestDatabase(databaseUrl, 'connectors');
    const rig = new ConnectorsRig(testDatabase, kafkaBrokers, `${uniqueName('cn')}.`);
    await migrateDirectory(testDatabase.databaseUrl);
    await migrateConnectors(testDatabase.databaseUrl);
    const counts = { contact: CONTACT_PARTITIONS, outcome: 1 };
    const wanted = topics.filter(({ name }) => /^(actions|contacts)\./.test(name));
    await provision(
      rig.connection,
      wanted.map((topic) => ({ ...topic, partitions: partitionsOf(topic, counts) })),
      { replicationFactor: 1 },
    );
    await rig.publisher.connect();
    await Promise.all(rig.readers.map((reader) => reader.start()));
    return rig;
  }

  /** Starts the service; several may run at once. */
  async start(
    env: Record<string, string> = {},
    { lookup, destination }: { lookup?: Lookup } & Pick<LoggerSettings, 'destination'> = {},
  ): Promise<RunningConnectors> {
    const config = loadConfig({ ...this.env, INSTANCE_ID: uniqueName('connectors'), ...env });
    const settings = { service: 'connectors', instance: config.instanceId, level: config.logLevel };
    const logger = createLogger({ ...settings, ...(destination && { destination }) });
    const service = await startConnectors(config, logger, lookup);
    this.running.push(service);
    return service;
  }

  async stop(service: RunningConnectors): Promise<void> {
    this.running.splice(this.running.indexOf(service), 1);
    await service.stop();
  }

  /** An organisation, with a key at the given instance. */
  async tenant(service?: RunningConnectors): Promise<Tenant> {
    const { id } = await this.directory.createOrganization({ name: uniqueName('org'), plan: 'scale' });
    const created = await this.directory.createKey(id, { name: 'test' });
    return this.caller(id, created!.key, service?.url);
  }

  private caller(id: string, key: string, url = 'http://127.0.0.1:9'): Tenant {
    const action: Tenant['action'] = (kind, request) =>
      ({
        id: uniqueName('action'),
        organizationId: id,
        contactId: uuidv7(),
        executionId: uuidv7(),
        workflowId: uuidv7(),
        workflowVersion: 1,
        stepId: 'step',
        visit: 0,
        requestedAtMs: Date.now(),
        kind,
        request,
      }) as RequestedAction;
    return {
      id,
      call: httpClient(url, { key }),
      at: (service, otherKey = key) => this.caller(id, otherKey, service.url),
      action,
      conversion: (request) => ({
        id: uniqueName('conversion'),
        organizationId: id,
        contactId: uuidv7(),
        eventId: uuidv7(),
        requestedAtMs: Date.now(),
        kind: 'conversion',
        request,
      }),
      webhook: (url, more = {}) =>
        action('webhook', { url, method: 'POST', headers: {}, body: '{"a":1}', ...more }),
    };
  }

  async request(...actions: readonly AnyRequestedAction[]): Promise<void> {
    await this.publish(actions.map(encodeRequestedAction));
  }

  async publish(messages: readonly EncodedMessage[]): Promise<void> {
    await this.publisher.publish(
      messages.map((message) => ({
        ...message,
        partition: partitionOf(message.key ?? '', CONTACT_PARTITIONS),
      })),
    );
  }

  partitionOf({ organizationId, contactId }: AnyRequestedAction): number {
    return partitionOf(contactKey(organizationId, contactId), CONTACT_PARTITIONS);
  }

  /** The first completion of the action. */
  completion({ id }: Pick<AnyRequestedAction, 'id'>, withinMs = 15_000): Promise<Completion> {
    return eventually(() => this.completed.find((one) => one.id === id), { everyMs: 10, withinMs });
  }

  letterOf({ id }: Pick<RequestedAction, 'id'>): Letter | undefined {
    return this.letters.find(({ headers }) => headers['ce_id']?.toString() === id);
  }

  async delivery(tenant: Tenant, { id }: Pick<RequestedAction, 'id'>): Promise<Delivery> {
    const { status, json, text } = await tenant.call<Delivery>('GET', `/v1/deliveries/${id}`);
    if (status !== 200) throw new Error(text);
    return json;
  }

  async count(table: string): Promise<number> {
    const { rows } = await this.database.query<{ count: number }>({
      text: `SELECT count(*) FROM connectors.${table}`,
    });
    return rows[0]!.count;
  }

  async close(): Promise<void> {
    await Promise.all(this.running.map((service) => service.stop()));
    await Promise.all(this.readers.map((reader) => reader.stop()));
    await this.publisher.disconnect();
    await this.database.close();
    await this.testDatabase.drop();
  }

  private follow(topic: string, see: (message: Letter) => unknown): PinnedReader {
    return new PinnedReader({
      connection: this.connection,
      topic,
      partitions: 'all',
      from: 'earliest',
      onBatch: ({ partition, messages }) => messages.forEach((message) => see({ ...message, partition })),
    });
  }
}
