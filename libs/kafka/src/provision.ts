import kafkajs, { type Admin } from 'kafkajs';
import { waitFor } from './backoff.ts';
import type { KafkaConnection } from './connection.ts';

const { ConfigResourceTypes } = kafkajs;

export interface TopicDeclaration {
  /** Without prefix. */
  name: string;
  partitions: number;
  retentionMs: number;
  cleanupPolicy: 'delete' | 'compact';
  timestampType: 'CreateTime' | 'LogAppendTime';
  /** Of this topic; else that of all. */
  replicationFactor?: number;
  maxMessageBytes?: number;
  minInsyncReplicas?: number;
}

export interface ProvisionReport {
  created: string[];
  /** Topics that got more partitions. */
  grown: string[];
  unchanged: string[];
}

/** Some topic is there and is not as declared. Nothing was changed. */
export class TopicMismatch extends Error {
  override readonly name = 'TopicMismatch';
}

/**
 * Makes the topics as declared: creates those that are missing and adds partitions to those that have too few. Looks at
 * all of them first; when one differs in anything else, all differences are told and nothing is done.
 */
export async function provision(
  connection: KafkaConnection,
  topics: readonly TopicDeclaration[],
  { replicationFactor }: { replicationFactor: number },
): Promise<ProvisionReport> {
  const admin = connection.newClient().admin();
  await admin.connect();
  try {
    const wanted = topics.map((topic) => ({
      replicationFactor,
      ...topic,
      name: connection.withPrefix(topic.name),
    }));
    const existing = new Set(await admin.listTopics());
    const present = wanted.filter(({ name }) => existing.has(name));
    const missing = wanted.filter(({ name }) => !existing.has(name));
    const tooSmall = await compare(admin, present);
    if (missing.length > 0) {
      await admin.createTopics({ waitForLeaders: false, topics: missing.map(toTopicConfig) });
    }
    if (tooSmall.length > 0) {
      await admin.createPartitions({
        topicPartitions: tooSmall.map(({ name, partitions }) => ({ topic: name, count: partitions })),
      });
    }
    await ledPartitions(admin, [...missing, ...tooSmall]);
    const report = {
      created: missing.map(({ name }) => name),
      grown: tooSmall.map(({ name }) => name),
      unchanged: present.filter((topic) => !tooSmall.includes(topic)).map(({ name }) => name),
    };
    connection.logger.info(report, 'Topics provisioned');
    return report;
  } finally {
    await admin.disconnect();
  }
}

const LEADERS_TIMEOUT_MS = 30_000;
const LEADERS_POLL_MS = 50;

/**
 * Resolves when the broker that we ask knows all partitions and their leaders: it learns of a new topic a moment after the
 * controller has made it. kafkajs' own waiting takes that moment for an error.
 */
async function ledPartitions(admin: Admin, topics: Wanted[]): Promise<void> {
  if (topics.length === 0) return;
  const deadlineMs = Date.now() + LEADERS_TIMEOUT_MS;
  for (;;) {
    try {
      const { topics: known } = await admin.fetchTopicMetadata({ topics: topics.map(({ name }) => name) });
      const led = new Map(
        known.map((topic) => [topic.name, topic.partitions.filter(({ leader }) => leader >= 0).length]),
      );
      if (topics.every(({ name, partitions }) => led.get(name) === partitions)) return;
      if (Date.now() > deadlineMs)
        throw new Error(`No leader for all partitions within ${LEADERS_TIMEOUT_MS} ms`);
    } catch (error) {
      if (Date.now() > deadlineMs) throw error;
    }
    await waitFor(LEADERS_POLL_MS);
  }
}

type Wanted = TopicDeclaration & { replicationFactor: number };

/** Throws for what cannot be mended here; returns the topics that need more partitions. */
async function compare(admin: Admin, present: Wanted[]): Promise<Wanted[]> {
  if (present.length === 0) return [];
  const { topics } = await admin.fetchTopicMetadata({ topics: present.map(({ name }) => name) });
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: present.map(({ name }) => ({ type: ConfigResourceTypes.TOPIC, name })),
  });
  const differences: string[] = [];
  const tooSmall: Wanted[] = [];
  for (const topic of present) {
    const partitions = topics.find(({ name }) => name === topic.name)?.partitions ?? [];
    const entries = resources.find(({ resourceName }) => resourceName === topic.name)?.configEntries ?? [];
    const settings = new Map(entries.map(({ configName, configValue }) => [configName, configValue]));
    const differs = (what: string, is: unknown, should: unknown) =>
      differences.push(`${topic.name}: ${what} is ${String(is)}, declared ${String(should)}`);

    if (partitions.length > topic.partitions)
      differs('number of partitions', partitions.length, topic.partitions);
    else if (partitions.length < topic.partitions) tooSmall.push(topic);
    const replicas = partitions[0]?.replicas.length ?? 0;
    if (replicas !== topic.replicationFactor)
      differs('replication factor', replicas, topic.replicationFactor);
    for (const { name, value } of toConfigEntries(topic)) {
      if (settings.get(name) !== value) differs(name, settings.get(name), value);
    }
  }
  if (differences.length > 0) {
    throw new TopicMismatch(
      `Topics differ from what is declared; nothing was changed. Change them by hand or change the declaration.\n` +
        differences.join('\n'),
    );
  }
  return tooSmall;
}

function toTopicConfig(topic: Wanted) {
  return {
    topic: topic.name,
    numPartitions: topic.partitions,
    replicationFactor: topic.replicationFactor,
    configEntries: toConfigEntries(topic),
  };
}

function toConfigEntries(topic: TopicDeclaration): { name: string; value: string }[] {
  const entries = [
    { name: 'cleanup.policy', value: topic.cleanupPolicy },
    { name: 'message.timestamp.type', value: topic.timestampType },
    { name: 'retention.ms', value: String(topic.retentionMs) },
  ];
  if (topic.maxMessageBytes !== undefined)
    entries.push({ name: 'max.message.bytes', value: String(topic.maxMessageBytes) });
  if (topic.minInsyncReplicas !== undefined) {
    entries.push({ name: 'min.insync.replicas', value: String(topic.minInsyncReplicas) });
  }
  return entries;
}
