import type { KafkaConnection } from './connection.ts';
import { Positions } from './positions.ts';

export interface GroupPosition {
  readonly partition: number;
  /** Next offset that the group has committed; where it has committed nothing, the first that the log holds. */
  readonly committed: number;
  /** Offset that the next message written to the partition gets. */
  readonly end: number;
}

/** How far a group has come in a topic (both named without prefix), as far as it has committed. Opens a connection for the one question. */
export async function groupPositions(
  connection: KafkaConnection,
  groupId: string,
  topic: string,
): Promise<GroupPosition[]> {
  const positions = new Positions(connection);
  const name = connection.withPrefix(topic);
  try {
    const bounds = await positions.bounds(name);
    const committed = await positions.committed(connection.withPrefix(groupId), name);
    return [...bounds].map(([partition, { low, high }]) => ({
      partition,
      committed: committed.get(partition) ?? low,
      end: high,
    }));
  } finally {
    await positions.close();
  }
}
