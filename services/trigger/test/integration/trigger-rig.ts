import {
  ACTIONS_COMPLETED,
  ACTIONS_REQUESTED,
  ADMITTED,
  CONTACTS,
  contactKey,
  decodeExecution,
  decodeOutcomes,
  decodeRequestedAction,
  encodeAdmitted,
  encodeCompletedAction,
  encodeContactChange,
  encodeProgress,
  EXECUTIONS,
  OUTCOMES,
  partitionOf,
  partitionsOf,
  PROGRESS,
  REDRIVE_GROUP,
  sourceName,
  topics,
  type AdmittedEvent,
  type CompletedAction,
  type RequestedAction,
  type RequestedConversion,
  type EncodedMessage,
  type ExecutionProgress,
  type Execution,
  type Outcome,
} from '@trackline/contracts';
import { Directory, migrateDirectory, type Organization } from '@trackline/directory';
import {
  connectKafka,
  endOffsets,
  PinnedReader,
  provision,
  Publisher,
  type KafkaConnection,
} from '@trackline/kafka';
import { uuidv7 } from '@trackline/kernel';
import { createLogger } from '@trackline/observability';
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
import { loadConfig } from '../../src/config.ts';
import { migrateTrigger } from '../../src/schema.ts';
import { startTrigger, type RunningTrigger } from '../../src/start-trigger.ts';

export const CONTACT_PARTITIONS = 2;
export const SOURCES = (['received', 'inbound'] as const).flatMap((topic) =>
  Array.from({ length: CONTACT_PARTITIONS }, (_, partition) => sourceName(topic, 1, partition)),
);

export interface Tenant {
  readonly organization: Organization;
  readonly call: Call;
  /** The same, as a caller of another instance. */
  at(trigger: RunningTrigger): Tenant;
  contact(): Promise<string>;
  /** Creates the workflow, enabled, and gives its id. */
  create(definition: object): Promise<string>;
}

/** The service itself on real Kafka and Postgres, and a stand-in for dedup-meter: it admits events and tells of its progress. */
export class TriggerRig {
  readonly database: Database;
  readonly directory: Directory;
  readonly outcomes: Outcome[] = [];
  readonly progressed: ExecutionProgress[] = [];
  readonly requested: RequestedAction[] = [];
  /** What Meta is to be told of. */
  readonly conversions: RequestedConversion[] = [];
  private readonly publisher: Publisher;
  private readonly readers: PinnedReader[];
  private readonly testDatabase: TestDatabase;
  readonly connection: KafkaConnection;
  /** Of another process over the same topics and database. */
  readonly env: Record<string, string>;
  private readonly running: RunningTrigger[] = [];
  private readonly offsets = new Map<string, number>();
  private nextCorrelation = 0;

  private constructor(testDatabase: TestDatabase, kafkaBrokers: string, topicPrefix: string) {
    this.testDatabase = testDatabase;
    this.connection = connectKafka({ brokers: kafkaBrokers, clientId: 'trigger-rig', topicPrefix });
    this.publisher = new Publisher({ connection: this.connection });
    const { databaseUrl } = testDatabase;
    this.database = createPool({ databaseUrl, max: 4, applicationName: 'trigger-rig' });
    this.directory = new Directory(this.database);
    this.readers = [
      this.follow(OUTCOMES, (message) => this.outcomes.push(...decodeOutcomes(message))),
      this.follow(ACTIONS_REQUESTED, (message) => {
        const action = decodeRequestedAction(message);
        if (action.kind === 'conversion') this.conversions.push(action);
        else this.requested.push(action);
      }),
      this.follow(EXECUTIONS, (message) => this.progressed.push(decodeExecution(message))),
    ];
    this.env = {
      KAFKA_BROKERS: kafkaBrokers,
      DATABASE_URL: databaseUrl,
      TOPIC_PREFIX: topicPrefix,
      ADMIN_TOKEN: 'admin-token-of-the-rig',
      HTTP_PORT: '0',
      CONTACT_PARTITIONS: String(CONTACT_PARTITIONS),
      OUTCOME_PARTITIONS: '2',
      TIMER_POLL_MS: '50',
      SCHEDULE_POLL_MS: '50',
      LOG_LEVEL: process.env.LOG_LEVEL ?? 'silent',
    };
  }

  get databaseUrl(): string {
    return this.testDatabase.databaseUrl;
  }

