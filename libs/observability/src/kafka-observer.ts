import { BATCH_SIZE_BUCKETS, type Metrics } from './metrics.ts';

/**
 * What the Kafka transport tells about itself. The shape is said here and in libs/kafka alike and fits by structure,
 * so that neither library imports the other.
 */
export interface KafkaObserver {
  /** A handler is done with a batch: its effects are durable. */
  batchHandled(event: { topic: string; partition: number; messages: number; seconds: number }): void;
  /** A batch is to be tried again: a dependency is away (`fault`) or the handler failed (`error`). */
  batchRetried(event: { topic: string; partition: number; cause: 'fault' | 'error' }): void;
  deadLettered(event: { topic: string; partition: number; reason: string }): void;
  /** Messages between the last one handled and the end of the partition. */
  lag(event: { topic: string; partition: number; messages: number }): void;
  /** The partition went to another process: its lag is not ours to tell any more. */
  revoked(event: { topic: string; partition: number }): void;
  /** One produce request was acknowledged. */
  published(event: { messages: number; seconds: number }): void;
  publishRetried(): void;
  /** A caller was turned away because the queue was full. */
  publishRefused(event: { messages: number }): void;
}

export function kafkaObserver(metrics: Metrics): KafkaObserver {
  const at = ['topic', 'partition'] as const;
  const batchSizes = metrics.histogram(
    'kafka_batch_size',
    'Messages in a handled batch.',
    ['topic'],
    BATCH_SIZE_BUCKETS,
  );
  const batchDurations = metrics.histogram(
    'kafka_batch_duration_seconds',
    'Time a handler took for a batch.',
    ['topic'],
  );
  const retries = metrics.counter('kafka_batch_retries_total', 'Batches handed out again.', [
    'topic',
    'cause',
  ]);
  const deadLetters = metrics.counter('kafka_dead_letters_total', 'Messages sent to the dead letter topic.', [
    'topic',
    'reason',
  ]);
  const lag = metrics.gauge('kafka_lag_messages', 'Messages behind the end of the partition.', at);
  const requestSizes = metrics.histogram(
    'kafka_publish_request_size',
    'Messages in a produce request.',
    [],
    BATCH_SIZE_BUCKETS,
  );
  const requestDurations = metrics.histogram(
    'kafka_publish_duration_seconds',
    'Time until a produce request was acknowledged.',
  );
  const publishRetries = metrics.counter('kafka_publish_retries_total', 'Produce requests sent again.');
  const refused = metrics.counter('kafka_publish_refused_total', 'Messages turned away at a full queue.');
  return {
    batchHandled: ({ topic, messages, seconds }) => {
      batchSizes.observe({ topic }, messages);
      batchDurations.observe({ topic }, seconds);
    },
    batchRetried: ({ topic, cause }) => retries.inc({ topic, cause }),
    deadLettered: ({ topic, reason }) => deadLetters.inc({ topic, reason }),
    lag: ({ topic, partition, messages }) => lag.set({ topic, partition: String(partition) }, messages),
    revoked: ({ topic, partition }) => lag.remove({ topic, partition: String(partition) }),
    published: ({ messages, seconds }) => {
      requestSizes.observe(messages);
      requestDurations.observe(seconds);
    },
    publishRetried: () => publishRetries.inc(),
    publishRefused: ({ messages }) => refused.inc(messages),
  };
}
