import { isRedriven, type JudgedEvent, type RawMessage } from '@trackline/contracts';
import type { Clock } from '@trackline/kernel';
import { isSaneTime } from '../domain/retention.ts';
import { pass } from '../domain/source-positions.ts';
import type { Commit, EventWriter, OwnPartition } from '../ports.ts';
import type { KnownPositions } from './known-positions.ts';
import type { Poison } from './poison.ts';

export interface ConsumedBatch extends OwnPartition {
  readonly assignment: number;
  readonly messages: readonly RawMessage[];
}

export interface Recording<Event extends JudgedEvent> {
  readonly decode: (message: RawMessage) => Event;
  /** Whether the message puts anything down; one that does not still moves its position. */
  readonly hasEffect: (event: Event) => boolean;
  readonly positions: KnownPositions;
  readonly writer: EventWriter<Event>;
  readonly clock: Clock;
}

export interface Recorded {
  readonly written: number;
  /** Came again, or has no effect. */
  readonly passedOver: number;
}

/** Each time another owner has moved on meanwhile; with one owner at a time the second try goes through. */
const MAX_OVERTAKEN = 5;

/** Judged events of one partition, put down once: decode → leave what is behind the positions → write and move in one transaction. */
export const recordJudged =
  <Event extends JudgedEvent>({ decode, hasEffect, positions, writer, clock }: Recording<Event>) =>
  async (batch: ConsumedBatch): Promise<Recorded | Poison> => {
    const decoded = decodeAll(batch.messages, decode, clock.now());
    if ('reason' in decoded) return decoded;
    for (let attempt = 0; attempt < MAX_OVERTAKEN; attempt += 1) {
      const known = await positions.of(batch, batch.assignment);
      const { fresh, moves } = pass(
        known,
        decoded.items.filter(({ redriven }) => !redriven),
      );
      const rows = [...fresh, ...decoded.items.filter(({ redriven }) => redriven)].filter(({ event }) =>
        hasEffect(event),
      );
      if (moves.length === 0 && rows.length === 0) return { written: 0, passedOver: decoded.items.length };
      const commit: Commit = await writer.commit(
        batch,
        moves,
        rows.map(({ event }) => event),
      );
      if (commit.kind === 'committed') {
        for (const { source, next } of moves) known.set(source, next);
        return { written: commit.written, passedOver: decoded.items.length - rows.length };
      }
      if (commit.kind === 'unstorable') {
        return { offset: rows[commit.index]!.offset, reason: 'not_storable', detail: commit.detail };
      }
      positions.forget(batch);
    }
    throw new Error(
      `${batch.topic}/${batch.partition}: overtaken ${MAX_OVERTAKEN} times; two processes hold this partition.`,
    );
  };

interface Decoded<Event> {
  readonly offset: number;
  /** Came back from the dead letters, long after its position was passed: only the row's key tells whether it is there. */
  readonly redriven: boolean;
  readonly event: Event;
  readonly position: JudgedEvent['position'];
}

function decodeAll<Event extends JudgedEvent>(
  messages: readonly RawMessage[],
  decode: (message: RawMessage) => Event,
  nowMs: number,
): { readonly items: readonly Decoded<Event>[] } | Poison {
  const items: Decoded<Event>[] = [];
  for (const message of messages) {
    const { offset } = message;
    let event: Event;
    try {
      event = decode(message);
    } catch (error) {
      return { offset, reason: 'undecodable', detail: (error as Error).message };
    }
    for (const [what, ms] of [
      ['occurred', event.occurredAtMs],
      ['was received', event.receivedAtMs],
    ] as const) {
      if (!isSaneTime(ms, nowMs)) {
        return { offset, reason: 'time_out_of_range', detail: `The event ${what} at ${told(ms)}.` };
      }
    }
    items.push({ offset, redriven: isRedriven(message), event, position: event.position });
  }
  return { items };
}

const told = (ms: number): string =>
  Number.isNaN(ms) ? 'no time that can be read' : new Date(ms).toISOString();
