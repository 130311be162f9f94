import type { KafkaConnection } from './connection.ts';
import { Positions } from './positions.ts';

/** Per partition of the topic (named without prefix), the offset that the next message gets. Opens a connection for the one question. */
export async function endOffsets(connection: KafkaConnection, topic: string): Promise<Map<number, number>> {
  const positions = new Positions(connection);
  try {
    const bounds = await positions.bounds(connection.withPrefix(topic));
    return new Map([...bounds].map(([partition, { high }]) => [partition, high]));
  } finally {
    await positions.close();
  }
}
