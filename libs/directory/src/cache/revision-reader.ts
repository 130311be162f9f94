import type { Queryable } from '@trackline/postgres';
import { Coalescer } from '@trackline/kernel';

export interface Revision {
  /** Moves with each change of the organisation or one of its keys. */
  readonly settings: number;
  /** Moves when an identifier or id that existed stops meaning what it meant; not when one is added. */
  readonly identifiers: number;
}

/** What the revisions were at one moment; an organisation that is missing does not exist. */
export type Reading = ReadonlyMap<string, Revision>;

const MAX_ORGANIZATIONS_PER_READ = 5_000;

/** The one cheap read that keeps every cache true. */
export class RevisionReader {
  private readonly reads: Coalescer<string, Reading>;

  constructor(database: Queryable) {
    this.reads = new Coalescer(async (ids): Promise<Reading> => {
      const { rows } = await database.query<{ id: string } & Revision>({
        name: 'directory.revisions',
        text: `SELECT organization_id AS id, settings, identifiers FROM directory.revision WHERE organization_id = ANY ($1::uuid[])`,
        values: [[...new Set(ids)]],
      });
      return new Map(rows.map(({ id, settings, identifiers }) => [id, { settings, identifiers }]));
    }, MAX_ORGANIZATIONS_PER_READ);
  }

  /** Revisions as of a moment after this call; concurrent calls share a read. `organizationIds` must be UUIDs. */
  async read(organizationIds: readonly string[]): Promise<Reading> {
    return organizationIds.length === 0 ? new Map() : this.reads.call(organizationIds);
  }

  /** `asOf` where it knows all of them, else a read of its own. */
  async readUnless(asOf: Reading | undefined, organizationIds: readonly string[]): Promise<Reading> {
    if (asOf && organizationIds.every((id) => asOf.has(id))) return asOf;
    return this.read(organizationIds);
  }
}
