import { DEAD_LETTER_KNOWN_MS } from '@trackline/contracts';
import type { Database } from '@trackline/postgres';
import type { Retention } from '../../ports.ts';
import { firstIdOf, toTime } from './execution-rows.ts';

export const retention = (database: Database): Retention => ({
  async purgeHandled(olderThanMs, limit) {
    const { rowCount } = await database.query({
      name: 'trigger.purge_handled',
      text: `DELETE FROM trigger.handled WHERE event_id IN (
               SELECT event_id FROM trigger.handled WHERE handled_at < now() - $1 * interval '1 millisecond'
               ORDER BY handled_at LIMIT $2)`,
      values: [olderThanMs, limit],
    });
    return rowCount;
  },

  async purgeForgotten(limit) {
    const entries = await database.query({
      name: 'trigger.purge_entries',
      text: `DELETE FROM trigger.entry WHERE forget_at < now() AND (workflow_id, contact_id) IN (
               SELECT workflow_id, contact_id FROM trigger.entry WHERE forget_at < now() ORDER BY forget_at LIMIT $1)`,
      values: [limit],
    });
    const remembered = await database.query({
      name: 'trigger.purge_remembered',
      text: `DELETE FROM trigger.remembered
             WHERE forget_at < now() AND (organization_id, contact_id, event_name, event_id) IN (
               SELECT organization_id, contact_id, event_name, event_id FROM trigger.remembered
               WHERE forget_at < now() ORDER BY forget_at LIMIT $1)`,
      values: [limit],
    });
    const runs = await database.query({
      name: 'trigger.purge_runs',
      text: `DELETE FROM trigger.schedule_run WHERE (workflow_id, due_at) IN (
               SELECT workflow_id, due_at FROM trigger.schedule_run
               WHERE finished_at < now() - interval '30 days' ORDER BY finished_at LIMIT $1)`,
      values: [limit],
    });
    const deadLetters = await database.query({
      name: 'trigger.purge_dead_letters',
      // Longer than the broker keeps the message: until then it can be sent back.
      text: `DELETE FROM trigger.dead_letter WHERE (topic, partition, source, source_offset) IN (
               SELECT topic, partition, source, source_offset FROM trigger.dead_letter
               WHERE buried_at < now() - $2 * interval '1 millisecond' ORDER BY buried_at LIMIT $1)`,
      values: [limit, DEAD_LETTER_KNOWN_MS],
    });
    return Math.max(entries.rowCount, remembered.rowCount, runs.rowCount, deadLetters.rowCount);
  },

  async purgeExecutions(endedBeforeMs, afterId, limit) {
    // Ids are made when executions start: none that is younger than the moment can have ended before it.
    const { rows } = await database.query<{ last: string | null }>({
      name: 'trigger.purge_executions',
      text: `WITH looked_at AS (
               SELECT id, ended_at FROM trigger.execution WHERE id > $1 AND id < $2 ORDER BY id LIMIT $3
             ), gone AS (
               DELETE FROM trigger.execution e USING looked_at l
               WHERE e.id = l.id AND l.ended_at < $4 AND e.ended_at < $4 RETURNING e.id
             ), steps AS (
               DELETE FROM trigger.step s USING gone WHERE s.execution_id = gone.id
             )
             SELECT max(id::text) AS last FROM looked_at`,
      values: [afterId, firstIdOf(endedBeforeMs), limit, toTime(endedBeforeMs)],
    });
    return rows[0]?.last ?? undefined;
  },
});
