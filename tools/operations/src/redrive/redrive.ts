import { SENT_BACK } from '@trackline/contracts';
import {
  Publisher,
  readToEnd,
  toRedriven,
  type KafkaConnection,
  type OutgoingMessage,
} from '@trackline/kafka';
import { reach } from '../mistake.ts';
import {
  countLetters,
  sortPost,
  type DeadMessage,
  type Filter,
  type Letter,
  type LetterCount,
} from './letter.ts';

export interface RedriveRequest extends Filter {
  /** The topic that the letters came from. */
  readonly topic: string;
  /** Send back so many at most. */
  readonly limit?: number | undefined;
  /** Tell, send nothing. */
  readonly dryRun?: boolean | undefined;
}

export interface RedriveReport {
  readonly topic: string;
  /** Letters that fit, by reason and group. */
  readonly counts: readonly LetterCount[];
  readonly letters: number;
  readonly sentBefore: number;
  readonly strange: number;
  readonly sent: number;
  readonly failed: readonly { readonly letter: string; readonly error: string }[];
}

/** Letters on their way at once; after each such number the marks are written. */
const CHUNK = 200;

/**
 * Tells what lies in the dead letters of a topic, as of now, and sends back what fits. A letter is marked once its message is
 * acknowledged; when the command dies in between, the letter is sent once more, which has no second effect.
 */
export async function redrive(connection: KafkaConnection, request: RedriveRequest): Promise<RedriveReport> {
  const { topic, limit = Infinity, dryRun = false } = request;
  const messages: DeadMessage[] = [];
  await reach(`${topic}.dlq at ${connection.brokers.join(',')} could not be read`, () =>
    readToEnd({ connection, topic: `${topic}.dlq`, onMessage: (message) => messages.push(message) }),
  );
  const { letters, sentBefore, strange } = sortPost(messages, request);
  const sendable = letters.filter(({ lacksBody }) => !lacksBody).slice(0, limit);
  const outcome = dryRun ? { sent: 0, failed: [] } : await sendBack(connection, topic, sendable);
  return { topic, counts: countLetters(letters), letters: letters.length, sentBefore, strange, ...outcome };
}

async function sendBack(
  connection: KafkaConnection,
  topic: string,
  letters: readonly Letter[],
): Promise<Pick<RedriveReport, 'sent' | 'failed'>> {
  if (letters.length === 0) return { sent: 0, failed: [] };
  const failed: { letter: string; error: string }[] = [];
  let sent = 0;
  const publisher = new Publisher({ connection });
  await publisher.connect();
  try {
    for (let from = 0; from < letters.length; from += CHUNK) {
      const chunk = letters.slice(from, from + CHUNK);
      const tries = await Promise.allSettled(
        chunk.map((letter) => publisher.publish([toMessage(topic, letter)])),
      );
      const gone = chunk.filter((_, at) => tries[at]!.status === 'fulfilled');
      for (const [at, one] of tries.entries()) {
        if (one.status === 'rejected') failed.push({ letter: nameOf(chunk[at]!), error: told(one.reason) });
      }
      if (gone.length > 0) await publisher.publish(gone.map((letter) => toMark(topic, letter)));
      sent += gone.length;
    }
  } finally {
    await publisher.disconnect();
  }
  return { sent, failed };
}

const toMessage = (topic: string, { message, source, group }: Letter): OutgoingMessage =>
  toRedriven(message, { ...source, topic, group });

const toMark = (topic: string, { partition, offset }: Letter): OutgoingMessage => ({
  topic: `${topic}.dlq`,
  partition,
  key: null,
  value: null,
  headers: { [SENT_BACK]: String(offset) },
});

const nameOf = ({ source }: Letter): string => `${source.topic}/${source.partition}/${source.offset}`;

const told = (error: unknown): string => (error instanceof Error ? error.message : String(error));
