/**
 * What somebody writes in an afternoon: fetch, one EVALSHA per 500 (seen before? count), one transaction per 500 (ledger, usage), publish.
 * It forgets all of what makes admission exact: no fence, no epoch, no journal, no cap, no resend told from a duplicate, Redis trusted
 * before Postgres. kafkajs, pg and ioredis as they come, with the settings that were fastest here; with PUBLISHER=ours it publishes by
 * libs/kafka, which takes kafkajs' slow encoding out of the comparison.
 */
import { createHash } from 'node:crypto';
import { connectKafka, Publisher, type OutgoingMessage } from '@trackline/kafka';
import kafkajs, { type KafkaMessage } from 'kafkajs';
import pg from 'pg';
import { Redis } from 'ioredis';

const BATCH = 500;
const ADMITTED = 'events.admitted.v1';
const REFUSED = 'events.refused.v1';
const HOT_WINDOW_SECONDS = 48 * 3_600;
const { KAFKA_BROKERS, DATABASE_URL, REDIS_URL, TOPIC_PREFIX, SOURCE_TOPIC, PARTITIONS, PUBLISHER } =
  process.env;
const SCRIPT = `
local verdicts = {}
for i = 1, #KEYS, 2 do
  if redis.call('SET', KEYS[i], '1', 'NX', 'EX', ARGV[1]) then
    redis.call('INCR', KEYS[i + 1])
    verdicts[#verdicts + 1] = 'A'
  else
    verdicts[#verdicts + 1] = 'D'
  end
end
return table.concat(verdicts)`;

const redis = new Redis(REDIS_URL!);
const sha = String(await redis.script('LOAD', SCRIPT));
const database = new pg.Pool({ connectionString: DATABASE_URL, max: 10 });
await database.query(`
  CREATE TABLE IF NOT EXISTS bare_ledger (event_id uuid PRIMARY KEY, contact text, source int, source_offset bigint);
  CREATE TABLE IF NOT EXISTS bare_usage (organization text, source int, used bigint, PRIMARY KEY (organization, source))`);

const kafka = new kafkajs.Kafka({
  brokers: KAFKA_BROKERS!.split(','),
  clientId: 'bare-loop',
  logLevel: kafkajs.logLevel.ERROR,
});
const publish = PUBLISHER === 'ours' ? await ourPublisher() : await plainProducer();
const consumer = kafka.consumer({ groupId: `${TOPIC_PREFIX}bare-loop`, maxWaitTimeInMs: 100 });
await consumer.connect();
await consumer.subscribe({ topic: `${TOPIC_PREFIX}${SOURCE_TOPIC}`, fromBeginning: true });
await consumer.run({
  partitionsConsumedConcurrently: Number(PARTITIONS),
  autoCommitInterval: 1_000,
  eachBatch: async ({ batch, resolveOffset, heartbeat }) => {
    for (let from = 0; from < batch.messages.length; from += BATCH) {
      const messages = batch.messages.slice(from, from + BATCH);
      await admit(batch.partition, messages);
      resolveOffset(messages.at(-1)!.offset);
      await heartbeat();
    }
  },
});

interface Read {
  readonly message: KafkaMessage;
  readonly organization: string;
  readonly eventId: string;
  readonly identity: string;
}

function read(message: KafkaMessage): Read {
  const [organization, contact] = String(message.key).split(':') as [string, string];
  const { ce_id, ce_uniqueid, ce_type } = message.headers!;
  if (String(ce_type) !== 'com.trackline.event.track') {
    const unique = ce_uniqueid && String(ce_uniqueid);
    return { message, organization, eventId: String(ce_id), identity: unique ?? String(ce_id) };
  }
  // A direct producer's: its id is a text, and its unique id is in the body.
  const { uniqueId } = JSON.parse(String(message.value)) as { uniqueId?: string };
  const eventId = createHash('md5')
    .update(`${contact}${String(ce_id)}`)
    .digest('hex');
  return { message, organization, eventId, identity: uniqueId ?? eventId };
}

async function admit(partition: number, messages: readonly KafkaMessage[]): Promise<void> {
  const events = messages.map(read);
  const keys = events.flatMap(({ organization, identity }) => [
    `bare:${TOPIC_PREFIX}${organization}:${identity}`,
    `bare:${TOPIC_PREFIX}${organization}`,
  ]);
  const verdicts = String(await redis.evalsha(sha, keys.length, ...keys, HOT_WINDOW_SECONDS));
  await commit(
    partition,
    events.filter((_, at) => verdicts[at] === 'A'),
  );
  await publish(
    events.map(({ message: { key, value, headers, timestamp, offset } }, at) => ({
      topic: verdicts[at] === 'A' ? ADMITTED : REFUSED,
      // A contact's events stay in the partition of the same number.
      partition,
      key,
      value,
      headers: { ...headers, ce_position: `${partition}@${offset}`, ce_receivedat: timestamp },
    })),
  );
}

type Verdict = Pick<KafkaMessage, 'key' | 'value'> & {
  readonly topic: string;
  readonly partition: number;
  readonly headers: kafkajs.IHeaders;
};

async function plainProducer(): Promise<(verdicts: readonly Verdict[]) => Promise<unknown>> {
  const producer = kafka.producer();
  await producer.connect();
  return (verdicts) => {
    const byTopic = new Map<string, Verdict[]>([
      [ADMITTED, []],
      [REFUSED, []],
    ]);
    for (const verdict of verdicts) byTopic.get(verdict.topic)!.push(verdict);
    const topicMessages = [...byTopic].map(([topic, messages]) => ({
      topic: `${TOPIC_PREFIX}${topic}`,
      messages,
    }));
    return producer.sendBatch({ topicMessages: topicMessages.filter(({ messages }) => messages.length > 0) });
  };
}

async function ourPublisher(): Promise<(verdicts: readonly Verdict[]) => Promise<unknown>> {
  const connection = connectKafka({
    brokers: KAFKA_BROKERS!,
    clientId: 'bare-loop-publisher',
    topicPrefix: TOPIC_PREFIX!,
  });
  const publisher = new Publisher({ connection });
  await publisher.connect();
  return (verdicts) => publisher.publish(verdicts as unknown as OutgoingMessage[]);
}

async function commit(partition: number, admitted: readonly Read[]): Promise<void> {
  if (admitted.length === 0) return;
  const used = new Map<string, number>();
  for (const { organization } of admitted) used.set(organization, (used.get(organization) ?? 0) + 1);
  const client = await database.connect();
  try {
    await client.query('BEGIN');
    await client.query({
      name: 'ledger',
      text: `INSERT INTO bare_ledger SELECT event, contact, $1, at FROM unnest($2::uuid[], $3::text[], $4::bigint[]) AS t (event, contact, at)`,
      values: [
        partition,
        array(admitted.map(({ eventId }) => eventId)),
        array(admitted.map(({ message }) => `"${String(message.key)}"`)),
        array(admitted.map(({ message }) => message.offset)),
      ],
    });
    await client.query({
      name: 'usage',
      text: `INSERT INTO bare_usage AS u SELECT organization, $1, n FROM unnest($2::text[], $3::bigint[]) AS t (organization, n)
               ON CONFLICT (organization, source) DO UPDATE SET used = u.used + excluded.used`,
      values: [partition, array([...used.keys()]), array([...used.values()])],
    });
    await client.query('COMMIT');
  } finally {
    client.release();
  }
}

/** As a literal: the driver takes longer to encode 500 ids than Postgres to insert them. */
function array(values: readonly (string | number)[]): string {
  return `{${values.join(',')}}`;
}
