import { isUuid } from '@trackline/kernel';
import type { Database, Queryable } from '@trackline/postgres';
import type { AttributionSettings } from '../../../domain/attribution.ts';
import { isOrderFact, type Edition } from '../../../domain/edition.ts';
import type { AttributionTerms } from '../../../ports.ts';

export interface EditionRow {
  organization_id: string;
  edition: number;
  state: 'current' | 'building';
  window_hours: number;
  model: AttributionSettings['model'];
  order_event_names: string[];
  default_currency: string | null;
}

export const EDITION_COLUMNS =
  'organization_id, edition, state, window_hours, model, order_event_names, default_currency';

export const editionFromRow = (row: EditionRow): Edition => ({
  organizationId: row.organization_id,
  edition: row.edition,
  state: row.state,
  settings: {
    windowHours: row.window_hours,
    model: row.model,
    orderEventNames: row.order_event_names,
    defaultCurrency: row.default_currency,
  },
});

/** The edition that reports are read from. */
export async function currentEdition(
  queryable: Queryable,
  organizationId: string,
): Promise<Edition | undefined> {
  const { rows } = await queryable.query<EditionRow>({
    text: `SELECT ${EDITION_COLUMNS} FROM timeline.edition WHERE organization_id = $1 AND state = 'current'`,
    values: [organizationId],
  });
  return rows[0] && editionFromRow(rows[0]);
}

/** The live editions of some organisations, as they stand until the transaction ends. */
export interface LiveEditions {
  of(organizationId: string): readonly Edition[];
  isOrderFact(organizationId: string, name: string): boolean;
}

const MAX_ORGANIZATIONS = 20_000;

/**
 * Live editions in memory. They change with the version that every transaction reads when it enters, so a batch without an order costs no statement.
 * An organisation that is seen for the first time gets its first edition, under the settings that the directory has for it.
 */
export class EditionBook {
  private readonly database: Database;
  private readonly terms: AttributionTerms;
  private version = 0;
  private held = new Map<string, readonly Edition[]>();

  constructor(database: Database, terms: AttributionTerms) {
    this.database = database;
    this.terms = terms;
  }

  /** Before the transaction: every one of them has a current edition. */
  async ensure(organizationIds: ReadonlySet<string>): Promise<void> {
    const unknown = [...organizationIds].filter((id) => !this.held.has(id) && isUuid(id));
    if (unknown.length === 0) return;
    const there = await load(this.database, unknown);
    const fresh = unknown.filter((id) => !there.has(id));
    if (fresh.length > 0) await begin(this.database, await this.terms.of(fresh));
  }

  /** Inside the transaction, which has entered and read `version`. */
  async at(tx: Queryable, version: number, organizationIds: ReadonlySet<string>): Promise<LiveEditions> {
    const isKnown = version === this.version && this.held.size <= MAX_ORGANIZATIONS;
    // A batch's own: another may put other organisations in the place of those held while this one waits.
    const editions = new Map<string, readonly Edition[]>();
    for (const id of organizationIds) {
      const known = isKnown ? this.held.get(id) : undefined;
      if (known) editions.set(id, known);
    }
    const missing = [...organizationIds].filter((id) => !editions.has(id));
    if (missing.length > 0) {
      const loaded = await load(tx, missing);
      this.hold(version, loaded);
      for (const [id, one] of loaded) editions.set(id, one);
    }
    const of = (id: string): readonly Edition[] => editions.get(id) ?? [];
    return { of, isOrderFact: (id, name) => isOrderFact(of(id), name) };
  }

  /** A transaction that entered before the latest change keeps what it read to itself. */
  private hold(version: number, loaded: ReadonlyMap<string, readonly Edition[]>): void {
    if (version < this.version) return;
    if (version > this.version || this.held.size > MAX_ORGANIZATIONS) this.held = new Map();
    this.version = version;
    for (const [id, one] of loaded) this.held.set(id, one);
  }
}

async function load(
  queryable: Queryable,
  organizationIds: readonly string[],
): Promise<Map<string, readonly Edition[]>> {
  const { rows } = await queryable.query<EditionRow>({
    name: 'timeline-live-editions',
    text: `SELECT ${EDITION_COLUMNS} FROM timeline.edition WHERE organization_id = ANY($1::uuid[]) AND state IN ('current', 'building')`,
    values: [organizationIds],
  });
  const found = new Map<string, Edition[]>();
  for (const edition of rows.map(editionFromRow)) {
    const others = found.get(edition.organizationId);
    if (others) others.push(edition);
    else found.set(edition.organizationId, [edition]);
  }
  return found;
}

/** The first edition is complete at once: there are no facts yet. */
async function begin(database: Database, settings: ReadonlyMap<string, AttributionSettings>): Promise<void> {
  const all = [...settings];
  await database.query({
    name: 'timeline-first-editions',
    text: `
      INSERT INTO timeline.edition (organization_id, edition, state, window_hours, model, order_event_names, default_currency, phase)
      SELECT organization_id, 1, 'current', window_hours, model, ARRAY(SELECT jsonb_array_elements_text(names::jsonb)), default_currency, 'complete'
      FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::text[]) AS fresh (organization_id, window_hours, model, names, default_currency)
      ORDER BY organization_id
      ON CONFLICT DO NOTHING
    `,
    values: [
      all.map(([organizationId]) => organizationId),
      all.map(([, { windowHours }]) => windowHours),
      all.map(([, { model }]) => model),
      all.map(([, { orderEventNames }]) => JSON.stringify(orderEventNames)),
      all.map(([, { defaultCurrency }]) => defaultCurrency),
    ],
  });
}
