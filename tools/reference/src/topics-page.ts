import {
  messageSchemaOf,
  partitionsOf,
  toJsonSchema,
  type PartitionCounts,
  type TopicContract,
} from '@trackline/contracts';
import { fieldTable, paragraphs, table } from './markdown.ts';

const HOUR_MS = 3_600_000;

const counted = (count: number, unit: string): string => `${count} ${unit}${count === 1 ? '' : 's'}`;

const retention = (ms: number): string =>
  ms % (24 * HOUR_MS) === 0 ? counted(ms / (24 * HOUR_MS), 'day') : counted(ms / HOUR_MS, 'hour');

/** The topics as a page to read; the same facts as asyncapi.json. */
export function topicsPage(topics: readonly TopicContract[], counts: PartitionCounts): string {
  return `${paragraphs(
    '# Topics',
    '<!-- Generated from libs/contracts by `npm run reference`. -->',
    'Messages are CloudEvents 1.0 in binary mode: metadata in headers, the payload as JSON. Only `events.inbound.v1` is open to other writers.',
    `Partitions are those of the default settings (\`CONTACT_PARTITIONS=${counts.contact}\`, \`OUTCOME_PARTITIONS=${counts.outcome}\`). As a document for tools: [asyncapi.json](asyncapi.json).`,
    table(
      ['topic', 'key', 'written by', 'read by', 'partitions', 'kept'],
      topics.map((topic) => [
        `\`${topic.name}\``,
        topic.key,
        topic.owner,
        topic.readers.join(', '),
        String(partitionsOf(topic, counts)),
        topic.cleanupPolicy === 'compact'
          ? `${retention(topic.retentionMs)}, compacted`
          : retention(topic.retentionMs),
      ]),
    ),
    ...topics.filter(({ name }) => !name.endsWith('.dlq')).map(section),
    deadLetters(topics),
  )}\n`;
}

function section(topic: TopicContract): string {
  const { name, headers, payload } = messageSchemaOf(topic);
  return paragraphs(
    `## ${topic.name}`,
    `${topic.description}${topic.timestampType === 'LogAppendTime' ? ' Timestamps are set by the broker.' : ''} Message: \`${name}\`.`,
    'Headers:',
    fieldTable(toJsonSchema(headers)),
    'Payload:',
    fieldTable(toJsonSchema(payload)) || String(payload.description ?? 'Any JSON.'),
  );
}

function deadLetters(topics: readonly TopicContract[]): string | undefined {
  const topic = topics.find(({ name }) => name.endsWith('.dlq'));
  return (
    topic &&
    paragraphs(
      '## Dead letters',
      'On `<topic>.dlq` a message stands as it came, key, headers and payload, and beside its headers these:',
      fieldTable(toJsonSchema(messageSchemaOf(topic).headers)),
    )
  );
}
