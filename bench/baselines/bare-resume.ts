/**
 * The least that could pass for resuming: fetch, one statement per batch of 500 (who of these waits for this event? end the wait, and move
 * the execution), publish what became of it and one answer per batch. No step, no definition, no timer, no branch, no outbox.
 */
import kafkajs, { type KafkaMessage } from 'kafkajs';
import pg from 'pg';

const BATCH = 500;
const { KAFKA_BROKERS, DATABASE_URL, TOPIC_PREFIX, SOURCE_TOPIC, PROGRESS_TOPIC, ANSWER_TOPIC, PARTITIONS } =
  process.env;
const RESUME = `
  WITH ended AS (
    DELETE FROM bare_wait w USING unnest($1::uuid[], $2::text[], $3::uuid[]) AS e (contact, name, event)
    WHERE w.contact = e.contact AND w.event_name = e.name RETURNING w.execution, e.event
  )
  UPDATE bare_execution x SET status = 'completed', resumed_by = ended.event, moved_at = now()
  FROM ended WHERE x.id = ended.execution RETURNING x.id, x.contact, x.resumed_by`;

const database = new pg.Pool({ connectionString: DATABASE_URL, max: 10 });
const kafka = new kafkajs.Kafka({
  brokers: KAFKA_BROKERS!.split(','),
  clientId: 'bare-resume',
  logLevel: kafkajs.logLevel.ERROR,
});
const producer = kafka.producer();
const consumer = kafka.consumer({ groupId: `${TOPIC_PREFIX}bare-resume`, maxWaitTimeInMs: 100 });
await Promise.all([producer.connect(), consumer.connect()]);
await consumer.subscribe({ topic: `${TOPIC_PREFIX}${SOURCE_TOPIC}`, fromBeginning: true });
await consumer.run({
  partitionsConsumedConcurrently: Number(PARTITIONS),
  autoCommitInterval: 1_000,
  eachBatch: async ({ batch, resolveOffset, heartbeat }) => {
    for (let from = 0; from < batch.messages.length; from += BATCH) {
      const messages = batch.messages.slice(from, from + BATCH);
      await resume(batch.partition, messages);
      resolveOffset(messages.at(-1)!.offset);
      await heartbeat();
    }
  },
});

const header = ({ headers }: KafkaMessage, name: string): string => String(headers![name]);

async function resume(partition: number, messages: readonly KafkaMessage[]): Promise<void> {
  const { rows } = await database.query<{ id: string; contact: string; resumed_by: string }>({
    name: 'resume',
    text: RESUME,
    values: [
      messages.map((message) => header(message, 'ce_contact')),
      messages.map((message) => header(message, 'ce_name')),
      messages.map((message) => header(message, 'ce_id')),
    ],
  });
  const outcomes = messages
    .filter(({ headers }) => headers!.ce_replyto)
    .map((message) => ({ correlation: header(message, 'ce_replyto').split('/')[1] }));
  const topicMessages = [
    {
      topic: `${TOPIC_PREFIX}${PROGRESS_TOPIC}`,
      messages: rows.map((row) => ({ key: row.contact, partition, value: JSON.stringify(row) })),
    },
    {
      topic: `${TOPIC_PREFIX}${ANSWER_TOPIC}`,
      messages: outcomes.length > 0 ? [{ partition: 0, value: JSON.stringify({ outcomes }) }] : [],
    },
  ].filter(({ messages: some }) => some.length > 0);
  if (topicMessages.length > 0) await producer.sendBatch({ topicMessages });
}
