import { isStorableText } from '@trackline/contracts';
import { isUuid } from '@trackline/kernel';
import type { Database, Queryable } from '@trackline/postgres';
import { causesDone, hashOfCause } from '../contact/cause.ts';
import type { ContactRef } from '../contact/contact.reader.ts';
import { rememberCauses } from '../contact/create-missing.ts';
import { loadWorkspace } from '../contact/load-workspace.ts';
import { recordChanges, type NewChange } from '../contact/outbox.ts';
import { settle } from '../contact/settle.ts';
import { withChoice, type Choice, type Choices } from './subscription.ts';
import { loadChoices, topicKey, writeChoices, type TopicRef } from './subscription.store.ts';

export interface SubscriptionRequest extends ContactRef, Choice {
  readonly topicId: string;
  /** What brings it about (execution, step and visit): it is done once. Without a cause it is done each time. */
  readonly cause?: string;
}

export const MAX_TOPIC_CHARACTERS = 255;

/** Whether a topic can be called this. */
export const isTopicId = (topicId: string): boolean =>
  topicId.length > 0 && topicId.length <= MAX_TOPIC_CHARACTERS && isStorableText(topicId);

/** What became of each request, at its place. */
export type SubscriptionOutcome = 'changed' | 'unchanged' | 'not_found';

interface Asked extends SubscriptionRequest {
  readonly at: number;
  readonly hash: Buffer | undefined;
}

/** Applies choices in their order; each that changes something is told of in `contacts.changed.v1`. */
export async function changeSubscriptions(
  database: Database,
  requests: readonly SubscriptionRequest[],
  now: () => Date,
): Promise<SubscriptionOutcome[]> {
  const outcomes = requests.map((): SubscriptionOutcome => 'not_found');
  const asked = requests.flatMap((request, at): Asked[] => {
    if (!isUuid(request.organizationId) || !isUuid(request.contactId) || !isTopicId(request.topicId))
      return [];
    const { organizationId, cause } = request;
    return [
      {
        ...request,
        at,
        hash: cause === undefined ? undefined : hashOfCause(organizationId, 'subscription', cause),
      },
    ];
  });
  if (asked.length === 0) return outcomes;
  const done = await settle(database, (tx) => changeIn(tx, asked, now()));
  for (const [at, outcome] of done) outcomes[at] = outcome;
  return outcomes;
}

async function changeIn(
  tx: Queryable,
  asked: readonly Asked[],
  now: Date,
): Promise<Map<number, SubscriptionOutcome>> {
  // The contacts are locked by this: choices of one contact are made one after another, and told in that order.
  const { targets } = await loadWorkspace(tx, { refs: asked, sought: [], claimed: [] }, now);
  const found = asked.flatMap((request, index) => {
    const contactId = targets[index];
    return contactId ? [{ ...request, contactId }] : [];
  });
  const done = await causesDone(
    tx,
    found.flatMap(({ hash }) => hash ?? []),
  );
  const before = await loadChoices(tx, found);
  const current = new Map(before);
  const outcomes = new Map<number, SubscriptionOutcome>();
  const made: (Asked & TopicRef)[] = [];
  const changes: NewChange[] = [];
  for (const request of found) {
    const { at, hash, organizationId, contactId, topicId, channel, subscribed, cause } = request;
    outcomes.set(at, 'unchanged');
    const key = hash?.toString('hex');
    if (key !== undefined && done.has(key)) continue;
    if (key !== undefined) done.add(key);
    made.push(request);
    const choices = current.get(topicKey(request))!;
    const next = withChoice(choices, { channel, subscribed });
    if (next === choices) continue;
    current.set(topicKey(request), next);
    outcomes.set(at, 'changed');
    const change = subscribed ? ('subscribed' as const) : ('unsubscribed' as const);
    changes.push({
      organizationId,
      contactId,
      change,
      topicId,
      ...(channel !== null && { channel }),
      ...(cause !== undefined && { cause }),
    });
  }
  await writeChoices(tx, changedTopics(made, before, current), now);
  await recordChanges(tx, changes, now);
  await rememberCauses(
    tx,
    made.flatMap(({ hash, organizationId, contactId }) =>
      hash ? [{ cause: hash, organizationId, contactId }] : [],
    ),
    now,
  );
  return outcomes;
}

function changedTopics(
  made: readonly TopicRef[],
  before: ReadonlyMap<string, Choices>,
  after: ReadonlyMap<string, Choices>,
): (TopicRef & { readonly choices: Choices })[] {
  const topics = new Map(made.map((ref) => [topicKey(ref), ref]));
  return [...topics].flatMap(([key, ref]) =>
    before.get(key) === after.get(key) ? [] : [{ ...ref, choices: after.get(key)! }],
  );
}
