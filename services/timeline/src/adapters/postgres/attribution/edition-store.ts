import { randomUUID } from 'node:crypto';
import type { Database, Queryable } from '@trackline/postgres';
import { settingsText, type AttributionSettings } from '../../../domain/attribution.ts';
import type { Edition } from '../../../domain/edition.ts';
import type { EditionLease, EditionStore } from '../../../ports.ts';
import { enterAlone } from './attribution-lock.ts';
import { untilUncontended } from './attribution-writes.ts';
import { LeaseLost, takeStep } from './build-step.ts';
import { EDITION_COLUMNS, editionFromRow, type EditionBook, type EditionRow } from './edition-book.ts';

const CLEARED_AT_ONCE = 5_000;

export const editionStore = (database: Database, book: EditionBook): EditionStore => ({
  async begin(organizationId, settings) {
    await book.ensure(new Set([organizationId]));
    return untilUncontended(database, (tx) => begin(tx, organizationId, settings, false));
  },

  async beginAnew(organizationId, settings) {
    await book.ensure(new Set([organizationId]));
    await untilUncontended(database, (tx) => begin(tx, organizationId, settings, true));
  },

  async newest(afterId, limit) {
    const { rows } = await database.query<EditionRow>({
      name: 'timeline-newest-editions',
      text: `
        SELECT DISTINCT ON (organization_id) ${EDITION_COLUMNS} FROM timeline.edition
        WHERE state IN ('current', 'building') AND ($1::uuid IS NULL OR organization_id > $1)
        ORDER BY organization_id, edition DESC LIMIT $2
      `,
      values: [afterId ?? null, limit],
    });
    return rows.map(editionFromRow);
  },

  async claim(leaseMs) {
    const { rows } = await database.query<{ organization_id: string; edition: number; lease_token: string }>({
      name: 'timeline-claim-edition',
      text: `
        UPDATE timeline.edition AS mine SET lease_token = $1, lease_until = now() + $2 * interval '1 millisecond'
        FROM (
          SELECT organization_id, edition FROM timeline.edition
          WHERE state = 'building' AND (lease_until IS NULL OR lease_until < now())
          ORDER BY begun_at LIMIT 1 FOR UPDATE SKIP LOCKED
        ) AS free
        WHERE mine.organization_id = free.organization_id AND mine.edition = free.edition
        RETURNING mine.organization_id, mine.edition, mine.lease_token
      `,
      values: [randomUUID(), leaseMs],
    });
    return (
      rows[0] && {
        organizationId: rows[0].organization_id,
        edition: rows[0].edition,
        token: rows[0].lease_token,
      }
    );
  },

  async step(lease, leaseMs) {
    try {
      const isDone = await untilUncontended(database, (tx) => takeStep(tx, book, lease, leaseMs));
      if (!isDone) return 'more';
      await untilUncontended(database, (tx) => complete(tx, lease));
      return 'complete';
    } catch (error) {
      if (error instanceof LeaseLost) return 'lost';
      throw error;
    }
  },

  async release({ organizationId, edition, token }) {
    await database.query({
      text: 'UPDATE timeline.edition SET lease_until = now() WHERE organization_id = $1 AND edition = $2 AND lease_token = $3',
      values: [organizationId, edition, token],
    });
  },

  async isBuilding(organizationId) {
    const { rows } = await database.query({
      text: `SELECT FROM timeline.edition WHERE organization_id = $1 AND state = 'building'`,
      values: [organizationId],
    });
    return rows.length > 0;
  },

  clear: () => clear(database),
});

/** Locked against changes: nobody begins or completes editions meanwhile. */
async function liveEditions(tx: Queryable, organizationId: string): Promise<Edition[]> {
  const { rows } = await tx.query<EditionRow>({
    text: `SELECT ${EDITION_COLUMNS} FROM timeline.edition WHERE organization_id = $1 AND state IN ('current', 'building') ORDER BY edition`,
    values: [organizationId],
  });
  return rows.map(editionFromRow);
}

