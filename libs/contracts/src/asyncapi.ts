import type { TSchema } from '@sinclair/typebox';
import { toJsonSchema, type JsonSchema } from './json-schema.ts';
import { DeadLetterHeaders, messageSchemas, type MessageSchema } from './messages/message-schemas.ts';
import { partitionsOf, type PartitionCounts, type TopicContract } from './topics.ts';

export interface AsyncApiInfo {
  readonly title?: string;
  readonly version: string;
  /** Partitions under the settings that the document is made for. */
  readonly partitions: PartitionCounts;
}

/** An AsyncAPI 3.0 document: plain JSON, the same for the same topics. */
export interface AsyncApiDocument {
  readonly asyncapi: '3.0.0';
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly defaultContentType: 'application/json';
  readonly channels: Readonly<Record<string, JsonSchema>>;
  readonly operations: Readonly<Record<string, JsonSchema>>;
  readonly components: { readonly messages: Readonly<Record<string, JsonSchema>> };
}

const DESCRIPTION =
  'Messages are CloudEvents 1.0 in binary mode: metadata in headers, the payload as JSON. ' +
  'Only events.inbound.v1 is open to other writers; operations are told from the side of our services.';

const KEYS: Readonly<Record<TopicContract['key'], JsonSchema | undefined>> = {
  'organization:contact': { type: 'string', description: '`<organisation id>:<contact id>`' },
  'organization:identifier': {
    type: 'string',
    description:
      '`<organisation id>:<identifier>`: one identifier per contact keeps the order of its events.',
  },
  organization: { type: 'string', description: 'The organisation id.' },
  'source partition': { type: 'string', description: '`<topic>.<generation>.<partition>`' },
  none: undefined,
};

const DEAD_LETTERS = '.dlq';

export function asyncApiDocument(topics: readonly TopicContract[], info: AsyncApiInfo): AsyncApiDocument {
  const channels: Record<string, JsonSchema> = {};
  const operations: Record<string, JsonSchema> = {};
  const messages: Record<string, JsonSchema> = {};
  for (const topic of topics) {
    const schema = messageSchemaOf(topic);
    messages[schema.name] = messageOf(topic, schema);
    channels[topic.name] = channelOf(topic, schema, info.partitions);
    const target = {
      channel: { $ref: `#/channels/${topic.name}` },
      messages: [{ $ref: `#/channels/${topic.name}/messages/${schema.name}` }],
    };
    operations[`send${schema.name}`] = { action: 'send', summary: `Written by ${topic.owner}.`, ...target };
    operations[`receive${schema.name}`] = {
      action: 'receive',
      summary: `Read by ${topic.readers.join(', ')}.`,
      ...target,
    };
  }
  return {
    asyncapi: '3.0.0',
    info: { title: info.title ?? 'Trackline', version: info.version, description: DESCRIPTION },
    defaultContentType: 'application/json',
    channels,
    operations,
    components: { messages },
  };
}

/** A dead letter is the message as it came, whatever that was, and why it is here. */
export function messageSchemaOf(topic: Pick<TopicContract, 'name'>): MessageSchema {
  const isDeadLetter = topic.name.endsWith(DEAD_LETTERS);
  const source = isDeadLetter ? topic.name.slice(0, -DEAD_LETTERS.length) : topic.name;
  const schema = messageSchemas[source];
  if (!schema) throw new Error(`Topic ${topic.name} has no message schema.`);
  if (!isDeadLetter) return schema;
  const anything: TSchema = { description: 'As it came; it may not even be JSON.' } as TSchema;
  return { name: `${schema.name}DeadLetter`, headers: DeadLetterHeaders, payload: anything };
}

function messageOf(topic: TopicContract, schema: MessageSchema): JsonSchema {
  const key = KEYS[topic.key];
  return {
    name: schema.name,
    summary: topic.description,
    contentType: 'application/json',
    headers: toJsonSchema(schema.headers),
    payload: toJsonSchema(schema.payload),
    ...(key === undefined ? undefined : { bindings: { kafka: { key, bindingVersion: '0.5.0' } } }),
  };
}

function channelOf(topic: TopicContract, schema: MessageSchema, counts: PartitionCounts): JsonSchema {
  return {
    address: topic.name,
    description: topic.description,
    messages: { [schema.name]: { $ref: `#/components/messages/${schema.name}` } },
    bindings: {
      kafka: {
        topic: topic.name,
        partitions: partitionsOf(topic, counts),
        topicConfiguration: { 'cleanup.policy': [topic.cleanupPolicy], 'retention.ms': topic.retentionMs },
        bindingVersion: '0.5.0',
      },
    },
    'x-timestamp-type': topic.timestampType,
  };
}
