import { PublisherFull, PublishTimeout, type OutgoingMessage, type Publisher } from '@trackline/kafka';
import type { Logger } from '@trackline/observability';
import { nothingRecorded, perhapsRecorded } from '../../domain/unavailable.ts';

export interface AcknowledgedSettings {
  readonly publisher: Pick<Publisher, 'publish'>;
  readonly contactPartitions: number;
  /** After which the caller hears that it is not known whether the broker has the messages. */
  readonly timeoutMs: number;
  readonly logger: Pick<Logger, 'warn'>;
}

export interface Sending {
  readonly messages: OutgoingMessage[];
  readonly isSafeToResend: boolean;
  /** For the log. */
  readonly fields: object;
}

/** Resolves when the broker has acknowledged all of them. Throws a Problem that says whether they may be recorded. */
export async function acknowledged(
  { publisher, timeoutMs, logger }: AcknowledgedSettings,
  { messages, isSafeToResend, fields }: Sending,
): Promise<void> {
  try {
    await within(timeoutMs, publisher.publish(messages));
  } catch (error) {
    if (error instanceof PublisherFull)
      throw nothingRecorded('Too many events are waiting for the broker.', error);
    logger.warn({ err: error, ...fields }, 'it is not known whether the broker has the events');
    throw perhapsRecorded(isSafeToResend, error);
  }
}

/** The publisher gives up between two tries only, and one try can outlast the caller's patience. */
function within(ms: number, published: Promise<unknown>): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new PublishTimeout(`Not acknowledged within ${ms} ms`)), ms);
    published.then(
      () => {
        clearTimeout(timer);
        resolve();
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error as Error);
      },
    );
  });
}
