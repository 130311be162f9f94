import { createRequire } from 'node:module';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { NameCache } from './name-cache.ts';
import { MalformedBytes, WireReader } from './wire-reader.ts';

interface TheirEncoder {
  buffer: Buffer;
  writeVarInt(value: number): TheirEncoder;
  writeVarLong(value: string): TheirEncoder;
  writeInt64(value: string): TheirEncoder;
}
const Encoder = createRequire(import.meta.url)('kafkajs/src/protocol/encoder') as new () => TheirEncoder;

describe('WireReader', () => {
  it('reads numbers as kafkajs writes them', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.maxSafeInteger(),
        fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
        (int, safe, long) => {
          const encoder = new Encoder()
            .writeVarInt(int)
            .writeVarLong(String(safe))
            .writeInt64(String(safe))
            .writeInt64(String(long))
            .writeVarLong(String(long));
          const reader = new WireReader(encoder.buffer);
          expect(reader.varint()).toBe(int);
          expect(reader.varlong()).toBe(safe);
          expect(reader.int64()).toBe(safe);
          expect(reader.bigint64()).toBe(long);
          expect(reader.varlong()).toBe(Number(long));
          expect(reader.remaining).toBe(0);
        },
      ),
    );
  });

  it('ends where its part ends', () => {
    const bytes = Buffer.alloc(20, 0x80);
    expect(() => new WireReader(bytes).varint()).toThrow(MalformedBytes);
    expect(() => new WireReader(bytes).varlong()).toThrow(MalformedBytes);
    for (const size of [0, 1, 3]) {
      for (const read of ['int32', 'int64', 'varint', 'varlong'] as const) {
        expect(() => new WireReader(bytes, 5, 5 + size)[read]()).toThrow(MalformedBytes);
      }
    }
    const reader = new WireReader(Buffer.from([1, 2, 3, 4]));
    const part = reader.part(2);
    expect([part.int8(), part.int8(), reader.int8()]).toEqual([1, 2, 3]);
    expect(() => part.int8()).toThrow(MalformedBytes);
    expect(() => reader.skip(-1)).toThrow(MalformedBytes);
  });
});

describe('NameCache', () => {
  it('knows any name again, and mistakes none for another', () => {
    const cache = new NameCache();
    const name = fc.oneof(fc.uint8Array({ maxLength: 70 }), fc.uint8Array({ maxLength: 5, max: 3 }));
    fc.assert(
      fc.property(fc.array(name, { maxLength: 40 }), fc.nat(9), (all, before) => {
        for (const each of [...all, ...all]) {
          const bytes = Buffer.concat([Buffer.alloc(before), each, Buffer.from('behind')]);
          expect(cache.nameOf(bytes, before, each.length)).toBe(Buffer.from(each).toString('utf8'));
        }
      }),
    );
  });
});
