import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import {
  batch,
  batchOf,
  record,
  response,
  theirResponse,
  written,
  type TheirAnswer,
} from '../test/fetch-response-bytes.ts';
import { withOurDecoding } from './fetch-decoding.ts';
import { decodeFetched } from './fetch-response.ts';
import type { ProtocolRequest } from './produce-request.ts';

describe('withOurDecoding', () => {
  const fetchOf = (apiVersion: number): ProtocolRequest<TheirAnswer> => ({
    request: {
      apiKey: 1,
      apiVersion,
      apiName: 'Fetch',
      expectResponse: () => true,
      encode: () => Promise.reject(),
    },
    response: theirResponse,
  });
  const { response: ours } = withOurDecoding(fetchOf(11));

  it('leaves other requests and versions alone', () => {
    for (const apiVersion of [4, 10, 12]) {
      const asked = fetchOf(apiVersion);
      expect(withOurDecoding(asked)).toBe(asked);
    }
  });

  it('leaves compressed batches and old message sets to kafkajs', async () => {
    const squeezed = gzipSync(
      Buffer.concat([record({ value: 'a' }), record({ value: 'b', offsetDelta: 1 })]),
    );
    const compressed = batchOf(squeezed, 2, { attributes: 1, baseOffset: 1 });
    const old = written((to) => {
      to.int64(5);
      const size = to.reserve(4);
      to.int32(0);
      to.int8(1);
      to.int8(0);
      to.int64(1_700_000_000_000);
      for (const each of ['k', 'v']) {
        to.int32(1);
        to.int8(each.charCodeAt(0));
      }
      to.int32At(size, to.length - size - 4);
    });
    for (const records of [compressed, Buffer.concat([batch([{}]), compressed]), old]) {
      const payload = response({ t: [{ records: batch([{}]) }, { partition: 1, records }] });
      expect(decodeFetched(payload)).toBeUndefined();
      const answer = await ours.decode(payload);
      expect(answer).toEqual(await theirResponse.decode(payload));
      expect(answer.responses[0]!.partitions[1]!.messages.length).toBeGreaterThan(0);
    }
  });

  it("fails with kafkajs' errors where the broker tells of one", async () => {
    const answer = await ours.decode(response({ t: [{}, { partition: 3, errorCode: 1 }] }));
    expect(typeof answer['clientSideThrottleTime']).toBe('number');
    await expect(ours.parse(answer)).rejects.toMatchObject({
      name: 'KafkaJSOffsetOutOfRange',
      topic: 't',
      partition: 3,
    });
    const moved = await ours.decode(response({ t: [{ errorCode: 6 }] }));
    await expect(ours.parse(moved)).rejects.toMatchObject({ type: 'NOT_LEADER_FOR_PARTITION' });
  });
});
