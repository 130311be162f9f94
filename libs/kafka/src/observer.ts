/**
 * What the transport and the publisher tell about themselves. The shape is said here and in libs/observability alike
 * and fits by structure, so that neither library imports the other. Every method may be left out.
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
