import { createRequire } from 'node:module';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { crc32c } from './crc32c.ts';
import { encodeProduce, produceRequest } from './produce-request.ts';
import type { OutgoingMessage } from './message.ts';
import { writeRecordBatch } from './record-batch.ts';
import { WireWriter } from './wire-writer.ts';

/** The encoder that ours stands in for. */
const theirs = createRequire(import.meta.url);
const kafkajs = (path: string) => theirs(`kafkajs/src/protocol/${path}`) as never;
const recordOf = kafkajs('recordBatch/record/v0') as (record: object) => { buffer: Buffer };
const theirCrc = kafkajs('recordBatch/crc32C') as (bytes: Buffer) => number;
const theirProduce = kafkajs('requests/produce/v7/request') as (request: object) => {
  encode(): Promise<{ buffer: Buffer }>;
};
const { RecordBatch } = kafkajs('recordBatch/v0') as {
  RecordBatch(batch: object): Promise<{ buffer: Buffer }>;
};

const text = fc.oneof(
  fc.string({ maxLength: 100 }),
  fc.string({ unit: 'binary', maxLength: 100 }),
  fc.string({ minLength: 60, maxLength: 70 }),
  fc.string({ unit: fc.constantFrom('é', '漢', '😀', 'a'), maxLength: 80 }),
);
const bytes = fc.uint8Array({ maxLength: 200 }).map((each) => Buffer.from(each));
const message: fc.Arbitrary<OutgoingMessage> = fc.record({
  topic: fc.constant('t'),
  partition: fc.constant(0),
  key: fc.option(text),
  value: fc.option(
    fc.oneof(
      text,
      bytes,
      fc.nat(20_000).map((size) => 'x'.repeat(size)),
    ),
  ),
  headers: fc.dictionary(text, fc.oneof(text, bytes), { maxKeys: 6 }),
});

async function theirBatch(messages: OutgoingMessage[], timestampMs: number): Promise<Buffer> {
  const records = messages.map(({ key, value, headers }, offsetDelta) =>
    recordOf({ key, value, headers, offsetDelta }),
  );
  const batch = await RecordBatch({
    records,
    firstTimestamp: timestampMs,
    maxTimestamp: timestampMs,
    lastOffsetDelta: records.length - 1,
    partitionLeaderEpoch: -1,
    producerEpoch: -1,
    firstSequence: -1,
  });
  return batch.buffer;
}

describe('writeRecordBatch', () => {
  it('writes byte for byte what kafkajs writes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(message, { minLength: 1, maxLength: 70 }), async (messages) => {
        const writer = new WireWriter(0);
        writeRecordBatch(writer, messages, 1_700_000_000_123);
        expect(writer.written.equals(await theirBatch(messages, 1_700_000_000_123))).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('writes records of every size of length', async () => {
    for (const size of [0, 40, 50, 63, 64, 8_100, 8_170, 8_192, 70_000, 1_100_000]) {
      const messages = [{ topic: 't', partition: 0, key: null, value: 'x'.repeat(size), headers: {} }];
      const writer = new WireWriter(0);
      writeRecordBatch(writer, messages, 5);
      expect(writer.written.equals(await theirBatch(messages, 5))).toBe(true);
    }
  });
});

describe('crc32c', () => {
  it('knows the check value of the polynomial', () => {
    const check = Buffer.from('123456789');
    expect(crc32c(check, 0, check.length)).toBe(0xe3069283);
  });

  it('agrees with kafkajs on any part of any bytes', () => {
    fc.assert(
      fc.property(bytes, fc.nat(20), (all, start) => {
        const from = Math.min(start, all.length);
        expect(crc32c(all, from, all.length)).toBe(theirCrc(all.subarray(from)));
      }),
    );
  });
});

describe('produceRequest', () => {
  const of = (topic: string, partition: number, value: string) => ({
    topic,
    partition,
    bytes: 10,
    messages: [{ topic, partition, key: 'k', value, headers: { h: 'é' } }],
  });

  it('puts topics and partitions where kafkajs puts them', async () => {
    const now = Date.now;
    Date.now = () => 1_700_000_000_000;
    try {
      const writes = [of('a', 3, 'x'), of('b', 0, 'y'), of('a', 1, 'z')];
      const topicData = ['a', 'b'].map((topic) => ({
        topic,
        partitions: writes
          .filter((write) => write.topic === topic)
          .map(({ partition, messages }) => ({ partition, messages, firstSequence: -1 })),
      }));
      const expected = await theirProduce({
        acks: -1,
        timeout: 5_000,
        producerEpoch: -1,
        topicData,
      }).encode();
      const ours = encodeProduce(writes, 5_000, Date.now());
      // They name a leader epoch of 0 that they do not know; it is not part of the checksum.
      expect(ours.length).toBe(expected.buffer.length);
      const differing = [...ours].filter((byte, i) => byte !== expected.buffer[i]);
      expect(differing).toEqual(Array.from({ length: 3 * 4 }, () => 0xff));
    } finally {
      Date.now = now;
    }
  });

  it('reads what was written where, and how long to hold back', async () => {
    const answer = new WireWriter(0);
    answer.int32(2);
    for (const [topic, partition, errorCode, base] of [
      ['ä', 7, 0, 2 ** 40],
      ['b', 1, 10, -1],
    ] as const) {
      answer.string(topic);
      answer.int32(1);
      answer.int32(partition);
      answer.int16(errorCode);
      answer.int64(base);
      answer.int64(-1);
      answer.int64(0);
    }
    answer.int32(250);
    expect(await produceRequest([], 1).response.decode(answer.written)).toEqual({
      written: [
        { topic: 'ä', partition: 7, errorCode: 0, baseOffset: 2 ** 40 },
        { topic: 'b', partition: 1, errorCode: 10, baseOffset: -1 },
      ],
      clientSideThrottleTime: 250,
    });
  });
});
