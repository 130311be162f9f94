import type { Queryable } from '@trackline/postgres';
import type { Revision } from '../cache/revision-reader.ts';
import type { Channel } from './channel.ts';

export interface ChannelRow {
  id: string;
  organization_id: string;
  phone_number_id: string;
  waba_id: string;
  display_phone_number: string | null;
  dataset_id: string | null;
  conversion_feedback: boolean;
  sealed: Buffer;
  created_at: Date;
  updated_at: Date;
}

const COLUMNS =
  'c.id, c.organization_id, c.phone_number_id, c.waba_id, c.display_phone_number, c.dataset_id, c.conversion_feedback, c.sealed, c.created_at, c.updated_at';

/** All channels of the organisations that these channels (UUIDs) belong to, with the revision that they were read under. */
export async function loadSiblings(
  db: Queryable,
  ids: readonly string[],
): Promise<(ChannelRow & Revision)[]> {
  const { rows } = await db.query<ChannelRow & Revision>({
    name: 'directory.channel_siblings',
    text: `SELECT ${COLUMNS}, r.settings, r.identifiers
             FROM directory.channel c JOIN directory.revision r ON r.organization_id = c.organization_id
            WHERE c.organization_id IN (SELECT organization_id FROM directory.channel WHERE id = ANY ($1::uuid[]))`,
    values: [ids],
  });
  return rows;
}

/** Those of the pairs that have feedback on. */
export async function loadFeedbackChannels(
  db: Queryable,
  wanted: readonly { readonly organizationId: string; readonly channelId: string }[],
): Promise<ChannelRow[]> {
  const { rows } = await db.query<ChannelRow>({
    name: 'directory.feedback_channels',
    text: `SELECT ${COLUMNS} FROM directory.channel c
            WHERE c.conversion_feedback AND (c.organization_id, c.id) IN (SELECT * FROM unnest($1::uuid[], $2::uuid[]))`,
    values: [wanted.map((one) => one.organizationId), wanted.map((one) => one.channelId)],
  });
  return rows;
}

export async function loadChannel(
  db: Queryable,
  organizationId: string,
  id: string,
  lock: '' | 'FOR UPDATE' = '',
): Promise<ChannelRow | undefined> {
  const { rows } = await db.query<ChannelRow>({
    text: `SELECT ${COLUMNS} FROM directory.channel c WHERE c.organization_id = $1 AND c.id = $2 ${lock}`,
    values: [organizationId, id],
  });
  return rows[0];
}

export async function listChannels(
  db: Queryable,
  organizationId: string,
  beforeId: string,
  limit: number,
): Promise<ChannelRow[]> {
  const { rows } = await db.query<ChannelRow>({
    text: `SELECT ${COLUMNS} FROM directory.channel c WHERE c.organization_id = $1 AND c.id < $2 ORDER BY c.id DESC LIMIT $3`,
    values: [organizationId, beforeId, limit],
  });
  return rows;
}

/** `none`: there is no such organisation; `taken`: another channel of it has the number. */
export async function insertChannel(
  tx: Queryable,
  channel: Channel,
  sealed: Buffer,
): Promise<'made' | 'none' | 'taken'> {
  const { rows } = await tx.query<{ known: boolean; made: boolean }>({
    text: `WITH owner AS (SELECT id FROM directory.organization WHERE id = $2),
                made AS (
                  INSERT INTO directory.channel
                    (id, organization_id, phone_number_id, waba_id, display_phone_number, dataset_id, conversion_feedback, sealed, created_at, updated_at)
                  SELECT $1, owner.id, $3, $4, $5, $6, $7, $8, $9, $10 FROM owner
                  ON CONFLICT (organization_id, phone_number_id) DO NOTHING RETURNING id)
           SELECT EXISTS (SELECT FROM owner) AS known, EXISTS (SELECT FROM made) AS made`,
    values: [...valuesOf(channel, sealed), channel.createdAt, channel.updatedAt],
  });
  if (!rows[0]?.known) return 'none';
  return rows[0].made ? 'made' : 'taken';
}

/** The row must be locked. `false`: another channel has the number. */
export async function updateChannel(tx: Queryable, channel: Channel, sealed: Buffer): Promise<boolean> {
  const { rowCount } = await tx.query({
    text: `UPDATE directory.channel c
              SET phone_number_id = $3, waba_id = $4, display_phone_number = $5, dataset_id = $6, conversion_feedback = $7,
                  sealed = $8, updated_at = $9
            WHERE c.id = $1 AND c.organization_id = $2
              AND NOT EXISTS (SELECT FROM directory.channel o
                               WHERE o.organization_id = $2 AND o.phone_number_id = $3 AND o.id <> $1)`,
    values: [...valuesOf(channel, sealed), channel.updatedAt],
  });
  return rowCount === 1;
}

export async function removeChannel(tx: Queryable, organizationId: string, id: string): Promise<boolean> {
  const { rowCount } = await tx.query({
    text: 'DELETE FROM directory.channel WHERE organization_id = $1 AND id = $2',
    values: [organizationId, id],
  });
  return rowCount === 1;
}

const valuesOf = (channel: Channel, sealed: Buffer): unknown[] => [
  channel.id,
  channel.organizationId,
  channel.phoneNumberId,
  channel.wabaId,
  channel.displayPhoneNumber ?? null,
  channel.datasetId ?? null,
  channel.conversionFeedback,
  sealed,
];

export const fromRow = (row: ChannelRow): Channel => ({
  id: row.id,
  organizationId: row.organization_id,
  phoneNumberId: row.phone_number_id,
  wabaId: row.waba_id,
  ...(row.display_phone_number === null ? undefined : { displayPhoneNumber: row.display_phone_number }),
  ...(row.dataset_id === null ? undefined : { datasetId: row.dataset_id }),
  conversionFeedback: row.conversion_feedback,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
});
