import {
  ConversationItem,
  isStorableText,
  parseOccurredAt,
  validator,
  type ConversationsAnswer,
  type ConversationsBody,
  type Issue,
  type TouchedConversation,
} from '@trackline/contracts';
import { tellIssue } from '../domain/batch-answer.ts';
import type { ContactReference } from '../domain/contact-reference.ts';
import { messageKey, type Link } from '../domain/whatsapp/link.ts';
import { touchId } from '../domain/whatsapp/touch.ts';
import type { Caller, Contacts, ConversationLog, Links } from '../ports.ts';

export interface ConversationParts {
  readonly contacts: Contacts;
  readonly links: Pick<Links, 'linkPersons'>;
  readonly conversations: ConversationLog;
  readonly newId: () => string;
  /** Provisional contacts turned out to be somebody. */
  readonly onIdentified: () => void;
}

export interface ConversationsCall {
  readonly caller: Caller;
  readonly body: ConversationsBody;
  readonly requestedAtMs: number;
}

export type RecordConversations = (call: ConversationsCall) => Promise<ConversationsAnswer>;

type Result = ConversationsAnswer['results'][number];

interface Read {
  readonly item: ConversationItem;
  readonly occurredAtMs: number;
  readonly reference: ContactReference | undefined;
}

const checkItem = validator(ConversationItem);

/** Messages that were exchanged elsewhere, item by item: validate → resolve all contacts → link their message ids → publish all → answer. */
export const recordingConversations = (parts: ConversationParts): RecordConversations =>
  async function recordConversations({ caller, body, requestedAtMs }) {
    const { organizationId } = caller;
    const reads = body.conversations.map((item) => readItem(item, requestedAtMs));
    const lookups = new Map<string, { reference: ContactReference }>();
    for (const read of reads)
      if ('item' in read && read.reference) lookups.set(keyOf(read.reference), { reference: read.reference });
    const found = lookups.size === 0 ? [] : await parts.contacts.resolve(caller, [...lookups.values()]);
    const contactIds = new Map([...lookups.keys()].map((key, at) => [key, found[at]?.contactId]));

    const links = new Map<string, Link>();
    const touches: TouchedConversation[] = [];
    const results = reads.map((read, index): Result => {
      if (!('item' in read)) return { index, status: 'invalid', error: tellIssue(read) };
      const contactId = read.reference && contactIds.get(keyOf(read.reference));
      if (contactId === undefined) return { index, status: 'contact_not_found', error: 'Contact not found' };
      const { messageId } = read.item;
      const key = messageId === undefined ? undefined : messageKey(messageId);
      // Of several contacts named for one message the first counts, as in the timeline.
      if (key !== undefined && !links.has(key)) links.set(key, { key, contactId });
      touches.push(touchOf(organizationId, contactId, read, parts.newId));
      return { index, status: 'accepted' };
    });
    if (links.size > 0 && (await parts.links.linkPersons(organizationId, [...links.values()])))
      parts.onIdentified();
    if (touches.length > 0) await parts.conversations.append(touches);
    return answerOf(results);
  };

function readItem(given: unknown, nowMs: number): Read | Issue {
  const shape = checkItem(given);
  if (!shape.ok) return shape.issues[0]!;
  const item = shape.value;
  const texts = {
    '/messageId': item.messageId,
    '/campaign/id': item.campaign?.id,
    '/campaign/name': item.campaign?.name,
  };
  for (const [path, text] of Object.entries(texts)) {
    if (text !== undefined && !isStorableText(text))
      return { path, message: 'Text must be well-formed Unicode without NUL characters.' };
  }
  const occurredAt = item.occurredAt === undefined ? undefined : parseOccurredAt(item.occurredAt, nowMs);
  if (occurredAt && !occurredAt.ok) return { path: '/occurredAt', message: occurredAt.message };
  return { item, occurredAtMs: occurredAt?.ms ?? nowMs, reference: referenceOf(item) };
}

/** The first that is given decides; text that nothing stored can be equal to finds nobody. */
function referenceOf({
  contactId,
  contactPhone,
  contactEmail,
}: ConversationItem): ContactReference | undefined {
  const given = [
    ['contactId', contactId],
    ['phone', contactPhone],
    ['email', contactEmail],
  ] as const;
  const decisive = given.find(([, value]) => value !== undefined && value !== '');
  if (!decisive) return undefined;
  const [by, value] = [decisive[0], String(decisive[1])];
  return isStorableText(value) ? { by, value } : undefined;
}

const keyOf = ({ by, value }: ContactReference): string => `${by}:${value}`;

function touchOf(
  organizationId: string,
  contactId: string,
  { item, occurredAtMs }: Read,
  newId: () => string,
): TouchedConversation {
  const { direction, messageId, campaign, occurredAt } = item;
  const told =
    messageId === undefined
      ? [
          contactId,
          occurredAt === undefined ? newId() : String(occurredAtMs),
          campaign?.type ?? '',
          campaign?.id ?? '',
        ]
      : [messageId];
  return {
    id: touchId([organizationId, 'api', messageId === undefined ? 'unnamed' : 'message', direction, ...told]),
    organizationId,
    contactId,
    direction,
    occurredAtMs,
    source: 'api',
    ...(messageId === undefined ? undefined : { messageId }),
    ...(campaign && { campaign }),
  };
}

function answerOf(results: Result[]): ConversationsAnswer {
  const errors = results.flatMap(({ index, error }) =>
    error === undefined ? [] : [`conversations[${index}]: ${error}`],
  );
  return { success: errors.length === 0, processed: results.length - errors.length, errors, results };
}
