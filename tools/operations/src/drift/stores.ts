import type { Database } from '@trackline/postgres';
import { daysOf } from './month.ts';

/** An organisation's month, or all organisations'. */
export interface Scope {
  readonly month: string;
  readonly organizationId?: string | undefined;
}

/**
 * The only place that reads the schemas of two services (docs/adr/0080): a comparison is nobody's fact. Both are read as they stand in
 * the services' migrations.
 */
export const stores = (database: Database) => ({
  /** Events counted, by organisation. */
  async ledger({ month, organizationId = null }: Nullable<Scope>): Promise<Map<string, number>> {
    const { first, next } = daysOf(month);
    const { rows } = await database.query<{ organization_id: string; used: number }>({
      text: `SELECT organization_id, sum(used)::bigint AS used FROM dedup_meter.usage
             WHERE day >= $1::date AND day < $2::date AND ($3::uuid IS NULL OR organization_id = $3)
             GROUP BY organization_id`,
      values: [first, next, organizationId],
    });
    return new Map(rows.map((row) => [row.organization_id, row.used]));
  },

  /** Organisations whose month Redis was given. */
  async seeded({ month, organizationId = null }: Nullable<Scope>): Promise<string[]> {
    const { rows } = await database.query<{ organization_id: string }>({
      text: `SELECT organization_id FROM dedup_meter.seeded
             WHERE month = $1::date AND ($2::uuid IS NULL OR organization_id = $2)`,
      values: [daysOf(month).first, organizationId],
    });
    return rows.map((row) => row.organization_id);
  },

  async epoch(): Promise<number> {
    const { rows } = await database.query<{ epoch: number }>({ text: 'SELECT epoch FROM dedup_meter.epoch' });
    return rows[0]!.epoch;
  },

  /** Ends the epoch, if it is still this one: every verdict that is not committed yet is void, and Redis is filled from the ledger anew. */
  async endEpoch(epoch: number): Promise<boolean> {
    const { rows } = await database.query<{ ended: boolean }>({
      text: 'SELECT dedup_meter.end_epoch($1) AS ended',
      values: [epoch],
    });
    return rows[0]!.ended;
  },

  /**
   * Admitted events by organisation. Partitions go by the moment of occurrence, which is 5 minutes after receipt at most: later ones
   * hold nothing of the month. No index helps with the rest, so this reads them all.
   */
  async timeline({ month, organizationId = null }: Nullable<Scope>): Promise<Map<string, number>> {
    const { first, next } = daysOf(month);
    return database.transaction(async (tx) => {
      await tx.query({ text: 'SET LOCAL enable_seqscan = on' });
      const { rows } = await tx.query<{ organization_id: string; events: number }>({
        text: `SELECT organization_id, count(*) AS events FROM timeline.event
               WHERE received_at >= $1::timestamptz AND received_at < $2::timestamptz
                 AND occurred_at < $2::timestamptz + interval '1 hour'
                 AND ($3::uuid IS NULL OR organization_id = $3)
               GROUP BY organization_id`,
        values: [`${first}T00:00:00Z`, `${next}T00:00:00Z`, organizationId],
      });
      return new Map(rows.map((row) => [row.organization_id, row.events]));
    });
  },
});

type Nullable<T> = { readonly [Name in keyof T]: T[Name] | (undefined extends T[Name] ? null : never) };

export type Stores = ReturnType<typeof stores>;
