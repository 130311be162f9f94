import type { NumbersAsSent } from '@trackline/contracts';
import { jsonbArray, momentArray, textArray, uuidArray, type Queryable } from '@trackline/postgres';
import type { RememberedEvent } from '../../domain/remembered.ts';
import type { ContactRef } from '../../ports.ts';

/** So many events of one name are remembered of a contact, the last ones. */
export const KEPT_EVENTS = 20;

interface RememberedRow {
  organization_id: string;
  contact_id: string;
  event_name: string;
  event_id: string;
  properties: Record<string, unknown>;
  numbers: NumbersAsSent | null;
  received_at: Date;
  forget_at: Date;
}

/** By contact id, in the order of receipt. */
export async function loadRemembered(
  db: Queryable,
  refs: readonly ContactRef[],
): Promise<ReadonlyMap<string, readonly RememberedEvent[]>> {
  const { rows } = await db.query<RememberedRow>({
    name: 'trigger.remembered',
    text: `SELECT r.* FROM unnest($1::uuid[], $2::uuid[]) AS q (organization_id, contact_id)
           JOIN trigger.remembered r ON r.organization_id = q.organization_id AND r.contact_id = q.contact_id
           ORDER BY r.received_at, r.event_id`,
    values: [uuidArray(refs, (ref) => ref.organizationId), uuidArray(refs, (ref) => ref.contactId)],
  });
  const byContact = new Map<string, RememberedEvent[]>();
  for (const row of rows) {
    const event: RememberedEvent = {
      organizationId: row.organization_id,
      contactId: row.contact_id,
      event: {
        eventId: row.event_id,
        name: row.event_name,
        properties: row.properties,
        ...(row.numbers && { numbers: row.numbers }),
      },
      receivedAtMs: row.received_at.getTime(),
      forgetAtMs: row.forget_at.getTime(),
    };
    const own = byContact.get(row.contact_id);
    if (own) own.push(event);
    else byContact.set(row.contact_id, [event]);
  }
  return byContact;
}

/** Keeps the events, and of each contact and name the last ones only. */
export async function writeRemembered(tx: Queryable, remembered: readonly RememberedEvent[]): Promise<void> {
  const kept = lastOfEach(remembered);
  if (kept.length === 0) return;
  await tx.query({
    name: 'trigger.remember',
    text: `INSERT INTO trigger.remembered
             (organization_id, contact_id, event_name, event_id, properties, numbers, received_at, forget_at)
           SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::jsonb[], $6::jsonb[], $7::timestamptz[], $8::timestamptz[])
           ON CONFLICT (organization_id, contact_id, event_name, event_id)
             DO UPDATE SET forget_at = greatest(remembered.forget_at, excluded.forget_at)`,
    values: [
      uuidArray(kept, (one) => one.organizationId),
      uuidArray(kept, (one) => one.contactId),
      textArray(kept, (one) => one.event.name),
      uuidArray(kept, (one) => one.event.eventId),
      jsonbArray(kept, (one) => JSON.stringify(one.event.properties)),
      jsonbArray(kept, ({ event: { numbers } }) => numbers && JSON.stringify(numbers)),
      momentArray(kept, (one) => one.receivedAtMs),
      momentArray(kept, (one) => one.forgetAtMs),
    ],
  });
  const names = [...new Map(kept.map((one) => [nameKey(one), one])).values()];
  await tx.query({
    name: 'trigger.forget_older',
    text: `DELETE FROM trigger.remembered r USING (
             SELECT old.* FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS q (organization_id, contact_id, event_name)
             CROSS JOIN LATERAL (
               SELECT o.organization_id, o.contact_id, o.event_name, o.event_id FROM trigger.remembered o
               WHERE o.organization_id = q.organization_id AND o.contact_id = q.contact_id AND o.event_name = q.event_name
               ORDER BY o.received_at DESC, o.event_id DESC OFFSET ${KEPT_EVENTS}) AS old
           ) AS old
           WHERE r.organization_id = old.organization_id AND r.contact_id = old.contact_id
             AND r.event_name = old.event_name AND r.event_id = old.event_id`,
    values: [
      uuidArray(names, (one) => one.organizationId),
      uuidArray(names, (one) => one.contactId),
      textArray(names, (one) => one.event.name),
    ],
  });
}

const nameKey = ({ contactId, event }: RememberedEvent): string => `${contactId}:${event.name}`;

function lastOfEach(remembered: readonly RememberedEvent[]): RememberedEvent[] {
  const byName = new Map<string, Map<string, RememberedEvent>>();
  for (const one of remembered) {
    const own = byName.get(nameKey(one)) ?? new Map<string, RememberedEvent>();
    byName.set(nameKey(one), own.set(one.event.eventId, one));
  }
  return [...byName.values()].flatMap((own) => [...own.values()].slice(-KEPT_EVENTS));
}
