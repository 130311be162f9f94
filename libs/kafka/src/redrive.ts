import { REDRIVE_GROUP, REDRIVE_OF } from '@trackline/contracts';
import type { DeadLetterSource } from './dead-letters.ts';
import { headerOf, type IncomingMessage, type OutgoingMessage } from './message.ts';

/** Headers that burying and sending back have put on a message; the rest is as its producer wrote it. */
const OURS = /^(dlq|redrive)-/;

/** A dead letter as a message of its topic once more: key, body and headers as they came, in the partition that it came from. */
export function toRedriven(
  letter: IncomingMessage,
  source: DeadLetterSource & { readonly offset: number },
): OutgoingMessage {
  const { topic, partition, offset, group } = source;
  const headers: Record<string, string | Buffer> = {};
  for (const [name, value] of Object.entries(letter.headers)) {
    if (value != null && !OURS.test(name)) headers[name] = value;
  }
  headers[REDRIVE_GROUP] = group;
  headers[REDRIVE_OF] = `${topic}/${partition}/${offset}`;
  // As in toDeadLetter: a key that is not UTF-8 must come out as it went in.
  return { topic, partition, key: letter.key as unknown as string | null, value: letter.value, headers };
}

const isForAnother = (message: IncomingMessage, group: string): boolean => {
  const named = headerOf(message, REDRIVE_GROUP);
  return named !== undefined && named.toString('utf8') !== group;
};

/** The same array when there are none, as nearly always. */
export function withoutRedrivenForOthers(messages: IncomingMessage[], group: string): IncomingMessage[] {
  return messages.some((message) => isForAnother(message, group))
    ? messages.filter((message) => !isForAnother(message, group))
    : messages;
}
