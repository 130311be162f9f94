import { SENT_BACK } from '@trackline/contracts';
import type { IncomingMessage } from '@trackline/kafka';

/** A message of a dead letter topic. */
export type DeadMessage = IncomingMessage & { readonly partition: number };

/** What lies in a dead letter topic, and where the message stood that it was. */
export interface Letter {
  readonly partition: number;
  readonly offset: number;
  readonly buriedAtMs: number;
  readonly reason: string;
  readonly detail: string;
  readonly group: string;
  readonly source: { readonly topic: string; readonly partition: number; readonly offset: number };
  /** The body was too large to come along. */
  readonly lacksBody: boolean;
  readonly message: DeadMessage;
}

export interface Filter {
  readonly reason?: string | undefined;
  readonly group?: string | undefined;
  /** Those too that were sent back before. */
  readonly again?: boolean | undefined;
}

export interface Post {
  readonly letters: readonly Letter[];
  /** Of the letters that fit the filter otherwise, how many were sent back before. */
  readonly sentBefore: number;
  /** Messages that are neither letters nor marks: someone else wrote them. */
  readonly strange: number;
}

const wholeNumber = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;

/** `undefined`: not a letter. */
function toLetter(message: DeadMessage): Letter | undefined {
  const header = (name: string) => message.headers[name]?.toString('utf8');
  const [reason, topic, group] = ['dlq-reason', 'dlq-source-topic', 'dlq-group'].map(header);
  const partition = wholeNumber(header('dlq-source-partition'));
  const offset = wholeNumber(header('dlq-source-offset'));
  if (!reason || !topic || !group || partition === undefined || offset === undefined) return undefined;
  return {
    partition: message.partition,
    offset: message.offset,
    buriedAtMs: message.timestampMs,
    reason,
    detail: header('dlq-detail') ?? '',
    group,
    source: { topic, partition, offset },
    lacksBody: header('dlq-value') !== undefined,
    message,
  };
}

const placeOf = (partition: number, offset: number): string => `${partition}/${offset}`;

/**
 * Sorts what a dead letter topic holds: the letters that fit, oldest first. A message that was buried twice, by a consumer that died
 * before it had moved on, is one letter: the later one.
 */
export function sortPost(messages: readonly DeadMessage[], filter: Filter): Post {
  const sentBack = new Set<string>();
  const letters = new Map<string, Letter>();
  let strange = 0;
  for (const message of messages) {
    const mark = wholeNumber(message.headers[SENT_BACK]?.toString('utf8'));
    if (mark !== undefined) {
      sentBack.add(placeOf(message.partition, mark));
      continue;
    }
    const letter = toLetter(message);
    if (!letter) strange += 1;
    else letters.set(`${letter.group} ${placeOf(letter.source.partition, letter.source.offset)}`, letter);
  }
  const fitting = [...letters.values()].filter(
    ({ reason, group }) =>
      (filter.reason === undefined || reason === filter.reason) &&
      (filter.group === undefined || group === filter.group),
  );
  const wasSent = ({ partition, offset }: Letter) => sentBack.has(placeOf(partition, offset));
  return {
    letters: fitting
      .filter((letter) => filter.again || !wasSent(letter))
      .sort((a, b) => a.buriedAtMs - b.buriedAtMs || a.partition - b.partition || a.offset - b.offset),
    sentBefore: fitting.filter(wasSent).length,
    strange,
  };
}

export interface LetterCount {
  readonly reason: string;
  readonly group: string;
  readonly letters: number;
  /** Of these, how many cannot be sent back because their body is only at their source. */
  readonly lackingBody: number;
  readonly latest: Pick<Letter, 'detail' | 'buriedAtMs' | 'source'>;
}

/** By reason and group, the most first. */
export function countLetters(letters: readonly Letter[]): LetterCount[] {
  const counts = new Map<string, LetterCount>();
  for (const { reason, group, lacksBody, detail, buriedAtMs, source } of letters) {
    const key = `${reason} ${group}`;
    const count = counts.get(key);
    counts.set(key, {
      reason,
      group,
      letters: (count?.letters ?? 0) + 1,
      lackingBody: (count?.lackingBody ?? 0) + Number(lacksBody),
      latest: { detail, buriedAtMs, source },
    });
  }
  return [...counts.values()].sort((a, b) => b.letters - a.letters || (a.reason < b.reason ? -1 : 1));
}
