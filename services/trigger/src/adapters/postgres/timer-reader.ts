import type { Queryable } from '@trackline/postgres';
import type { DueQuery, TimerReader } from '../../ports.ts';
import type { TimerKind } from '../../domain/timers.ts';
import { EXECUTION_COLUMNS, fromExecutionRow, type ExecutionRow } from './execution-rows.ts';

const frontierOf = ({ frontierMs }: DueQuery): string =>
  frontierMs === Number.NEGATIVE_INFINITY
    ? '-infinity'
    : frontierMs === Number.POSITIVE_INFINITY
      ? 'infinity'
      : new Date(frontierMs).toISOString();

/** Of `trigger.timer AS t`: due by the clock alone. */
const IS_DUE = `NOT t.awaits_frontier AND t.due_at <= now()`;
/** Due by the clock, and not past the frontier either. */
const mayTimeOut = (frontier: string): string =>
  `t.awaits_frontier AND t.due_at <= least(now(), ${frontier})`;

interface DueRow extends ExecutionRow {
  kind: TimerKind;
}

export const timerReader = (database: Queryable): TimerReader => ({
  async partitionsWithDue(queries) {
    const { rows } = await database.query<{ partition: number }>({
      name: 'trigger.partitions_with_due',
      // LATERAL with a LIMIT: one look into the index for each, however many are due.
      text: `SELECT q.partition FROM unnest($1::int[], $2::timestamptz[]) AS q (partition, frontier)
             LEFT JOIN LATERAL (
               SELECT true AS any FROM trigger.timer t WHERE t.partition = q.partition AND ${IS_DUE} LIMIT 1
             ) AS by_clock ON true
             LEFT JOIN LATERAL (
               SELECT true AS any FROM trigger.timer t
               WHERE t.partition = q.partition AND ${mayTimeOut('q.frontier')} LIMIT 1
             ) AS by_frontier ON true
             WHERE by_clock.any OR by_frontier.any`,
      values: [queries.map((query) => query.partition), queries.map(frontierOf)],
    });
    return rows.map((row) => row.partition);
  },

  async due(query, limit) {
    const { rows } = await database.query<DueRow & { now: Date }>({
      name: 'trigger.due',
      // Each kind in the order of its index, so that a chunk costs the same however many are due.
      text: `WITH due AS (
               (SELECT t.* FROM trigger.timer t WHERE t.partition = $1 AND ${IS_DUE} ORDER BY t.due_at LIMIT $3)
               UNION ALL
               (SELECT t.* FROM trigger.timer t WHERE t.partition = $1 AND ${mayTimeOut('$2::timestamptz')}
                ORDER BY t.due_at LIMIT $3)
             )
             SELECT ${EXECUTION_COLUMNS}, due.kind, now() AS now
             FROM due JOIN trigger.execution e ON e.id = due.execution_id
             ORDER BY due.due_at, e.id LIMIT $3`,
      values: [query.partition, frontierOf(query), limit],
    });
    return {
      nowMs: rows[0]?.now.getTime() ?? 0,
      executions: rows.map((row) => ({ execution: fromExecutionRow(row), kind: row.kind })),
    };
  },

  async nowMs() {
    const { rows } = await database.query<{ now: Date }>({
      name: 'trigger.now',
      text: 'SELECT now() AS now',
    });
    return rows[0]!.now.getTime();
  },

  async overdue(partitions) {
    const { rows } = await database.query<{ count: number; oldest: Date | null }>({
      name: 'trigger.overdue',
      text: `SELECT count(*)::int AS count, min(due_at) AS oldest FROM (
               SELECT t.due_at FROM unnest($1::int[]) AS q (partition), LATERAL (
                 SELECT due_at FROM trigger.timer t
                 WHERE t.partition = q.partition AND t.awaits_frontier AND t.due_at <= now() ORDER BY due_at LIMIT 1000
               ) AS t
             ) AS late`,
      values: [partitions],
    });
    return { count: rows[0]!.count, oldestMs: rows[0]!.oldest?.getTime() ?? null };
  },
});
