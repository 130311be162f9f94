import { PublishTimeout } from './faults.ts';
import type { OutgoingMessage, PublishAck } from './message.ts';

export interface RequestLimits {
  maxRequestMessages: number;
  maxRequestBytes: number;
  /** Of one partition in one request: it is written as one batch, and the broker bounds that. */
  maxPartitionBytes: number;
}

/** One caller's messages, acknowledged together. */
interface Call {
  messages: OutgoingMessage[];
  bytes: number;
  /** Messages that have been given to a request. */
  sent: number;
  unacknowledged: number;
  acks: PublishAck[];
  deadlineMs: number;
  isSettled: boolean;
  resolve(acks: PublishAck[]): void;
  reject(error: Error): void;
}

/** What of one call is in one load. */
interface Share {
  call: Call;
  count: number;
  /** Place of its last message in the load. */
  last: number;
}

/** What of a request goes to one partition, in order. */
export interface PartitionLoad {
  topic: string;
  partition: number;
  messages: OutgoingMessage[];
  bytes: number;
  shares: Share[];
}

/** Record overhead, and a guess at the headers: looking at each would cost more than the precision is worth. */
const BYTES_PER_MESSAGE = 70;
const BYTES_PER_HEADER = 40;

/** Waiting calls in order, cut into requests. Knows no producer and no clock. */
export class PublishQueue {
  readonly #limits: RequestLimits;
  #calls: Call[] = [];
  #messages = 0;
  #bytes = 0;

  constructor(limits: RequestLimits) {
    this.#limits = limits;
  }

  /** Of calls that are not settled, in flight or waiting. */
  get messages(): number {
    return this.#messages;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(messages: OutgoingMessage[], bytes: number, deadlineMs: number): Promise<PublishAck[]> {
    return new Promise((resolve, reject) => {
      const unacknowledged = messages.length;
      this.#calls.push({
        messages,
        bytes,
        sent: 0,
        unacknowledged,
        acks: [],
        deadlineMs,
        isSettled: false,
        resolve,
        reject,
      });
      this.#messages += messages.length;
      this.#bytes += bytes;
    });
  }

  /** The next messages in order, as many as fit; at least one, if any wait. */
  nextRequest(): PartitionLoad[] {
    const { maxRequestMessages, maxRequestBytes, maxPartitionBytes } = this.#limits;
    const loads: PartitionLoad[] = [];
    const byTopic = new Map<string, PartitionLoad[]>();
    let taken = 0;
    let takenBytes = 0;
    for (const call of this.#calls) {
      while (call.sent < call.messages.length) {
        const message = call.messages[call.sent]!;
        const bytes = bytesOfOutgoing(message);
        const load = byTopic.get(message.topic)?.[message.partition];
        const isFull =
          taken >= maxRequestMessages ||
          takenBytes + bytes > maxRequestBytes ||
          (load?.bytes ?? 0) + bytes > maxPartitionBytes;
        if (isFull && taken > 0) return loads;
        append(load ?? newLoad(loads, byTopic, message), call, message, bytes);
        call.sent++;
        taken++;
        takenBytes += bytes;
      }
    }
    return loads;
  }

  /** The load was written, its first message at `baseOffset`. Resolves the calls that have nothing left to wait for. */
  acknowledge(load: PartitionLoad, baseOffset: number): void {
    const complete = new Set<Call>();
    for (const { call, count, last } of load.shares) {
      addAck(call.acks, load.topic, load.partition, baseOffset + last);
      call.unacknowledged -= count;
      if (call.unacknowledged === 0 && !call.isSettled) complete.add(call);
    }
    this.#settle(complete, (call) => call.resolve(call.acks));
  }

  /** Rejects the calls whose time is up, also those that still wait. */
  expire(nowMs: number, cause: unknown): void {
    const expired = this.#calls.filter((call) => call.deadlineMs <= nowMs);
    this.#settle(new Set(expired), (call) => {
      const text = `${call.messages.length} messages for ${call.messages[0]!.topic} were not acknowledged in time; they may have been written`;
      call.reject(new PublishTimeout(text, { cause }));
    });
  }

  /** The load will not be written: its callers are told. */
  refuse(load: PartitionLoad, error: Error): void {
    const calls = load.shares.map(({ call }) => call).filter(({ isSettled }) => !isSettled);
    this.#settle(new Set(calls), (call) => call.reject(error));
  }

  #settle(calls: Set<Call>, tell: (call: Call) => void): void {
    if (calls.size === 0) return;
    this.#calls = this.#calls.filter((call) => !calls.has(call));
    for (const call of calls) {
      call.isSettled = true;
      this.#messages -= call.messages.length;
      this.#bytes -= call.bytes;
      tell(call);
    }
  }
}

/** Whether anyone still waits for it. */
export function isWanted(load: PartitionLoad): boolean {
  return load.shares.some(({ call }) => !call.isSettled);
}

/** The same messages in loads of one each, in order. */
export function apart(load: PartitionLoad): PartitionLoad[] {
  const { topic, partition } = load;
  let next = 0;
  return load.shares.flatMap(({ call, count }) =>
    Array.from({ length: count }, () => {
      const message = load.messages[next++]!;
      const shares = [{ call, count: 1, last: 0 }];
      return { topic, partition, messages: [message], bytes: bytesOfOutgoing(message), shares };
    }),
  );
}

function newLoad(
  loads: PartitionLoad[],
  byTopic: Map<string, PartitionLoad[]>,
  { topic, partition }: OutgoingMessage,
): PartitionLoad {
  const load: PartitionLoad = { topic, partition, messages: [], bytes: 0, shares: [] };
  const ofTopic = byTopic.get(topic);
  if (ofTopic) ofTopic[partition] = load;
  else {
    const first: PartitionLoad[] = [];
    first[partition] = load;
    byTopic.set(topic, first);
  }
  loads.push(load);
  return load;
}

function append(load: PartitionLoad, call: Call, message: OutgoingMessage, bytes: number): void {
  load.messages.push(message);
  load.bytes += bytes;
  const last = load.messages.length - 1;
  const share = load.shares.at(-1);
  if (share?.call === call) {
    share.count++;
    share.last = last;
  } else load.shares.push({ call, count: 1, last });
}

function addAck(acks: PublishAck[], topic: string, partition: number, lastOffset: number): void {
  for (const ack of acks) {
    if (ack.partition !== partition || ack.topic !== topic) continue;
    if (lastOffset > ack.lastOffset) ack.lastOffset = lastOffset;
    return;
  }
  acks.push({ topic, partition, lastOffset });
}

/**
 * About what the message takes in a request. Exact for a value, which can be long.
 * @throws TypeError for what cannot be encoded: found here, it is its caller's trouble only.
 */
export function bytesOfOutgoing({ topic, key, value, headers }: OutgoingMessage): number {
  let bytes = BYTES_PER_MESSAGE + (key === null ? 0 : lengthOf(key, topic, 'key'));
  if (value !== null)
    bytes += typeof value === 'string' ? Buffer.byteLength(value) : lengthOf(value, topic, 'value');
  for (const name in headers) bytes += BYTES_PER_HEADER + lengthOf(headers[name], topic, name);
  return bytes;
}

function lengthOf(part: unknown, topic: string, name: string): number {
  if (typeof part === 'string' || Buffer.isBuffer(part)) return part.length;
  throw new TypeError(`A message for ${topic} has neither a string nor a Buffer for ${name}`);
}
