/** The far end of a raw round trip: whatever comes is sent back. Tells its parent when it reads. */
import kafkajs from 'kafkajs';

const { KAFKA_BROKERS, ASK_TOPIC, ANSWER_TOPIC, PARTITIONS = '1' } = process.env;

const kafka = new kafkajs.Kafka({
  brokers: KAFKA_BROKERS!.split(','),
  clientId: 'raw-echo',
  logLevel: kafkajs.logLevel.ERROR,
});
const producer = kafka.producer();
const consumer = kafka.consumer({ groupId: `${ASK_TOPIC}-echo`, maxWaitTimeInMs: 500 });
await Promise.all([producer.connect(), consumer.connect()]);
await consumer.subscribe({ topic: ASK_TOPIC!, fromBeginning: true });
await consumer.run({
  partitionsConsumedConcurrently: Number(PARTITIONS),
  // Once a second: the default commits after each fetch, and keeps the next waiting for it.
  autoCommitInterval: 1_000,
  eachMessage: async ({ message: { key, value, headers } }) => {
    await producer.send({ topic: ANSWER_TOPIC!, messages: [{ key, value, ...(headers && { headers }) }] });
  },
});
