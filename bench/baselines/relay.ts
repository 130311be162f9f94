/** kafkajs alone: what comes on one topic goes out on another, unread, in batches. How fast messages can be moved at all from Node. */
import kafkajs from 'kafkajs';

const { KAFKA_BROKERS, TOPIC_PREFIX, SOURCE_TOPIC, TARGET_TOPIC, PARTITIONS } = process.env;
const BATCH = 500;

const kafka = new kafkajs.Kafka({
  brokers: KAFKA_BROKERS!.split(','),
  clientId: 'relay',
  logLevel: kafkajs.logLevel.ERROR,
});
const producer = kafka.producer();
const consumer = kafka.consumer({ groupId: `${TOPIC_PREFIX}relay`, maxWaitTimeInMs: 100 });
await Promise.all([producer.connect(), consumer.connect()]);
await consumer.subscribe({ topic: `${TOPIC_PREFIX}${SOURCE_TOPIC}`, fromBeginning: true });
await consumer.run({
  partitionsConsumedConcurrently: Number(PARTITIONS),
  autoCommitInterval: 1_000,
  eachBatch: async ({ batch: { partition, messages }, resolveOffset, heartbeat }) => {
    for (let from = 0; from < messages.length; from += BATCH) {
      const some = messages.slice(from, from + BATCH);
      await producer.send({
        topic: `${TOPIC_PREFIX}${TARGET_TOPIC}`,
        messages: some.map(({ key, value, headers }) => ({
          partition,
          key,
          value,
          ...(headers && { headers }),
        })),
      });
      resolveOffset(some.at(-1)!.offset);
      await heartbeat();
    }
  },
});
