import { createRequire } from 'node:module';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  batch,
  batchOf,
  record,
  response,
  theirResponse,
  written,
  type TheirAnswer,
  type TheirPartition,
  type TheirRecord,
} from '../test/fetch-response-bytes.ts';
import { decodeFetched, type FetchAnswer } from './fetch-response.ts';
import type { FetchedRecord } from './fetched-records.ts';
import type { OutgoingMessage } from './message.ts';
import { writeRecordBatch } from './record-batch.ts';
import { MalformedBytes } from './wire-reader.ts';

/** What takes the answers. */
const Batch = createRequire(import.meta.url)('kafkajs/src/consumer/batch') as new (
  topic: string,
  fetchedOffset: string,
  partition: object,
) => { messages: { offset: unknown }[]; firstOffset(): unknown; lastOffset(): unknown; offsetLag(): string };

/** Comparing strings is a hundred times cheaper than comparing buffers. */
const told = (each: Buffer | null | undefined) => each?.toString('latin1') ?? null;

/** What is read of a record, whoever decoded it. */
const plain = (records: readonly TheirRecord[]) =>
  records.map(({ key, value, headers, timestamp, offset, isControlRecord, batchContext }) => ({
    key: told(key),
    value: told(value),
    headers: Object.entries(headers).map(([name, each]) => [
      name,
      told(Array.isArray(each) ? each.at(-1) : each),
    ]),
    timestamp: Number(timestamp),
    offset: Number(offset),
    isControlRecord,
    producerId: batchContext.producerId,
    inTransaction: batchContext.inTransaction,
  }));

const comparable = (answer: TheirAnswer | FetchAnswer) => ({
  ...answer,
  responses: answer.responses.map(({ topicName, partitions }) => ({
    topicName,
    partitions: partitions.map((each) => {
      const { lastStableOffset: _stable, lastStartOffset: _start, ...read } = each as TheirPartition;
      return { ...read, messages: plain(read.messages) };
    }),
  })),
});

async function expectSame(payload: Buffer): Promise<FetchAnswer> {
  const ours = decodeFetched(payload);
  expect(ours).toBeDefined();
  expect(comparable(ours!)).toEqual(comparable(await theirResponse.decode(payload)));
  return ours!;
}

