import { isUuid } from '@trackline/kernel';
import type { Queryable } from '@trackline/postgres';
import type { ContactRef } from '../contact/contact.reader.ts';
import {
  channelsOf,
  NO_CHOICES,
  type TopicChannel,
  type Choices,
  type Subscription,
} from './subscription.ts';

export interface TopicRef extends ContactRef {
  readonly topicId: string;
}

export const topicKey = ({ organizationId, contactId, topicId }: TopicRef): string =>
  `${organizationId}${contactId}${topicId}`;

interface ChoiceRow {
  organization_id: string;
  contact_id: string;
  topic_id: string;
  /** Empty: all. */
  channel: TopicChannel | '';
  subscribed: boolean;
  at: Date;
}

/** By `topicKey`, one for each that was asked for. */
export async function loadChoices(tx: Queryable, refs: readonly TopicRef[]): Promise<Map<string, Choices>> {
  const found = new Map<string, Map<TopicChannel | null, boolean>>();
  if (refs.length === 0) return found;
  const { rows } = await tx.query<ChoiceRow>({
    name: 'directory.choices',
    text: `SELECT DISTINCT s.organization_id, s.contact_id, s.topic_id, s.channel, s.subscribed
             FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS q (organization_id, contact_id, topic_id)
             JOIN directory.subscription s ON s.organization_id = q.organization_id
              AND s.contact_id = q.contact_id AND s.topic_id = q.topic_id`,
    values: columnsOf(refs),
  });
  for (const row of rows) {
    const key = topicKey({
      organizationId: row.organization_id,
      contactId: row.contact_id,
      topicId: row.topic_id,
    });
    const choices = found.get(key) ?? new Map<TopicChannel | null, boolean>();
    found.set(key, choices.set(row.channel || null, row.subscribed));
  }
  return new Map(refs.map((ref) => [topicKey(ref), found.get(topicKey(ref)) ?? NO_CHOICES]));
}

/** The contacts must be locked. */
export async function writeChoices(
  tx: Queryable,
  topics: readonly (TopicRef & { readonly choices: Choices })[],
  now: Date,
): Promise<void> {
  if (topics.length === 0) return;
  await tx.query({
    name: 'directory.drop_choices',
    text: `DELETE FROM directory.subscription s
            USING unnest($1::uuid[], $2::uuid[], $3::text[]) AS q (organization_id, contact_id, topic_id)
            WHERE s.organization_id = q.organization_id AND s.contact_id = q.contact_id AND s.topic_id = q.topic_id`,
    values: columnsOf(topics),
  });
  const rows = topics.flatMap(({ choices, ...ref }) =>
    [...choices].map(([channel, subscribed]) => ({ ...ref, channel: channel ?? '', subscribed })),
  );
  if (rows.length === 0) return;
  await tx.query({
    name: 'directory.write_choices',
    text: `INSERT INTO directory.subscription (organization_id, contact_id, topic_id, channel, subscribed, at)
           SELECT *, $6::timestamptz FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::boolean[])`,
    values: [
      ...columnsOf(rows),
      rows.map(({ channel }) => channel),
      rows.map(({ subscribed }) => subscribed),
      now,
    ],
  });
}

/** What a contact is subscribed to, by its own id. */
export async function loadSubscriptions(
  db: Queryable,
  { organizationId, contactId }: ContactRef,
): Promise<Subscription[]> {
  if (!isUuid(organizationId) || !isUuid(contactId)) return [];
  const { rows } = await db.query<ChoiceRow>({
    name: 'directory.subscriptions',
    text: `SELECT topic_id, channel, subscribed, at FROM directory.subscription
            WHERE organization_id = $1 AND contact_id = $2 ORDER BY topic_id`,
    values: [organizationId, contactId],
  });
  const topics = new Map<string, ChoiceRow[]>();
  for (const row of rows) topics.set(row.topic_id, [...(topics.get(row.topic_id) ?? []), row]);
  return [...topics].flatMap(([topicId, choices]) => {
    const channels = channelsOf(new Map(choices.map((row) => [row.channel || null, row.subscribed])));
    const since = new Date(Math.min(...choices.map(({ at }) => at.getTime())));
    return channels.length > 0 ? [{ topicId, channels, since }] : [];
  });
}

/** Of a contact that is erased. */
export async function removeSubscriptions(
  tx: Queryable,
  { organizationId, contactId }: ContactRef,
): Promise<void> {
  await tx.query({
    text: 'DELETE FROM directory.subscription WHERE organization_id = $1 AND contact_id = $2',
    values: [organizationId, contactId],
  });
}

/** What the one that stays has said of a topic goes before what the other has. */
export async function moveSubscriptions(
  tx: Queryable,
  organizationId: string,
  fromId: string,
  intoId: string,
): Promise<void> {
  await tx.query({
    text: `UPDATE directory.subscription s SET contact_id = $3
            WHERE organization_id = $1 AND contact_id = $2 AND NOT EXISTS (
              SELECT FROM directory.subscription i
               WHERE i.organization_id = $1 AND i.contact_id = $3 AND i.topic_id = s.topic_id)`,
    values: [organizationId, fromId, intoId],
  });
  await removeSubscriptions(tx, { organizationId, contactId: fromId });
}

const columnsOf = (refs: readonly TopicRef[]): unknown[] => [
  refs.map((ref) => ref.organizationId),
  refs.map((ref) => ref.contactId),
  refs.map((ref) => ref.topicId),
];
