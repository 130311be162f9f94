/** Every topic, said once: provisioning, the AsyncAPI page and each publisher take it from here. */
export interface TopicContract {
  readonly name: string;
  readonly description: string;
  /** What the key is made of; messages of one key keep their order. */
  readonly key:
    'organization:contact' | 'organization:identifier' | 'organization' | 'source partition' | 'none';
  readonly owner: string;
  readonly readers: readonly string[];
  readonly retentionMs: number;
  /** Which setting gives the number of partitions. */
  readonly partitions: 'contact' | 'outcome' | 'single';
  readonly cleanupPolicy: 'delete' | 'compact';
  /** `LogAppendTime`: the broker's moment of receipt is the event's moment of receipt. */
  readonly timestampType: 'CreateTime' | 'LogAppendTime';
}

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

const contactTopic = (
  name: string,
  owner: string,
  readers: readonly string[],
  description: string,
  more: Partial<TopicContract> = {},
): TopicContract => ({
  name,
  owner,
  readers,
  description,
  key: 'organization:contact',
  retentionMs: 7 * DAY_MS,
  partitions: 'contact',
  cleanupPolicy: 'delete',
  timestampType: 'CreateTime',
  ...more,
});

export const INBOUND = 'events.inbound.v1';
export const RECEIVED = 'events.received.v1';
export const ADMITTED = 'events.admitted.v1';
export const REFUSED = 'events.refused.v1';
export const EXECUTIONS = 'executions.progressed.v1';
export const CONTACTS = 'contacts.changed.v1';
export const ACTIONS_REQUESTED = 'actions.requested.v1';
export const ACTIONS_COMPLETED = 'actions.completed.v1';
export const CONVERSATIONS = 'conversations.touched.v1';
export const OUTCOMES = 'outcomes.v1';
export const USAGE = 'usage.noticed.v1';
export const PROGRESS = 'progress.v1';

const consumed: readonly TopicContract[] = [
  contactTopic(
    INBOUND,
    'direct producers',
    ['dedup-meter'],
    'Events that data platforms publish directly. The only topic open to others.',
    {
      key: 'organization:identifier',
      timestampType: 'LogAppendTime',
    },
  ),
  contactTopic(
    RECEIVED,
    'ingest',
    ['dedup-meter'],
    'Events that came over HTTP, validated, with their contact resolved.',
    {
      timestampType: 'LogAppendTime',
    },
  ),
  contactTopic(
    ADMITTED,
    'dedup-meter',
    ['trigger', 'timeline'],
    'Events that were counted: unique and within the plan.',
  ),
  contactTopic(
    REFUSED,
    'dedup-meter',
    ['timeline'],
    'Events that were not counted: duplicates, and those past the hard cap.',
  ),
  contactTopic(
    EXECUTIONS,
    'trigger',
    ['timeline'],
    'What an event did: executions started, resumed, refused, ended.',
  ),
  contactTopic(
    CONTACTS,
    'directory',
    ['trigger', 'timeline', 'connectors'],
    'Contacts created, updated, subscribed to a topic or unsubscribed, merged or erased.',
  ),
  contactTopic(
    CONVERSATIONS,
    'ingest',
    ['timeline'],
    'Messages to and from contacts, with the campaign behind them: what orders are attributed by.',
  ),
  contactTopic(
    ACTIONS_REQUESTED,
    'trigger',
    ['connectors'],
    'What is to be done outside: webhooks and messages of workflows, fully rendered, and conversions that Meta is told of.',
  ),
  contactTopic(ACTIONS_COMPLETED, 'connectors', ['trigger', 'timeline'], 'How each of those ended.'),
];

const DEAD_LETTER_RETENTION_MS = 30 * DAY_MS;

/**
 * So long whoever has put down that a message went to the dead letters has to know of it. Twice what is asked of the broker: that deletes
 * whole segments, and one of a quiet topic lives on until its newest message is too old.
 */
export const DEAD_LETTER_KNOWN_MS = 2 * DEAD_LETTER_RETENTION_MS;

export const topics: readonly TopicContract[] = [
  ...consumed,
  {
    name: OUTCOMES,
    description: 'Verdicts and effects, back to the ingest instance whose caller waits for them.',
    key: 'none',
    owner: 'dedup-meter, trigger',
    readers: ['ingest'],
    retentionMs: HOUR_MS,
    partitions: 'outcome',
    cleanupPolicy: 'delete',
    timestampType: 'CreateTime',
  },
  {
    name: USAGE,
    description: 'An organisation crossed 80, 100 or 125 % of its monthly limit.',
    key: 'organization',
    owner: 'dedup-meter',
    readers: ['whoever tells the customer'],
    retentionMs: 40 * DAY_MS,
    partitions: 'single',
    cleanupPolicy: 'delete',
    timestampType: 'CreateTime',
  },
  {
    name: PROGRESS,
    description: 'Per source partition: everything received up to a moment has been decided.',
    key: 'source partition',
    owner: 'dedup-meter',
    readers: ['trigger'],
    retentionMs: DAY_MS,
    partitions: 'single',
    cleanupPolicy: 'compact',
    timestampType: 'CreateTime',
  },
  ...consumed.map((topic) => ({
    ...topic,
    name: `${topic.name}.dlq`,
    description: `Messages of ${topic.name} that could not be processed, as they came, with the reason in headers.`,
    owner: topic.readers.join(', '),
    readers: ['the redrive command'],
    retentionMs: DEAD_LETTER_RETENTION_MS,
    timestampType: 'CreateTime' as const,
  })),
];

export interface PartitionCounts {
  /** Of every topic that is keyed by contact. Adding partitions moves keys: start with enough. */
  readonly contact: number;
  /** Of `outcomes.v1`: one per running ingest instance at least. */
  readonly outcome: number;
}

/** The partitions of a topic under the given settings. */
export const partitionsOf = (topic: TopicContract, counts: PartitionCounts): number =>
  topic.partitions === 'single' ? 1 : counts[topic.partitions];
