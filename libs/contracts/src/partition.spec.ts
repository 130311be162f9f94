import { describe, expect, it } from '@jest/globals';
import { partitionOf } from './partition.ts';

describe('partitionOf', () => {
  // Hashes of Apache Kafka's own UtilsTest.testMurmur2, as (hash & 0x7fffffff) % 1,000,000.
  it.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ])('puts %s where the Java client puts it', (key, hash) => {
    expect(partitionOf(key, 1_000_000)).toBe((hash & 0x7fffffff) % 1_000_000);
  });
});
