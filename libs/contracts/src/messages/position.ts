/**
 * Where a fact comes from: a partition of a source topic in one of its generations (a topic that is made anew starts a new one), and the offset there.
 * Verdicts of one source are published in the order of their offsets, so a consumer that keeps the highest offset per source can tell what it has seen.
 */
export interface Position {
  /** `received.1.3`: topic, generation, partition. */
  readonly source: string;
  readonly offset: number;
}

export type SourceTopic = 'received' | 'inbound';

export const sourceName = (topic: SourceTopic, generation: number, partition: number): string =>
  `${topic}.${generation}.${partition}`;

export const formatPosition = (position: Position): string => `${position.source}@${position.offset}`;

export function parsePosition(text: string): Position {
  const at = text.lastIndexOf('@');
  const offset = Number(text.slice(at + 1));
  if (at < 1 || !Number.isSafeInteger(offset) || offset < 0)
    throw new Error(`"${text}" is not a source position.`);
  return { source: text.slice(0, at), offset };
}
