import type { KafkaConnection } from '@trackline/kafka';

/** How much has been written to topics. */
export interface TopicEnds {
  /** Of these topics together; named without prefix. */
  sum(...topics: readonly string[]): Promise<number>;
  close(): Promise<void>;
}

/** One connection for as many looks as are wanted. */
export async function openTopicEnds(kafka: KafkaConnection): Promise<TopicEnds> {
  const admin = kafka.newClient().admin();
  await admin.connect();
  return {
    sum: async (...topics) => {
      const ends = await Promise.all(topics.map((topic) => admin.fetchTopicOffsets(kafka.withPrefix(topic))));
      return ends.flat().reduce((sum, { high }) => sum + Number(high), 0);
    },
    close: () => admin.disconnect(),
  };
}
