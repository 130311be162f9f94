/**
 * Cuts the byte streams of the three protocols into what is asked and what is answered, far enough for a proxy to know which
 * answer belongs to which question, and which of them is a moment that a fault test wants to strike at.
 */

/** What dedup-meter and its like are doing when these bytes pass. */
export type Moment =
  'judge' | 'remember' | 'seed' | 'commit' | 'term' | 'publish' | 'fetch' | 'offsets' | 'join';

export interface Frame {
  readonly bytes: Buffer;
  /** Question and answer carry the same; unique on their connection. */
  readonly exchange: number;
  /** Of a question. */
  readonly moment?: Moment | undefined;
  /** False while more frames of the same exchange follow. */
  readonly isLast: boolean;
}

/** Takes what arrived and returns the frames that are whole by now. */
export type Splitter = (chunk: Buffer) => Frame[];

export interface Protocol {
  questions(): Splitter;
  answers(): Splitter;
}

export type ProtocolName = 'redis' | 'postgres' | 'kafka';

interface Cut {
  readonly end: number;
  readonly frame: Omit<Frame, 'bytes'>;
}

/** `next` finds the frame that begins at the start of the buffer; undefined while it is not whole. */
function splitter(next: (pending: Buffer) => Cut | undefined): Splitter {
  let pending: Buffer = Buffer.alloc(0);
  return (chunk) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    const frames: Frame[] = [];
    for (let cut = next(pending); cut !== undefined; cut = next(pending)) {
      frames.push({ ...cut.frame, bytes: pending.subarray(0, cut.end) });
      pending = pending.subarray(cut.end);
      if (pending.length === 0) break;
    }
    return frames;
  };
}

// --- Redis: https://redis.io/docs/latest/develop/reference/protocol-spec/ (RESP2) ---

const CR = 13;

function lineEnd(buffer: Buffer, from: number): number {
  const at = buffer.indexOf(CR, from);
  return at === -1 || at + 1 >= buffer.length ? -1 : at;
}

/** Where the value that begins at `from` ends; -1 while it is not whole. */
function respEnd(buffer: Buffer, from: number): number {
  const end = lineEnd(buffer, from);
  if (end === -1) return -1;
  const type = String.fromCharCode(buffer[from]!);
  if (type !== '$' && type !== '*') return end + 2;
  const count = Number(buffer.toString('latin1', from + 1, end));
  if (count < 0) return end + 2;
  if (type === '$') return end + 2 + count + 2 <= buffer.length ? end + 2 + count + 2 : -1;
  let at = end + 2;
  for (let i = 0; i < count; i++) {
    if (at >= buffer.length) return -1;
    at = respEnd(buffer, at);
    if (at === -1) return -1;
  }
  return at;
}

/** The first words of a command. */
function respWords(buffer: Buffer, most: number): string[] {
  const words: string[] = [];
  let at = lineEnd(buffer, 0) + 2;
  while (words.length < most && at < buffer.length && buffer[at] === 36) {
    const end = lineEnd(buffer, at);
    const length = Number(buffer.toString('latin1', at + 1, end));
    words.push(buffer.toString('latin1', end + 2, end + 2 + length));
    at = end + 2 + length + 2;
  }
  return words;
}

/** By the keys that a script is given: a month and identities are judged, a month alone is seeded, identities alone are remembered. */
function redisMoment(command: Buffer): Moment | undefined {
  const [name = '', , keys = '', first = ''] = respWords(command, 4);
  if (!/^(evalsha|eval|fcall)$/i.test(name)) return undefined;
  if (/\}:[eu]:/.test(first)) return 'remember';
  if (!/\}:m:/.test(first)) return undefined;
  return Number(keys) > 1 ? 'judge' : 'seed';
}

const redis: Protocol = {
  questions() {
    let exchange = 0;
    return splitter((pending) => {
      const end = pending.length === 0 ? -1 : respEnd(pending, 0);
      if (end === -1) return undefined;
      const moment = redisMoment(pending.subarray(0, end));
      return { end, frame: { exchange: exchange++, moment, isLast: true } };
    });
  },
  answers() {
    let exchange = 0;
    return splitter((pending) => {
      const end = pending.length === 0 ? -1 : respEnd(pending, 0);
      return end === -1 ? undefined : { end, frame: { exchange: exchange++, isLast: true } };
    });
  },
};

// --- Postgres: https://www.postgresql.org/docs/current/protocol-message-formats.html ---

const [SYNC, QUERY, READY] = ['S', 'Q', 'Z'].map((letter) => letter.charCodeAt(0));
/** Statements are known by their name or text, both of which hold it. */
const POSTGRES_MOMENTS: readonly (readonly [Buffer, Moment])[] = [
  [Buffer.from('commit_verdicts'), 'commit'],
  [Buffer.from('raise_term'), 'term'],
];

const postgres: Protocol = {
  questions() {
    let exchange = 0;
    let isGreeted = false;
    return splitter((pending) => {
      if (pending.length < 8) {
        if (!isGreeted || pending.length < 5) return undefined;
      }
      // The first message has no letter in front.
      const lengthAt = isGreeted ? 1 : 0;
      const end = lengthAt + pending.readInt32BE(lengthAt);
      if (end > pending.length) return undefined;
      const message = pending.subarray(0, end);
      const moment = isGreeted ? POSTGRES_MOMENTS.find(([text]) => message.includes(text))?.[1] : undefined;
      // Its answers go on until the server is ready for a query; so do those of the password that may follow.
      const frame = { exchange, moment, isLast: !isGreeted || message[0] === SYNC || message[0] === QUERY };
      if (frame.isLast) exchange += 1;
      isGreeted = true;
      return { end, frame };
    });
  },
  answers() {
    let exchange = 0;
    return splitter((pending) => {
      if (pending.length < 5) return undefined;
      const end = 1 + pending.readInt32BE(1);
      if (end > pending.length) return undefined;
      const isLast = pending[0] === READY;
      const frame = { exchange, isLast };
      if (isLast) exchange += 1;
      return { end, frame };
    });
  },
};

// --- Kafka: https://kafka.apache.org/protocol#protocol_common ---

const KAFKA_MOMENTS: Readonly<Record<number, Moment>> = {
  0: 'publish',
  1: 'fetch',
  8: 'offsets',
  11: 'join',
};

const kafka: Protocol = {
  questions: () =>
    splitter((pending) => {
      if (pending.length < 12) return undefined;
      const end = 4 + pending.readInt32BE(0);
      if (end > pending.length) return undefined;
      const moment = KAFKA_MOMENTS[pending.readInt16BE(4)];
      return { end, frame: { exchange: pending.readInt32BE(8), moment, isLast: true } };
    }),
  answers: () =>
    splitter((pending) => {
      if (pending.length < 8) return undefined;
      const end = 4 + pending.readInt32BE(0);
      if (end > pending.length) return undefined;
      return { end, frame: { exchange: pending.readInt32BE(4), isLast: true } };
    }),
};

export const PROTOCOLS: Readonly<Record<ProtocolName, Protocol>> = { redis, postgres, kafka };
