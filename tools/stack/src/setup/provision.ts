/**
 * Creates the topics as the contracts declare them, and grows those that have too few partitions.
 *
 * Settings: KAFKA_BROKERS, TOPIC_PREFIX (''), CONTACT_PARTITIONS (6), OUTCOME_PARTITIONS (16), REPLICATION_FACTOR (1).
 * Prints one line: what it did.
 */
import { partitionsOf, topics } from '@trackline/contracts';
import { connectKafka, provision, TopicMismatch } from '@trackline/kafka';

const { env } = process;

const counts = {
  contact: Number(env.CONTACT_PARTITIONS ?? 6),
  outcome: Number(env.OUTCOME_PARTITIONS ?? 16),
};
const replicationFactor = Number(env.REPLICATION_FACTOR ?? 1);
const connection = connectKafka({
  brokers: env.KAFKA_BROKERS ?? '',
  clientId: 'trackline-provision',
  topicPrefix: env.TOPIC_PREFIX ?? '',
});

try {
  const declared = topics.map((topic) => ({ ...topic, partitions: partitionsOf(topic, counts) }));
  const { created, grown, unchanged } = await provision(connection, declared, { replicationFactor });
  const parts = [
    created.length > 0 && `${created.length} created`,
    grown.length > 0 && `${grown.length} grown`,
    unchanged.length > 0 && `${unchanged.length} as they were`,
  ];
  console.log(parts.filter(Boolean).join(', '));
} catch (error) {
  console.error(error instanceof TopicMismatch ? error.message : error);
  process.exitCode = 1;
}
