import type { KafkaConnection } from '@trackline/kafka';
import { eventually } from '../eventually.ts';

/** By partition. */
export type GroupOffsets = ReadonlyMap<number, number>;

type Admin = ReturnType<ReturnType<KafkaConnection['newClient']>['admin']>;

/** Sets the offsets of a group by hand. Its members must have been stopped: waits until the broker believes it. */
export async function setGroupOffsets(
  kafka: KafkaConnection,
  { group, topic }: { readonly group: string; readonly topic: string },
  offsets: GroupOffsets,
): Promise<void> {
  const wanted = {
    groupId: kafka.withPrefix(group),
    topic: kafka.withPrefix(topic),
    partitions: [...offsets].map(([partition, offset]) => ({ partition, offset: String(offset) })),
  };
  await asAdmin(kafka, (admin) =>
    eventually(
      async () => {
        await admin.setOffsets(wanted);
        return true;
      },
      { withinMs: 20_000, everyMs: 250 },
    ),
  );
}

export function groupOffsets(
  kafka: KafkaConnection,
  { group, topic }: { readonly group: string; readonly topic: string },
): Promise<Map<number, number>> {
  return asAdmin(kafka, async (admin) => {
    const topics = [kafka.withPrefix(topic)];
    const [found] = await admin.fetchOffsets({ groupId: kafka.withPrefix(group), topics });
    return new Map(found!.partitions.map(({ partition, offset }) => [partition, Number(offset)]));
  });
}

export async function deleteTopicsOf(kafka: KafkaConnection, topicPrefix: string): Promise<void> {
  await asAdmin(kafka, async (admin) => {
    const ours = (await admin.listTopics()).filter((topic) => topic.startsWith(topicPrefix));
    await admin.deleteTopics({ topics: ours });
  });
}

async function asAdmin<Result>(
  kafka: KafkaConnection,
  work: (admin: Admin) => Promise<Result>,
): Promise<Result> {
  const admin = kafka.newClient().admin();
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}