  static async open(): Promise<TriggerRig> {
    const { databaseUrl, kafkaBrokers } = dependenciesFromEnv();
    const testDatabase = await createTestDatabase(databaseUrl, 'trigger');
    const rig = new TriggerRig(testDatabase, kafkaBrokers, `${uniqueName('tg')}.`);
    await migrateDirectory(testDatabase.databaseUrl);
    await migrateTrigger(testDatabase.databaseUrl);
    const counts = { contact: CONTACT_PARTITIONS, outcome: 2 };
    await provision(
      rig.connection,
      topics.map((topic) => ({ ...topic, partitions: partitionsOf(topic, counts) })),
      { replicationFactor: 1 },
    );
    await rig.publisher.connect();
    await Promise.all(rig.readers.map((reader) => reader.start()));
    return rig;
  }

  /** Starts the service; several may run at once, each with a port of its own. */
  async start(env: Record<string, string> = {}): Promise<RunningTrigger> {
    const config = loadConfig({ ...this.env, INSTANCE_ID: uniqueName('trigger'), ...env });
    const logger = createLogger({ service: 'trigger', instance: config.instanceId, level: config.logLevel });
    const trigger = await startTrigger(config, logger);
    this.running.push(trigger);
    return trigger;
  }

  async stop(trigger: RunningTrigger): Promise<void> {
    this.running.splice(this.running.indexOf(trigger), 1);
    await trigger.stop();
  }

  /** An organisation, and a caller of the service that carries its key. */
  async tenant(trigger: RunningTrigger): Promise<Tenant> {
    const organization = await this.directory.createOrganization({ name: uniqueName('org'), plan: 'scale' });
    const created = await this.directory.createKey(organization.id, { name: 'test' });
    return this.caller(trigger, organization, created!.key);
  }

  private caller(trigger: RunningTrigger, organization: Organization, key: string): Tenant {
    const call = httpClient(trigger.url, { key });
    return {
      organization,
      call,
      at: (instance) => this.caller(instance, organization, key),
      create: async (definition) => {
        const { status, json, text } = await call('POST', '/v1/workflows?enable=true', { body: definition });
        if (status !== 201) throw new Error(text);
        return json.id;
      },
      contact: async () => {
        const made = await this.directory.createContact(organization.id, {
          externalId: uniqueName('contact'),
        });
        if (made.outcome !== 'created') throw new Error(`contact not created: ${JSON.stringify(made)}`);
        return made.contact.id;
      },
    };
  }

  /** An event as dedup-meter tells of it, at the next offset of the source partition of its contact. */
  event(
    about: Pick<AdmittedEvent, 'organizationId' | 'contactId' | 'name'> & Partial<AdmittedEvent>,
  ): AdmittedEvent {
    const receivedAtMs = about.receivedAtMs ?? Date.now();
    return {
      eventId: uuidv7(),
      source: `/organizations/${about.organizationId}/http`,
      backfill: false,
      properties: '{}',
      receivedAtMs,
      occurredAtMs: receivedAtMs,
      position: about.position ?? this.nextPosition(about),
      monthUsed: 1,
      replyTo: `1/c${this.nextCorrelation++}`,
      ...about,
    };
  }

  nextPosition({ organizationId, contactId }: Pick<AdmittedEvent, 'organizationId' | 'contactId'>) {
    const source = sourceName('received', 1, this.partitionOf(organizationId, contactId));
    const offset = this.offsets.get(source) ?? 0;
    this.offsets.set(source, offset + 1);
    return { source, offset };
  }

  partitionOf(organizationId: string, contactId: string): number {
    return partitionOf(contactKey(organizationId, contactId), CONTACT_PARTITIONS);
  }

  admit(...events: readonly AdmittedEvent[]): Promise<void> {
    return this.publish(ADMITTED, events.map(encodeAdmitted));
  }

  async publish(topic: string, messages: readonly EncodedMessage[]): Promise<void> {
    await this.publisher.publish(
      messages.map((message) => ({
        ...message,
        topic,
        partition: partitionOf(message.key!, CONTACT_PARTITIONS),
      })),
    );
  }

  /** Publishes what has changed of contacts, as ingest does; gives how many changes there were. */
  async tellOfContacts(): Promise<number> {
    return this.directory.drainOutbox(1_000, (changes) =>
      this.publish(CONTACTS, changes.map(encodeContactChange)),
    );
  }

