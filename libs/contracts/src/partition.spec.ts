import { createRequire } from 'node:module';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { murmur2, partitionOf } from './partition.ts';

/** From Kafka's own UtilsTest.java. */
const JAVA_VECTORS: readonly (readonly [key: string, hash: number])[] = [
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
];

describe('murmur2', () => {
  it.each(JAVA_VECTORS)('hashes %j as the Java client does', (key, hash) => {
    expect(murmur2(new TextEncoder().encode(key))).toBe(hash);
  });
});

describe('partitionOf', () => {
  const kafkajs = createRequire(import.meta.url)('kafkajs') as {
    Partitioners: {
      DefaultPartitioner(): (input: {
        topic: string;
        partitionMetadata: unknown[];
        message: { key: string };
      }) => number;
    };
  };

  it("agrees with kafkajs' default partitioner on every key", () => {
    const theirs = kafkajs.Partitioners.DefaultPartitioner();
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', minLength: 1, maxLength: 80 }),
        fc.integer({ min: 1, max: 64 }),
        (key, partitions) => {
          const partitionMetadata = Array.from({ length: partitions }, (_, partitionId) => ({
            partitionId,
            leader: 1,
          }));
          expect(partitionOf(key, partitions)).toBe(
            theirs({ topic: 't', partitionMetadata, message: { key } }),
          );
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('refuses what is not a number of partitions', () => {
    for (const partitions of [0, -1, 1.5, Number.NaN])
      expect(() => partitionOf('k', partitions)).toThrow(RangeError);
  });
});
