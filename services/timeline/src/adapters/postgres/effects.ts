import { momentArray, textArray, uuidArray, type Database, type Queryable } from '@trackline/postgres';
import type { EffectReader, EffectWriter, EventEffect, PartitionInventory } from '../../ports.ts';
import type { StoredEffect } from '../../domain/stored-event.ts';
import { organizationsOf, resettleEvents, untilUncontended } from './attribution/attribution-writes.ts';
import type { EditionBook } from './attribution/edition-book.ts';
import { nameCampaigns } from './attribution/message-facts.ts';
import { writePartitioned } from './partitioned-write.ts';

const INSERT = `
  INSERT INTO timeline.execution_effect (happened_at, event_id, id, organization_id, execution_id, workflow_id, effect, reason)
  SELECT * FROM unnest($1::timestamptz[], $2::uuid[], $3::text[], $4::uuid[], $5::uuid[], $6::uuid[], $7::text[], $8::text[])
  ON CONFLICT DO NOTHING
`;

async function insert(tx: Queryable, effects: readonly EventEffect[]): Promise<number> {
  const { rowCount } = await tx.query({
    name: 'timeline-insert-effects',
    text: INSERT,
    values: [
      momentArray(effects, (effect) => effect.atMs),
      uuidArray(effects, (effect) => effect.eventId),
      textArray(effects, (effect) => effect.id),
      uuidArray(effects, (effect) => effect.organizationId),
      uuidArray(effects, (effect) => effect.executionId),
      uuidArray(effects, (effect) => effect.workflowId),
      textArray(effects, (effect) => effect.effect),
      textArray(effects, (effect) => effect.reason),
    ],
  });
  return rowCount;
}

/** The event may be an order, which the executions that it started do not earn. */
const mayUnearn = ({ effect }: EventEffect): boolean => effect === 'started';

/** No positions here: the row's key is the effect's own id, so the same effect again changes nothing. A name is given again with the batch. */
export const effectWriter = (
  database: Database,
  inventory: PartitionInventory,
  book: EditionBook,
): EffectWriter => ({
  async commit(owner, told) {
    const withEffect = [...told.keys()].filter((index) => told[index]!.effect);
    const effects = withEffect.map((index) => told[index]!.effect!);
    const doing = effects.filter(mayUnearn);
    await book.ensure(organizationsOf(doing));
    const written = await writePartitioned(database, inventory, {
      table: 'execution_effect',
      rows: effects,
      timeOf: (effect) => effect.atMs,
      insert,
      commit: () =>
        untilUncontended(database, async (tx) => {
          const count = effects.length === 0 ? 0 : await insert(tx, effects);
          if (doing.length > 0) await resettleEvents(tx, book, owner.partition, doing);
          return count;
        }),
    });
    if (typeof written !== 'number') {
      return { kind: 'unstorable', index: withEffect[written.index]!, detail: written.detail };
    }
    await nameCampaigns(
      database,
      told.flatMap(({ automation }) => automation ?? []),
    );
    return { kind: 'committed', written: written + told.length - effects.length };
  },
});

interface EffectRow {
  event_id: string;
  execution_id: string;
  workflow_id: string;
  effect: StoredEffect['effect'];
  reason: string | null;
}

const fromRow = (row: EffectRow): StoredEffect => ({
  eventId: row.event_id,
  executionId: row.execution_id,
  workflowId: row.workflow_id,
  effect: row.effect,
  reason: row.reason,
});

export const effectReader = (database: Database): EffectReader => ({
  async ofEvents(organizationId, eventIds, sinceMs) {
    const { rows } = await database.query<EffectRow>({
      text: `
        SELECT event_id, execution_id, workflow_id, effect, reason
        FROM timeline.execution_effect
        WHERE event_id = ANY($2::uuid[]) AND organization_id = $1 AND happened_at >= $3
        ORDER BY happened_at, id
      `,
      values: [organizationId, eventIds, new Date(sinceMs)],
    });
    return rows.map(fromRow);
  },
});
