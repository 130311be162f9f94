import { randomBytes } from 'node:crypto';
import { partitionsOf, topics } from '@trackline/contracts';
import { migrateDirectory } from '@trackline/directory';
import type { HttpApp } from '@trackline/http';
import { connectKafka, provision, type KafkaConnection } from '@trackline/kafka';
import { createLogger } from '@trackline/observability';
import {
  createTestDatabase,
  dependenciesFromEnv,
  httpClient,
  uniqueName,
  type Answer,
  type Call,
  type CallOptions,
  type TestDatabase,
} from '@trackline/testkit';
import { loadConfig, migrateIngest, startIngest, type IngestConfig } from '../../src/index.ts';
import { Backstage } from './backstage.ts';

export const ADMIN_TOKEN = 'admin-token-of-the-tests';
const TOPICS = ['events.received.v1', 'outcomes.v1', 'contacts.changed.v1', 'conversations.touched.v1'];
const COUNTS = { contact: 2, outcome: 2 };

export interface Harness {
  readonly config: IngestConfig;
  readonly app: HttpApp;
  readonly url: string;
  readonly kafka: KafkaConnection;
  readonly backstage: Backstage;
  readonly call: Call;
  /** A further instance on the same topics, database and Redis. */
  another(
    env?: Record<string, string>,
    kafka?: KafkaConnection,
  ): Promise<{ app: HttpApp; call: Call; url: string }>;
  organization(fields?: Record<string, unknown>): Promise<Organization>;
  stop(): Promise<void>;
}

export interface Organization {
  readonly id: string;
  readonly key: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as Call: tests assert on each field they use
  post(path: string, body: unknown, options?: CallOptions): Promise<Answer<any>>;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as above
  get(path: string, options?: CallOptions): Promise<Answer<any>>;
  call: Call;
}

const logger = createLogger({
  service: 'ingest',
  instance: 'test',
  level: process.env.LOG_LEVEL ? 'debug' : 'silent',
});

/** The real service, in this process, on real dependencies of its own, with a stand-in for what comes after it. */
export async function startHarness(env: Record<string, string> = {}): Promise<Harness> {
  const { kafkaBrokers, databaseUrl, redisUrl } = dependenciesFromEnv();
  const topicPrefix = `${uniqueName('ingest')}.`;
  const database: TestDatabase = await createTestDatabase(databaseUrl, 'ingest');
  await migrateDirectory(database.databaseUrl);
  await migrateIngest(database.databaseUrl);
  const kafka = connectKafka({ brokers: kafkaBrokers, clientId: 'test', topicPrefix });
  const declared = topics
    .filter(({ name }) => TOPICS.includes(name))
    .map((topic) => ({ ...topic, partitions: partitionsOf(topic, COUNTS) }));
  await provision(kafka, declared, { replicationFactor: 1 });
  const config = loadConfig({
    KAFKA_BROKERS: kafkaBrokers,
    DATABASE_URL: database.databaseUrl,
    REDIS_URL: redisUrl,
    ADMIN_TOKEN,
    SECRETS_KEY: randomBytes(32).toString('base64'),
    HTTP_PORT: '0',
    TOPIC_PREFIX: topicPrefix,
    CONTACT_PARTITIONS: String(COUNTS.contact),
    OUTCOME_PARTITIONS: String(COUNTS.outcome),
    ...env,
  });
  const backstage = new Backstage(kafka);
  await backstage.start();
  const app = await startIngest(config, logger);
  const url = await app.getUrl();
  const call = httpClient(url);
  const others: HttpApp[] = [];
  return {
    config,
    app,
    url,
    kafka,
    backstage,
    call,
    async another(more = {}, connection) {
      const other = await startIngest(
        { ...config, instanceId: uniqueName('ingest'), ...overrides(more) },
        logger,
        connection,
      );
      others.push(other);
      const otherUrl = await other.getUrl();
      return { app: other, url: otherUrl, call: httpClient(otherUrl) };
    },
    organization: (fields) => newOrganization(call, fields),
    async stop() {
      await Promise.all([app, ...others].map((one) => one.close()));
      await backstage.stop();
      const admin = kafka.newClient().admin();
      await admin.connect();
      await admin.deleteTopics({ topics: declared.map(({ name }) => kafka.withPrefix(name)) });
      await admin.disconnect();
      await database.drop();
    },
  };
}

const overrides = (env: Record<string, string>): Partial<IngestConfig> => {
  const { ANSWER_DEADLINE_MS, PUBLISH_TIMEOUT_MS, MAX_QUEUED_EVENTS, REDIS_URL, DATABASE_URL } = env;
  return {
    ...(ANSWER_DEADLINE_MS === undefined ? undefined : { answerDeadlineMs: Number(ANSWER_DEADLINE_MS) }),
    ...(PUBLISH_TIMEOUT_MS === undefined ? undefined : { publishTimeoutMs: Number(PUBLISH_TIMEOUT_MS) }),
    ...(MAX_QUEUED_EVENTS === undefined ? undefined : { maxQueuedEvents: Number(MAX_QUEUED_EVENTS) }),
    ...(REDIS_URL === undefined ? undefined : { redisUrl: REDIS_URL }),
    ...(DATABASE_URL === undefined ? undefined : { databaseUrl: DATABASE_URL }),
  };
};

export async function newOrganization(
  call: Call,
  fields: Record<string, unknown> = {},
): Promise<Organization> {
  const made = await call('POST', '/v1/admin/organizations', {
    key: ADMIN_TOKEN,
    body: { name: uniqueName('org'), plan: 'enterprise', ...fields },
  });
  if (made.status !== 201) throw new Error(made.text);
  const keyed = await call('POST', `/v1/admin/organizations/${made.json.id}/keys`, {
    key: ADMIN_TOKEN,
    body: { name: 'test' },
  });
  if (keyed.status !== 201) throw new Error(keyed.text);
  const { key } = keyed.json as { key: string };
  return {
    id: made.json.id as string,
    key,
    call,
    post: (path, body, options) => call('POST', path, { key, body, ...options }),
    get: (path, options) => call('GET', path, { key, ...options }),
  };
}
