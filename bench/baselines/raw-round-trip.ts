import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { EventEmitter } from 'node:events';
import kafkajs from 'kafkajs';
import type { Stage } from '../stage/stage.ts';

/** One message at a time to another process and back, by kafkajs alone: what a single hop there and back costs. */
export interface RawRoundTrip {
  /** Milliseconds. */
  trip(body: string): Promise<number>;
  readonly echoPid: number;
  close(): Promise<void>;
}

const UP_WITHIN_MS = 20_000;
const TRY_MS = 250;

export async function openRawRoundTrip(stage: Stage): Promise<RawRoundTrip> {
  const [ask, answer] = [stage.kafka.withPrefix('raw-ask'), stage.kafka.withPrefix('raw-answer')];
  const kafka = new kafkajs.Kafka({
    brokers: [...stage.kafka.brokers],
    clientId: 'raw-round-trip',
    logLevel: kafkajs.logLevel.ERROR,
  });
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [ask, answer].map((topic) => ({ topic, numPartitions: 1 })) });
  await admin.disconnect();
  const echo = stage.baseline('raw-echo', { ASK_TOPIC: ask, ANSWER_TOPIC: answer });
  const producer = kafka.producer();
  const consumer = kafka.consumer({ groupId: `${answer}-caller`, maxWaitTimeInMs: 500 });
  await Promise.all([producer.connect(), consumer.connect()]);
  const answers = new EventEmitter();
  await consumer.subscribe({ topic: answer, fromBeginning: true });
  await consumer.run({
    autoCommitInterval: 1_000,
    eachMessage: async ({ message }) => void answers.emit(String(message.key)),
  });
  let serial = 0;
  const trip = async (body: string, withinMs = UP_WITHIN_MS): Promise<number> => {
    const key = String((serial += 1));
    const answered = once(answers, key, { signal: AbortSignal.timeout(withinMs) });
    const startedMs = performance.now();
    // The answer may be there before the acknowledgement: what counts is when both are.
    await Promise.all([producer.send({ topic: ask, messages: [{ key, value: body }] }), answered]);
    return performance.now() - startedMs;
  };
  const deadlineMs = Date.now() + UP_WITHIN_MS;
  while (!(await trip('{}', TRY_MS).catch(() => undefined))) {
    if (Date.now() > deadlineMs) throw new Error(`No round trip within ${UP_WITHIN_MS} ms.`);
  }
  return {
    trip: (body) => trip(body),
    echoPid: echo.pid!,
    close: async () => {
      await Promise.all([consumer.disconnect(), producer.disconnect()]);
    },
  };
}
