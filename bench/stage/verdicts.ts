import { readToEnd } from '@trackline/kafka';
import type { Stage } from './stage.ts';
import type { TopicEnds } from './topic-ends.ts';

interface Verdicts {
  /** How many events were judged so. */
  readonly events: number;
  /** How many messages say it again: the next owner of a partition repeats what the last may not have published. */
  readonly repeated: number;
}

/** What a topic of verdicts holds. It is read only when there are more messages than events are expected. */
export async function verdictsOn(
  { kafka }: Stage,
  ends: TopicEnds,
  topic: string,
  expected: number,
): Promise<Verdicts> {
  const messages = await ends.sum(topic);
  if (messages <= expected) return { events: messages, repeated: 0 };
  const positions = new Set<string>();
  await readToEnd({
    connection: kafka,
    topic,
    onMessage: ({ headers }) => positions.add(String(headers.ce_position)),
  });
  return { events: positions.size, repeated: messages - positions.size };
}
