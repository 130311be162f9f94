import { ADMITTED, REFUSED } from '@trackline/contracts';
import { pairOf, type Filled, type Verdicts } from './source-events.ts';
import type { Stage } from './stage.ts';
import type { TopicEnds } from './topic-ends.ts';

/** Positions that were moved in the transaction of what they stand for. */
const POSITIONS = `
  SELECT 'trigger' AS reader, topic, partition, source, source_offset::text AS at FROM trigger.position
  UNION ALL SELECT 'timeline', topic, partition, source, source_offset::text FROM timeline.position`;
const SOURCE = /^inbound\.\d+\.(\d+)$/;

interface PositionRow {
  readonly reader: 'trigger' | 'timeline';
  readonly topic: string;
  readonly partition: number;
  readonly source: string;
  readonly at: string;
}

/** A part of the work: so many of so many. */
export type Part = readonly [done: number, of: number];

/** As many as the slowest has done, of `sent`; all of them only when each has done all. */
export const slowest = (sent: number, parts: readonly Part[]): number =>
  Math.min(...parts.filter(([, of]) => of > 0).map(([done, of]) => (done >= of ? sent : (done / of) * sent)));

/** How far each service has come with what came by the Kafka door: judged and published, compared with the workflows, on the timeline. */
export async function partsOfServices(
  stage: Stage,
  ends: TopicEnds,
  filled: Filled,
): Promise<Record<'dedup-meter' | 'trigger' | 'timeline', readonly Part[]>> {
  const published = await ends.sum(ADMITTED, REFUSED);
  const { rows } = await stage.database.query<PositionRow>({ name: 'positions', text: POSITIONS });
  const passed = (reader: PositionRow['reader'], topic: string, verdicts: Verdicts): Part => {
    let done = 0;
    for (const row of rows) {
      const source = SOURCE.exec(row.source)?.[1];
      if (row.reader !== reader || row.topic !== topic || source === undefined) continue;
      done += upTo(verdicts.get(pairOf(row.partition, Number(source))) ?? [], Number(row.at));
    }
    return [done, [...verdicts.values()].reduce((sum, offsets) => sum + offsets.length, 0)];
  };
  return {
    'dedup-meter': [[published, filled.sent]],
    trigger: [passed('trigger', ADMITTED, filled.admitted)],
    timeline: [passed('timeline', ADMITTED, filled.admitted), passed('timeline', REFUSED, filled.refused)],
  };
}

/** How many of the rising offsets are at most this one. */
function upTo(offsets: readonly number[], last: number): number {
  let [low, high] = [0, offsets.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (offsets[middle]! <= last) low = middle + 1;
    else high = middle;
  }
  return low;
}