const moveVersion = (tx: Queryable) =>
  tx.query({ text: 'UPDATE timeline.edition_version SET version = version + 1' });

const retire = (tx: Queryable, organizationId: string, edition: number) =>
  tx.query({
    text: `UPDATE timeline.edition SET state = 'retired', lease_token = NULL WHERE organization_id = $1 AND edition = $2`,
    values: [organizationId, edition],
  });

async function begin(
  tx: Queryable,
  organizationId: string,
  settings: AttributionSettings,
  isAnew: boolean,
): Promise<boolean> {
  await enterAlone(tx);
  const live = await liveEditions(tx, organizationId);
  const newest = live.at(-1);
  if (newest === undefined) return false;
  const isSame = ({ settings: held }: Edition): boolean => settingsText(held) === settingsText(settings);
  if (!isAnew && isSame(newest)) return false;
  const building = live.find(({ state }) => state === 'building');
  if (building) await retire(tx, organizationId, building.edition);
  const current = live.find(({ state }) => state === 'current');
  // Changed back before the change was complete: what is read is right already.
  if (isAnew || !current || !isSame(current)) await insertBuilding(tx, organizationId, settings);
  await moveVersion(tx);
  return true;
}

async function insertBuilding(
  tx: Queryable,
  organizationId: string,
  { windowHours, model, orderEventNames, defaultCurrency }: AttributionSettings,
): Promise<void> {
  await tx.query({
    text: `
      INSERT INTO timeline.edition (organization_id, edition, state, window_hours, model, order_event_names, default_currency, phase)
      SELECT $1, max(edition) + 1, 'building', $2, $3, $4, $5, 'collecting' FROM timeline.edition WHERE organization_id = $1
    `,
    values: [organizationId, windowHours, model, orderEventNames, defaultCurrency],
  });
}

/** From one statement to the next the new figures are those that are read. */
async function complete(tx: Queryable, { organizationId, edition, token }: EditionLease): Promise<void> {
  await enterAlone(tx);
  const live = await liveEditions(tx, organizationId);
  if (!live.some((one) => one.edition === edition && one.state === 'building')) throw new LeaseLost();
  const current = live.find(({ state }) => state === 'current');
  if (current) await retire(tx, organizationId, current.edition);
  const { rowCount } = await tx.query({
    text: `
      UPDATE timeline.edition SET state = 'current', phase = 'complete', lease_token = NULL, lease_until = NULL
      WHERE organization_id = $1 AND edition = $2 AND lease_token = $3 AND state = 'building'
    `,
    values: [organizationId, edition, token],
  });
  if (rowCount !== 1) throw new LeaseLost();
  await moveVersion(tx);
}

const CLEAR = (table: 'attribution' | 'order_rollup'): string => `
  DELETE FROM timeline.${table} WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM timeline.${table} WHERE organization_id = $1 AND edition = $2 LIMIT ${CLEARED_AT_ONCE}
  ))
`;

/** Nobody reads or writes a retired edition; it goes in pieces, its row last. */
async function clear(database: Database): Promise<boolean> {
  return database.transaction(async (tx) => {
    const { rows } = await tx.query<{ organization_id: string; edition: number }>({
      text: `SELECT organization_id, edition FROM timeline.edition WHERE state = 'retired' ORDER BY begun_at LIMIT 1 FOR UPDATE SKIP LOCKED`,
    });
    if (!rows[0]) return false;
    const values = [rows[0].organization_id, rows[0].edition];
    for (const table of ['attribution', 'order_rollup'] as const) {
      const { rowCount } = await tx.query({ text: CLEAR(table), values });
      if (rowCount === CLEARED_AT_ONCE) return true;
    }
    await tx.query({
      text: 'DELETE FROM timeline.edition WHERE organization_id = $1 AND edition = $2',
      values,
    });
    return true;
  });
}
