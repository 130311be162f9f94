import { createHash } from 'node:crypto';
import type { Database } from '@trackline/postgres';
import type { WebhookBodies, WebhookBody } from '../../ports.ts';

interface BodyRow {
  id: string;
  organization_id: string;
  channel_id: string;
  received_at: Date;
  body: Buffer;
}

export function postgresWebhookBodies(database: Database): WebhookBodies {
  return {
    async keep({ id, organizationId, channelId, receivedAtMs, body }) {
      await database.query({
        name: 'ingest.keep_body',
        text: `INSERT INTO ingest.webhook_body (id, organization_id, channel_id, received_at, body, digest)
               VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
        values: [
          id,
          organizationId,
          channelId,
          new Date(receivedAtMs),
          body,
          createHash('sha256').update(body).digest(),
        ],
      });
    },

    async read({ channelId, fromMs, toMs }, afterId, limit): Promise<WebhookBody[]> {
      const { rows } = await database.query<BodyRow>({
        text: `SELECT id, organization_id, channel_id, received_at, body FROM ingest.webhook_body
                WHERE channel_id = $1 AND ($2::uuid IS NULL OR id > $2)
                  AND ($3::timestamptz IS NULL OR received_at >= $3) AND ($4::timestamptz IS NULL OR received_at < $4)
                ORDER BY id LIMIT $5`,
        values: [
          channelId,
          afterId ?? null,
          fromMs === undefined ? null : new Date(fromMs),
          toMs === undefined ? null : new Date(toMs),
          limit,
        ],
      });
      return rows.map((row) => ({
        id: row.id,
        organizationId: row.organization_id,
        channelId: row.channel_id,
        receivedAtMs: row.received_at.getTime(),
        body: row.body,
      }));
    },
  };
}

/** Forgets up to `limit` bodies of before `before`; gives how many. */
export async function purgeBodies(database: Database, before: Date, limit: number): Promise<number> {
  const { rowCount } = await database.query({
    text: `DELETE FROM ingest.webhook_body WHERE id = ANY (ARRAY (
             SELECT id FROM ingest.webhook_body WHERE received_at < $1 ORDER BY received_at LIMIT $2 FOR UPDATE SKIP LOCKED))`,
    values: [before, limit],
  });
  return rowCount;
}