const text = fc.oneof(
  fc.string({ maxLength: 90 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom('__proto__', 'toString', 'constructor', 'ce_id', 'ce_type', '7'),
);
const bytes = fc.uint8Array({ maxLength: 200 }).map((each) => Buffer.from(each));
const message: fc.Arbitrary<OutgoingMessage> = fc.record({
  topic: fc.constant('t'),
  partition: fc.constant(0),
  key: fc.option(text),
  value: fc.option(fc.oneof(text, bytes)),
  headers: fc.dictionary(text, fc.oneof(text, bytes), { maxKeys: 18 }),
});
const encoded = fc
  .array(fc.array(message, { minLength: 1, maxLength: 9 }), { maxLength: 4 })
  .map((batches) => Buffer.concat(batches.map((each) => written((to) => writeRecordBatch(to, each, 1e12)))));

describe('decodeFetched', () => {
  it('reads what our encoder wrote as kafkajs reads it', async () => {
    await fc.assert(
      fc.asyncProperty(encoded, encoded, async (one, other) => {
        await expectSame(
          response({ ä: [{ partition: 4, records: one }, { records: null }], b: [{ records: other }] }),
        );
      }),
      { numRuns: 150 },
    );
  });

  it('finds each header alone as among all', () => {
    fc.assert(
      fc.property(encoded, text, (records, absent) => {
        const { messages } = decodeFetched(response({ t: [{ records }] }))!.responses[0]!.partitions[0]!;
        for (const record of messages) {
          const { headers } = record;
          for (const name of Object.keys(headers)) expect(record.header(name)).toEqual(headers[name]);
          if (!Object.hasOwn(headers, absent)) expect(record.header(absent)).toBeUndefined();
        }
      }),
      { numRuns: 50 },
    );
  });

  it('reads nulls, headers that come twice, and bases and differences of up to 64 bits', async () => {
    const twice: [string, string | null][] = [
      ['a', null],
      ['b', '1'],
      ['a', '2'],
      ['c', '3'],
      ['b', null],
    ];
    const records = [
      { key: null, value: null },
      { key: '', value: '', headers: twice },
      ...[1n, -1n, 63n, 64n, -65n, 2n ** 31n, -(2n ** 40n), 2n ** 52n].map((timestampDelta) => ({
        timestampDelta,
      })),
      { offsetDelta: 2 ** 31 - 1 },
    ];
    const { responses } = await expectSame(
      response({ t: [{ records: batch(records, { baseOffset: 2 ** 45, firstTimestamp: -1 }) }] }),
    );
    const messages = responses[0]!.partitions[0]!.messages;
    expect(messages[1]!.headers).toStrictEqual({
      a: Buffer.from('2'),
      b: undefined,
      c: Buffer.from('3'),
    });
    expect(['a', 'b', 'c', 'd'].map((name) => messages[1]!.header(name)?.toString())).toEqual([
      '2',
      undefined,
      '3',
      undefined,
    ]);
    expect(messages.at(-1)!.offset).toBe(2 ** 45 + 2 ** 31 - 1);
  });

  it('keeps its place over a difference that no number holds exactly', () => {
    const records = batch([
      { timestampDelta: 2n ** 63n - 1n },
      { timestampDelta: -(2n ** 63n) },
      { value: 'x' },
    ]);
    const { messages } = decodeFetched(response({ t: [{ records }] }))!.responses[0]!.partitions[0]!;
    expect(String(messages[2]!.value)).toBe('x');
  });

  it('takes the time of appending where the topic says so', async () => {
    const records = batch([{ timestampDelta: 5n }, { timestampDelta: 6n }], {
      attributes: 8,
      maxTimestamp: 123_456,
    });
    const { responses } = await expectSame(response({ t: [{ records }] }));
    expect(responses[0]!.partitions[0]!.messages.map(({ timestamp }) => timestamp)).toEqual([
      123_456, 123_456,
    ]);
  });

  it('leaves out what the broker cut off', async () => {
    const whole = Buffer.concat([
      batch([{ value: 'a' }, { value: 'b' }]),
      batch([{ value: 'c', headers: [['h', 'x']] }], { baseOffset: 2 }),
    ]);
    for (let length = 0; length <= whole.length; length++) {
      const payload = response({ t: [{ records: whole.subarray(0, length) }, { partition: 1 }] });
      // kafkajs fails on fewer bytes than it needs to know the format.
      if (length >= 17) await expectSame(payload);
      else expect(decodeFetched(payload)!.responses[0]!.partitions[0]!.messages).toEqual([]);
    }
  });

  it("lets kafkajs' batches tell markers and aborted transactions", async () => {
    const marker = (type: number, producerId: number, baseOffset: number) =>
      batch([{ key: Buffer.from([0, 0, 0, type]) }], { attributes: 0x30, producerId, baseOffset });
    const transactional = { attributes: 0x10 };
    const records = Buffer.concat([
      batch([{ value: 'aborted' }], { ...transactional, producerId: 7 }),
      batch([{ value: 'committed' }], { ...transactional, producerId: 8, baseOffset: 1 }),
      batch([{ value: 'in none' }], { baseOffset: 2, producerId: 7 }),
      marker(0, 7, 3),
      batch([{ value: 'second try' }], { ...transactional, producerId: 7, baseOffset: 4 }),
      marker(1, 7, 5),
      marker(1, 8, 6),
    ]);
    const payload = response({ t: [{ records, aborted: [[7, 0]] }] });
    const ours = await expectSame(payload);
    const seenBy = (answer: TheirAnswer | FetchAnswer, from: string) => {
      const seen = new Batch('t', from, answer.responses[0]!.partitions[0]!);
      const bounds = [seen.firstOffset(), seen.lastOffset(), seen.offsetLag()].map(Number);
      return { offsets: seen.messages.map(({ offset }) => Number(offset)), bounds };
    };
    const expected = await theirResponse.decode(payload);
    for (const from of ['0', '2', '5', '7']) expect(seenBy(ours, from)).toEqual(seenBy(expected, from));
    expect(seenBy(ours, '0').offsets).toEqual([1, 2, 4]);
  });

  it('reads nothing past a length that is wrong', () => {
    const valid = record({ key: 'key', value: 'value', headers: [['name', 'header']] });
    const lengthsAt = [0, 4, 8, 14, 15, 20];
    expect(lengthsAt.map((at) => valid[at]! >> 1)).toEqual([valid.length - 1, 3, 5, 1, 4, 6]);
    const later = record({ offsetDelta: 1 });
    for (const at of lengthsAt) {
      for (const length of [0, 2, 4, 6, 10, 12, 14, 120, 127].filter((each) => each !== valid[at])) {
        const changed = Buffer.from(valid);
        changed[at] = length;
        const records = batchOf(Buffer.concat([changed, later]), 2);
        expect(() => decodeFetched(response({ t: [{ records }] }))).toThrow(MalformedBytes);
      }
    }
    for (const count of [-1, 1, 3]) {
      const records = batchOf(Buffer.concat([valid, later]), 2, { count });
      expect(() => decodeFetched(response({ t: [{ records }] }))).toThrow(MalformedBytes);
    }
  });

  it('fails on a response that ends too soon, wherever', () => {
    const payload = response({ t: [{ records: batch([{ headers: [['h', 'x']] }]), aborted: [[1, 2]] }, {}] });
    for (let length = 0; length < payload.length; length++)
      expect(() => decodeFetched(payload.subarray(0, length))).toThrow(MalformedBytes);
  });

  it('hands out no byte from outside of the response, whatever was changed in it', () => {
    const records = batch([{ headers: [['h', 'x']] }, {}, { key: null }]);
    const valid = response({ t: [{ records, aborted: [[1, 2]] }] });
    const room = Buffer.alloc(3 * valid.length);
    const start = room.byteOffset + valid.length;
    const isInside = (view: Buffer | null | undefined) =>
      view == null || (view.byteOffset >= start && view.byteOffset + view.length <= start + valid.length);
    fc.assert(
      fc.property(fc.nat(valid.length - 1), fc.nat(255), (at, byte) => {
        valid.copy(room, valid.length);
        room[valid.length + at] = byte;
        const messages = decodedOrMalformed(room.subarray(valid.length, 2 * valid.length));
        const views = messages.flatMap(({ key, value, headers }) => [key, value, ...Object.values(headers)]);
        expect(views.every(isInside)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});

/** Any other error is one too many. */
function decodedOrMalformed(payload: Buffer): FetchedRecord[] {
  try {
    const responses = decodeFetched(payload)?.responses ?? [];
    return responses.flatMap(({ partitions }) => partitions.flatMap(({ messages }) => messages));
  } catch (error) {
    if (error instanceof MalformedBytes) return [];
    throw error;
  }
}
