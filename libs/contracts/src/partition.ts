const SEED = 0x9747b28c;
const M = 0x5bd1e995;
const encoder = new TextEncoder();

/**
 * The partition that Kafka's default partitioner (Java client, kafkajs) gives to a message with this key, so that
 * services, direct producers and readers agree on where a contact's messages are.
 *
 * @param key as published; hashed as UTF-8
 * @param partitions the topic's pinned number of partitions, at least 1
 */
export function partitionOf(key: string, partitions: number): number {
  if (!Number.isInteger(partitions) || partitions < 1)
    throw new RangeError(`Not a number of partitions: ${partitions}`);
  return (murmur2(encoder.encode(key)) & 0x7fffffff) % partitions;
}

/** As `org.apache.kafka.common.utils.Utils.murmur2`: 32 bits, signed. */
export function murmur2(data: Uint8Array): number {
  const { length } = data;
  const tail = length & ~3;
  let h = SEED ^ length;
  for (let i = 0; i < tail; i += 4) {
    let k = data[i]! | (data[i + 1]! << 8) | (data[i + 2]! << 16) | (data[i + 3]! << 24);
    k = Math.imul(k, M);
    k ^= k >>> 24;
    k = Math.imul(k, M);
    h = Math.imul(h, M) ^ k;
  }
  const rest = length - tail;
  if (rest > 2) h ^= data[tail + 2]! << 16;
  if (rest > 1) h ^= data[tail + 1]! << 8;
  if (rest > 0) h = Math.imul(h ^ data[tail]!, M);
  h ^= h >>> 13;
  h = Math.imul(h, M);
  h ^= h >>> 15;
  return h | 0;
}
