import { textArray, uuidArray, type Queryable } from '@trackline/postgres';
import type { ChangedExecution } from '../../domain/effects.ts';

/** Ends the waits that were stored, and begins those that the executions ask for now. */
export async function writeWaits(tx: Queryable, changed: readonly ChangedExecution[]): Promise<void> {
  const over = changed.filter(({ hadWait }) => hadWait).map(({ execution }) => execution);
  if (over.length > 0) {
    await tx.query({
      name: 'trigger.end_waits',
      text: `DELETE FROM trigger.wait w USING unnest($1::uuid[], $2::uuid[], $3::uuid[])
               AS e (organization_id, contact_id, execution_id)
             WHERE w.organization_id = e.organization_id AND w.contact_id = e.contact_id AND w.execution_id = e.execution_id`,
      values: [
        uuidArray(over, (e) => e.organizationId),
        uuidArray(over, (e) => e.contactId),
        uuidArray(over, (e) => e.id),
      ],
    });
  }
  const waits = changed.flatMap(({ execution }) =>
    execution.waitsFor.map((eventName) => ({ execution, eventName })),
  );
  if (waits.length === 0) return;
  await tx.query({
    name: 'trigger.begin_waits',
    text: `INSERT INTO trigger.wait (organization_id, contact_id, event_name, execution_id)
           SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[])`,
    values: [
      uuidArray(waits, ({ execution }) => execution.organizationId),
      uuidArray(waits, ({ execution }) => execution.contactId),
      textArray(waits, ({ eventName }) => eventName),
      uuidArray(waits, ({ execution }) => execution.id),
    ],
  });
}
