import kafkajs, { type KafkaMessage } from 'kafkajs';
import pg from 'pg';

const BATCH = 500;
const { KAFKA_BROKERS, DATABASE_URL, TOPIC_PREFIX, PARTITIONS } = process.env;

export interface BareEvent {
  readonly id: string;
  readonly contact: string;
  readonly name: string;
  readonly atMs: string;
  readonly properties: unknown;
}

interface BareReaderSettings {
  readonly name: string;
  readonly topics: readonly string[];
  readonly tables: readonly string[];
  /** Whether what a batch leaves is waited for until it is on the disk. */
  readonly isDurable: boolean;
  /** One statement for a batch; its parameters begin with $5. */
  statement(events: readonly BareEvent[], topic: string): { text: string; values: unknown[] };
}

/** Reads in batches, as fast as kafkajs and pg go, and moves a position with the statement of each batch. */
export async function bareReader(settings: BareReaderSettings): Promise<void> {
  const { name, topics, tables, isDurable, statement } = settings;
  const database = new pg.Pool({
    connectionString: DATABASE_URL,
    max: 10,
    ...(!isDurable && { options: '-c synchronous_commit=off' }),
  });
  for (const text of tables) await database.query(text);
  const kafka = new kafkajs.Kafka({
    brokers: KAFKA_BROKERS!.split(','),
    clientId: name,
    logLevel: kafkajs.logLevel.ERROR,
  });
  const consumer = kafka.consumer({ groupId: `${TOPIC_PREFIX}${name}`, maxWaitTimeInMs: 100 });
  await consumer.connect();
  await consumer.subscribe({ topics: topics.map((topic) => `${TOPIC_PREFIX}${topic}`), fromBeginning: true });
  await consumer.run({
    partitionsConsumedConcurrently: Number(PARTITIONS),
    autoCommitInterval: 1_000,
    eachBatch: async ({ batch: { topic, partition, messages }, resolveOffset, heartbeat }) => {
      for (let from = 0; from < messages.length; from += BATCH) {
        const some = messages.slice(from, from + BATCH);
        const { text, values } = statement(some.map(read), topic);
        const { offset } = some.at(-1)!;
        await database.query({
          name: topic,
          text: `WITH moved AS (
                   INSERT INTO bare_position (reader, topic, partition, at) VALUES ($1, $2, $3::int, $4::bigint)
                   ON CONFLICT (reader, topic, partition) DO UPDATE SET at = excluded.at
                 ) ${text}`,
          values: [name, topic, partition, offset, ...values],
        });
        resolveOffset(offset);
        await heartbeat();
      }
    },
  });
}

function read({ key, value, headers, timestamp }: KafkaMessage): BareEvent {
  const { name, properties } = JSON.parse(String(value)) as { name: string; properties: unknown };
  return { id: String(headers!.ce_id), contact: String(key), name, atMs: timestamp, properties };
}
