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
  /** Messages that are in a request, or were. */
  sent: number;
  acks: PublishAck[];
  deadlineMs: number;
  resolve(acks: PublishAck[]): void;
  reject(error: Error): void;
}

interface PartitionLoad {
  topic: string;
  partition: number;
  messages: OutgoingMessage[];
  bytes: number;
  /** Who has messages here, and the place of their last one. In order. */
  shares: { call: Call; last: number }[];
}

export interface PublishRequest {
  loads: PartitionLoad[];
  calls: { call: Call; from: number }[];
  messages: number;
  bytes: number;
}

/** Record overhead, and a guess at the headers: looking at each would cost more than the precision is worth. */
const BYTES_PER_MESSAGE = 70;
const BYTES_PER_HEADER = 40;

/** Waiting calls in order, cut into requests. Pure: knows no producer. */
export class PublishQueue {
  readonly #limits: RequestLimits;
  #calls: Call[] = [];
  #messages = 0;
  #bytes = 0;

  constructor(limits: RequestLimits) {
    this.#limits = limits;
  }

  /** Not acknowledged yet, in flight or waiting. */
  get messages(): number {
    return this.#messages;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(messages: OutgoingMessage[], bytes: number, deadlineMs: number): Promise<PublishAck[]> {
    return new Promise((resolve, reject) => {
      this.#calls.push({ messages, bytes, sent: 0, acks: [], deadlineMs, resolve, reject });
      this.#messages += messages.length;
      this.#bytes += bytes;
    });
  }

  /** The next messages in order, as many as fit; at least one, if there is any. */
  nextRequest(maxMessages: number = this.#limits.maxRequestMessages): PublishRequest | undefined {
    const { maxRequestBytes, maxPartitionBytes } = this.#limits;
    const request: PublishRequest = { loads: [], calls: [], messages: 0, bytes: 0 };
    const byTopic = new Map<string, PartitionLoad[]>();
    for (const call of this.#calls) {
      if (call.sent === call.messages.length) continue;
      const from = call.sent;
      while (call.sent < call.messages.length) {
        const message = call.messages[call.sent]!;
        const bytes = bytesOfOutgoing(message);
        const load = loadOf(request, byTopic, message);
        const isFull =
          request.messages >= maxMessages ||
          request.bytes + bytes > maxRequestBytes ||
          load.bytes + bytes > maxPartitionBytes;
        if (isFull && request.messages > 0) break;
        load.messages.push(message);
        load.bytes += bytes;
        const share = load.shares.at(-1);
        if (share?.call === call) share.last = load.messages.length - 1;
        else load.shares.push({ call, last: load.messages.length - 1 });
        request.messages++;
        request.bytes += bytes;
        call.sent++;
      }
      if (call.sent > from) request.calls.push({ call, from });
      if (call.sent < call.messages.length) break;
    }
    if (request.messages === 0) return undefined;
    request.loads = request.loads.filter((load) => load.messages.length > 0);
    return request;
  }

  /** `baseOffset(load)`: where the broker put the load's first message. */
  acknowledge(request: PublishRequest, baseOffset: (load: PartitionLoad) => number): void {
    for (const load of request.loads) {
      const base = baseOffset(load);
      for (const { call, last } of load.shares) addAck(call.acks, load.topic, load.partition, base + last);
    }
    const complete: Call[] = [];
    for (const { call } of request.calls) if (call.sent === call.messages.length) complete.push(call);
    this.#remove(new Set(complete));
    for (const call of complete) call.resolve(call.acks);
  }

  /** The request was not acknowledged: its messages are the next ones again. Calls past their deadline are rejected. */
  putBack(request: PublishRequest, nowMs: number, cause: unknown): void {
    for (const { call, from } of request.calls) call.sent = from;
    const expired = this.#calls.filter((call) => call.deadlineMs <= nowMs);
    this.#reject(expired, (call) => {
      const text = `${call.messages.length} messages for ${call.messages[0]!.topic} were not acknowledged in time; they may have been written`;
      return new PublishTimeout(text, { cause });
    });
  }

  /** The callers of this request are told; the others' messages go on. */
  refuse(request: PublishRequest, error: Error): void {
    this.#reject(
      request.calls.map(({ call }) => call),
      () => error,
    );
  }

  #reject(calls: Call[], error: (call: Call) => Error): void {
    if (calls.length === 0) return;
    this.#remove(new Set(calls));
    for (const call of calls) call.reject(error(call));
  }

  #remove(calls: Set<Call>): void {
    this.#calls = this.#calls.filter((call) => !calls.has(call));
    for (const call of calls) {
      this.#messages -= call.messages.length;
      this.#bytes -= call.bytes;
    }
  }
}

function loadOf(
  request: PublishRequest,
  byTopic: Map<string, PartitionLoad[]>,
  message: OutgoingMessage,
): PartitionLoad {
  const { topic, partition } = message;
  let loads = byTopic.get(topic);
  if (loads === undefined) byTopic.set(topic, (loads = []));
  let load = loads[partition];
  if (load === undefined) {
    load = { topic, partition, messages: [], bytes: 0, shares: [] };
    loads[partition] = load;
    request.loads.push(load);
  }
  return load;
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