  /** Says how an action ended, as connectors does. */
  async complete(
    action: RequestedAction,
    how: Pick<CompletedAction, 'status'> & Partial<CompletedAction>,
  ): Promise<void> {
    const { requestedAtMs: _, request: __, workflowVersion: ___, ...about } = action;
    const completed: CompletedAction = { ...about, attempts: 1, completedAtMs: Date.now(), ...how };
    await this.publish(ACTIONS_COMPLETED, [encodeCompletedAction(completed)]);
  }

  /** Something in the place of the event. */
  async publishAs(event: AdmittedEvent, message: EncodedMessage): Promise<void> {
    const partition = this.partitionOf(event.organizationId, event.contactId);
    await this.publisher.publish([{ ...message, partition }]);
  }

  /** As the redrive command sends it. */
  async sendBack(event: AdmittedEvent, group: string): Promise<void> {
    const { headers, ...message } = encodeAdmitted(event);
    const partition = partitionOf(message.key!, CONTACT_PARTITIONS);
    await this.publisher.publish([
      { ...message, partition, headers: { ...headers, [REDRIVE_GROUP]: group } },
    ]);
  }

  /** Admits the event and waits for the answer to its caller. */
  async track(event: AdmittedEvent): Promise<Outcome> {
    await this.admit(event);
    return this.outcomeOf(event);
  }

  outcomeOf({ replyTo }: AdmittedEvent, withinMs = 10_000): Promise<Outcome> {
    const correlation = replyTo!.slice(replyTo!.indexOf('/') + 1);
    return eventually(() => this.outcomes.find((outcome) => outcome.correlation === correlation), {
      everyMs: 5,
      withinMs,
    });
  }

  /** Says that everything received up to this moment has been decided, in all sources or the given ones. */
  async decidedUpTo(decidedUpToMs: number, sources: readonly string[] = SOURCES): Promise<void> {
    const ends = await endOffsets(this.connection, ADMITTED);
    const admittedEnds = Object.fromEntries(ends);
    await this.publisher.publish(
      sources.map((source) => ({
        ...encodeProgress({ source, decidedUpToMs, admittedEnds }),
        topic: PROGRESS,
        partition: 0,
      })),
    );
  }

  async execution(call: Call, id: string): Promise<Execution> {
    const { status, json, text } = await call<Execution>('GET', `/v1/executions/${id}`);
    if (status !== 200) throw new Error(text);
    return json;
  }

  async executionOf(call: Call, workflowId: string, contactId: string): Promise<Execution> {
    const { json } = await call('GET', `/v1/workflows/${workflowId}/executions?contactId=${contactId}`);
    if (json.items.length !== 1) throw new Error(`${json.items.length} executions of this contact`);
    return this.execution(call, json.items[0].id);
  }

  async count(table: string): Promise<number> {
    const { rows } = await this.database.query<{ count: number }>({
      text: `SELECT count(*) FROM trigger.${table}`,
    });
    return rows[0]!.count;
  }

  async close(): Promise<void> {
    await Promise.all(this.running.map((trigger) => trigger.stop()));
    await Promise.all(this.readers.map((reader) => reader.stop()));
    await this.publisher.disconnect();
    await this.database.close();
    await this.testDatabase.drop();
  }

  private follow(
    topic: string,
    see: (message: Parameters<typeof decodeOutcomes>[0]) => unknown,
  ): PinnedReader {
    return new PinnedReader({
      connection: this.connection,
      topic,
      partitions: 'all',
      from: 'earliest',
      onBatch: ({ messages }) => messages.forEach(see),
    });
  }
}

/** Waits for the second event: "yes" marks the contact, "no" ends as cancelled. */
export const waitingWorkflow = (first: string, second: string, timeoutSeconds = 3_600) => ({
  name: `${first} then ${second}`,
  trigger: { type: 'event', eventName: first },
  steps: [
    {
      id: 'wait',
      type: 'wait_for_event',
      config: { eventName: second, timeoutSeconds },
      branches: {
        yes: [
          {
            id: 'mark',
            type: 'update_contact',
            config: { updates: [{ field: 'marks', operation: 'increment', value: 1 }] },
          },
        ],
        no: [{ id: 'gave-up', type: 'exit', config: { reason: 'never came', markAs: 'cancelled' } }],
      },
    },
  ],
});
