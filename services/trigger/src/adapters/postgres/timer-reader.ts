import type { Database } from '@trackline/postgres';
import type { DueQuery, TimerReader } from '../../ports.ts';
import type { TimerKind } from '../../domain/timers.ts';
import { EXECUTION_COLUMNS, fromExecutionRow, type ExecutionRow } from './execution-rows.ts';

const frontierOf = ({ frontierMs }: DueQuery): string =>
  frontierMs === Number.NEGATIVE_INFINITY
    ? '-infinity'
    : frontierMs === Number.POSITIVE_INFINITY
      ? 'infinity'
      : new Date(frontierMs).toISOString();

/** Due by the clock, and, when it waits for the frontier, not past that either. */
const IS_DUE = `(NOT t.awaits_frontier AND t.due_at <= now())`;
const MAY_TIME_OUT = `(t.awaits_frontier AND t.due_at <= least(now(), q.frontier))`;

interface DueRow extends ExecutionRow {
  kind: TimerKind;
}

export const timerReader = (database: Database): TimerReader => ({
  async partitionsWithDue(queries) {
    const { rows } = await database.query<{ partition: number }>({
      name: 'trigger.partitions_with_due',
      text: `SELECT q.partition FROM unnest($1::int[], $2::timestamptz[]) AS q (partition, frontier)
             WHERE EXISTS (SELECT FROM trigger.timer t WHERE t.partition = q.partition AND ${IS_DUE})
                OR EXISTS (SELECT FROM trigger.timer t WHERE t.partition = q.partition AND ${MAY_TIME_OUT})`,
      values: [queries.map((query) => query.partition), queries.map(frontierOf)],
    });
    return rows.map((row) => row.partition);
  },

  async due(query, limit) {
    const { rows } = await database.query<DueRow & { now: Date }>({
      name: 'trigger.due',
      text: `WITH q AS (SELECT $1::int AS partition, $2::timestamptz AS frontier), due AS (
               (SELECT t.* FROM trigger.timer t, q WHERE t.partition = q.partition AND ${IS_DUE}
                ORDER BY t.due_at LIMIT $3)
               UNION ALL
               (SELECT t.* FROM trigger.timer t, q WHERE t.partition = q.partition AND ${MAY_TIME_OUT}
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
