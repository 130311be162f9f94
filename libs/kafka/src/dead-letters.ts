import { backoffMs, waitFor } from './backoff.ts';
import { describeError } from './faults.ts';
import type { KafkaLogger } from './logger.ts';
import type { IncomingMessage, OutgoingMessage } from './message.ts';
import type { Publisher } from './publisher.ts';

export interface DeadLetterSource {
  /** Without prefix. */
  topic: string;
  partition: number;
  group: string;
}

const MAX_DETAIL_LENGTH = 1_000;

/** The message as it came, in `<topic>.dlq`, in the partition of the same number, with why and whence in headers. */
export function toDeadLetter(
  source: DeadLetterSource,
  message: IncomingMessage,
  reason: string,
  detail: string,
): OutgoingMessage {
  const headers: Record<string, string | Buffer> = {};
  for (const [name, value] of Object.entries(message.headers)) if (value != null) headers[name] = value;
  headers['dlq-reason'] = reason;
  headers['dlq-detail'] = detail.slice(0, MAX_DETAIL_LENGTH);
  headers['dlq-source-topic'] = source.topic;
  headers['dlq-source-partition'] = String(source.partition);
  headers['dlq-source-offset'] = String(message.offset);
  headers['dlq-group'] = source.group;
  return {
    topic: `${source.topic}.dlq`,
    partition: source.partition,
    // Keys that are not UTF-8 must come out as they went in; the publisher's type says string for those who make keys.
    key: message.key as unknown as string | null,
    value: message.value,
    headers,
  };
}

/** Publishes until it is acknowledged: a partition moves on over a poison message only when that is kept. */
export async function bury(
  publisher: Publisher,
  letter: OutgoingMessage,
  logger: KafkaLogger,
  signal: AbortSignal,
): Promise<void> {
  let sending = letter;
  for (let attempt = 0; !signal.aborted; attempt++) {
    try {
      await publisher.publish([sending]);
      return;
    } catch (error) {
      const { topic, partition } = letter;
      const offset = letter.headers['dlq-source-offset'];
      logger.error(
        { topic, partition, offset, attempt, error: describeError(error) },
        'Dead letter not written, trying again',
      );
      if (/MESSAGE_TOO_LARGE|too large|larger than/i.test(describeError(error)))
        sending = withoutValue(letter);
      await waitFor(backoffMs(attempt, 100, 10_000), signal);
    }
  }
}

/** With our headers on top the message can be too large for the topic: the value is still at its source position. */
function withoutValue(letter: OutgoingMessage): OutgoingMessage {
  return {
    ...letter,
    value: null,
    headers: { ...letter.headers, 'dlq-value': 'dropped: too large with its headers' },
  };
}
