import type { KafkaConnection } from '@trackline/kafka';
import { eventually } from '@trackline/testkit';

const WITHIN_MS = 60_000;

/** Resolves when so many have joined the group, and each of them has been given its partitions. */
export async function groupJoined(kafka: KafkaConnection, group: string, members: number): Promise<void> {
  const admin = kafka.newClient().admin();
  await admin.connect();
  try {
    await eventually(
      async () => {
        const { groups } = await admin.describeGroups([kafka.withPrefix(group)]);
        const [{ state, members: joined }] = groups as [(typeof groups)[number]];
        return state === 'Stable' && joined.length === members;
      },
      { withinMs: WITHIN_MS, everyMs: 100 },
    );
  } finally {
    await admin.disconnect();
  }
}
