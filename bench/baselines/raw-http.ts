/**
 * What somebody writes in an hour: a POST is a message by kafkajs, and is answered when another process has sent it back. Nothing is checked,
 * looked up, stored or counted.
 */
import { createServer } from 'node:http';
import kafkajs from 'kafkajs';

const { KAFKA_BROKERS, ASK_TOPIC, ANSWER_TOPIC, HTTP_PORT, PARTITIONS } = process.env;

const kafka = new kafkajs.Kafka({
  brokers: KAFKA_BROKERS!.split(','),
  clientId: 'raw-http',
  logLevel: kafkajs.logLevel.ERROR,
});
const producer = kafka.producer();
const consumer = kafka.consumer({ groupId: `${ANSWER_TOPIC}-http`, maxWaitTimeInMs: 500 });
await Promise.all([producer.connect(), consumer.connect()]);
const waiting = new Map<string, () => void>();
await consumer.subscribe({ topic: ANSWER_TOPIC!, fromBeginning: true });
await consumer.run({
  partitionsConsumedConcurrently: Number(PARTITIONS),
  autoCommitInterval: 1_000,
  eachMessage: async ({ message }) => {
    const key = String(message.key);
    waiting.get(key)?.();
    waiting.delete(key);
  },
});

let serial = 0;
createServer((request, response) => {
  let text = '';
  request.setEncoding('utf8').on('data', (part: string) => (text += part));
  request.once('end', () => {
    const key = String((serial += 1));
    const event = JSON.parse(text) as object;
    waiting.set(key, () => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ success: true, key }));
    });
    producer.send({ topic: ASK_TOPIC!, messages: [{ key, value: JSON.stringify(event) }] }).catch(() => {
      waiting.delete(key);
      response.writeHead(503).end();
    });
  });
}).listen(Number(HTTP_PORT), '127.0.0.1');
