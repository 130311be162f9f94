import { contactKey, partitionOf } from '@trackline/contracts';
import { uuidv7 } from '@trackline/kernel';
import { randomUUID } from 'node:crypto';
import { PARTITIONS, type Stage } from './stage.ts';

const AT_ONCE = 10_000;

/** Each table has all columns of the pattern's row but those named; so a column more in trigger changes nothing here. */
const COPY = `
  WITH laid AS (
    SELECT * FROM unnest($2::uuid[], $3::uuid[], $4::int[]) AS laid (id, contact_id, partition)
  ), executions AS (
    INSERT INTO trigger.execution
    SELECT copy.* FROM trigger.execution pattern, laid, jsonb_populate_record(pattern,
      jsonb_build_object('id', laid.id, 'contact_id', laid.contact_id, 'partition', laid.partition)) AS copy
    WHERE pattern.id = $1
  ), steps AS (
    INSERT INTO trigger.step
    SELECT copy.* FROM trigger.step pattern, laid, jsonb_populate_record(pattern,
      jsonb_build_object('execution_id', laid.id)) AS copy
    WHERE pattern.execution_id = $1
  ), waits AS (
    INSERT INTO trigger.wait
    SELECT copy.* FROM trigger.wait pattern, laid, jsonb_populate_record(pattern,
      jsonb_build_object('execution_id', laid.id, 'contact_id', laid.contact_id)) AS copy
    WHERE pattern.execution_id = $1
  ), timers AS (
    INSERT INTO trigger.timer (execution_id, partition, kind, due_at)
    SELECT laid.id, laid.partition, pattern.kind, pattern.due_at FROM trigger.timer pattern, laid
    WHERE pattern.execution_id = $1
  )
  INSERT INTO trigger.running AS r (workflow_id, partition, count)
  SELECT pattern.workflow_id, laid.partition, count(*) FROM trigger.execution pattern, laid
  WHERE pattern.id = $1 GROUP BY 1, 2
  ON CONFLICT (workflow_id, partition) DO UPDATE SET count = r.count + excluded.count`;

/** An execution that waits, as trigger has made it: what others are made after. */
export interface Pattern {
  readonly executionId: string;
  readonly organizationId: string;
}

/**
 * Lays so many executions that wait, each of a contact of its own, as copies of one that trigger has begun by an event: a million by events
 * would take longer than all that is measured. Gives their contacts.
 */
export async function layWaits(stage: Stage, pattern: Pattern, count: number): Promise<string[]> {
  const contacts: string[] = [];
  while (contacts.length < count) {
    const some = Array.from({ length: Math.min(AT_ONCE, count - contacts.length) }, () => randomUUID());
    await stage.database.query({
      text: COPY,
      values: [
        pattern.executionId,
        some.map(() => uuidv7()),
        some,
        some.map((id) => partitionOf(contactKey(pattern.organizationId, id), PARTITIONS.contact)),
      ],
    });
    contacts.push(...some);
  }
  // Else Postgres would come to it by itself, while something is measured.
  await stage.database.query({
    text: 'VACUUM (ANALYZE) trigger.execution, trigger.step, trigger.wait, trigger.timer',
  });
  return contacts;
}
