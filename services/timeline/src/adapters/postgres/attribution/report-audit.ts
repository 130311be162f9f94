import type { Database } from '@trackline/postgres';
import { monthsBetween } from '../../../domain/calendar-month.ts';
import type { ReportAudit } from '../../../ports.ts';
import { currentEdition, type EditionBook } from './edition-book.ts';
import { auditEvents, auditFacts, mendFacts } from './fact-audit.ts';
import { auditOrders, mendOrders } from './order-audit.ts';
import { auditSums, mendSums } from './sum-audit.ts';

/** Of facts since `sinceMs`: those before are past keeping, and go away together with their sums in their own time. */
export const reportAudit = (database: Database, book: EditionBook, sinceMs: number): ReportAudit => ({
  async organizations() {
    const { rows } = await database.query<{ organization_id: string }>({
      text: `SELECT organization_id FROM timeline.edition WHERE state = 'current' ORDER BY organization_id`,
    });
    return rows.map((row) => row.organization_id);
  },

  events: (organizationId, after) => auditEvents(database, organizationId, after, sinceMs),

  facts: (organizationId, after) => auditFacts(database, organizationId, after, sinceMs),

  mendFacts: (organizationId, differences) => mendFacts(database, book, organizationId, differences),

  orders: (organizationId, after) => auditOrders(database, organizationId, after, sinceMs),

  mendOrders: (organizationId, differences) => mendOrders(database, book, organizationId, differences),

  async months(organizationId) {
    const { rows } = await database.query<{ first: Date | null; last: Date | null }>({
      text: `
        SELECT min(first) AS first, max(last) AS last FROM (
          SELECT min(occurred_at) AS first, max(occurred_at) AS last FROM timeline.conversation WHERE organization_id = $1
          UNION ALL SELECT min(occurred_at), max(occurred_at) FROM timeline.attribution WHERE organization_id = $1
          UNION ALL SELECT min(day)::timestamp AT TIME ZONE 'UTC', max(day)::timestamp AT TIME ZONE 'UTC' FROM timeline.conversation_rollup WHERE organization_id = $1
          UNION ALL SELECT min(day)::timestamp AT TIME ZONE 'UTC', max(day)::timestamp AT TIME ZONE 'UTC' FROM timeline.order_rollup WHERE organization_id = $1
        ) AS spans
      `,
      values: [organizationId],
    });
    const { first, last } = rows[0]!;
    if (first === null || last === null) return [];
    return monthsBetween(Math.max(first.getTime(), sinceMs), last.getTime());
  },

  sums: (organizationId, monthMs) => auditSums(database, organizationId, monthMs),

  async mendSums(organizationId, monthMs) {
    const edition = await currentEdition(database, organizationId);
    if (edition) await mendSums(database, { ...edition, monthMs });
  },
});
