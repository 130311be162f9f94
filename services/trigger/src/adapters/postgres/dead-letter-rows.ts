import type { Queryable } from '@trackline/postgres';
import type { Commit } from '../../ports.ts';

/** Puts down what was passed without an effect, counts the days anew of what was sent back in vain, and takes out what has its effect now. False: that is not there any more. */
export async function writeDeadLetters(
  tx: Queryable,
  { topic, partition, buried, buriedAgain = [], redriven }: NonNullable<Commit['deadLetters']>,
): Promise<boolean> {
  if (buried.length > 0) {
    await tx.query({
      name: 'trigger.bury',
      text: `INSERT INTO trigger.dead_letter (topic, partition, source, source_offset)
             SELECT $1, $2, source, source_offset FROM unnest($3::text[], $4::bigint[]) AS b (source, source_offset)
             ON CONFLICT DO NOTHING`,
      values: [topic, partition, buried.map(({ source }) => source), buried.map(({ offset }) => offset)],
    });
  }
  if (buriedAgain.length > 0) {
    await tx.query({
      name: 'trigger.bury_again',
      text: `UPDATE trigger.dead_letter l SET buried_at = now()
             FROM unnest($3::text[], $4::bigint[]) AS b (source, source_offset)
             WHERE l.topic = $1 AND l.partition = $2 AND l.source = b.source AND l.source_offset = b.source_offset`,
      values: [
        topic,
        partition,
        buriedAgain.map(({ source }) => source),
        buriedAgain.map(({ offset }) => offset),
      ],
    });
  }
  if (!redriven) return true;
  const { rowCount } = await tx.query({
    name: 'trigger.redrive',
    text: `DELETE FROM trigger.dead_letter WHERE topic = $1 AND partition = $2 AND source = $3 AND source_offset = $4`,
    values: [topic, partition, redriven.source, redriven.offset],
  });
  return rowCount === 1;
}
