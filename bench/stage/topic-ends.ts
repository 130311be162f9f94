import type { KafkaConnection } from '@trackline/kafka';
import { eventually } from '@trackline/testkit';

/** How much has been written to topics. */
export interface TopicEnds {
  /** Of these topics together; named without prefix. */
  sum(...topics: readonly string[]): Promise<number>;
  close(): Promise<void>;
}

/** A broker that is busy may lead nothing for a moment: an hour of measuring is not given up for that. */
const ANSWERED_WITHIN_MS = 30_000;

/** One connection for as many looks as are wanted. */
export async function openTopicEnds(kafka: KafkaConnection): Promise<TopicEnds> {
  const admin = kafka.newClient().admin();
  await admin.connect();
  const endsOf = (topic: string) =>
    eventually(() => admin.fetchTopicOffsets(kafka.withPrefix(topic)), {
      withinMs: ANSWERED_WITHIN_MS,
      everyMs: 250,
    });
  return {
    sum: async (...topics) => {
      const ends = await Promise.all(topics.map(endsOf));
      return ends.flat().reduce((sum, { high }) => sum + Number(high), 0);
    },
    close: () => admin.disconnect(),
  };
}
