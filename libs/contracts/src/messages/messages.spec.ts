import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  decodeAdmitted,
  decodeReceived,
  decodeRefused,
  encodeAdmitted,
  encodeReceived,
  encodeRefused,
} from './event.ts';
import type { AdmittedEvent, EventFacts } from './event.ts';
import type { EncodedMessage, RawMessage } from './headers.ts';
import { decodeOutcomes, encodeOutcomes, formatReplyTo, parseReplyTo } from './outcome.ts';
import { formatPosition, parsePosition, sourceName } from './position.ts';

/** What a broker makes of an encoded message. */
const overTheWire = (message: EncodedMessage): RawMessage => ({
  key: message.key === null ? null : Buffer.from(message.key),
  value: message.value === null ? null : Buffer.from(message.value),
  headers: Object.fromEntries(
    Object.entries(message.headers).map(([name, value]) => [name, Buffer.from(value)]),
  ),
  timestampMs: 0,
  offset: 0,
});

const word = fc.string({ minLength: 1, unit: 'grapheme' });
const moment = fc.integer({ min: 0, max: Date.UTC(2100, 0, 1) });
const facts: fc.Arbitrary<EventFacts> = fc.record(
  {
    eventId: fc.uuid(),
    organizationId: fc.uuid(),
    contactId: fc.uuid(),
    name: word,
    source: word,
    backfill: fc.boolean(),
    properties: fc.object().map((value) => Buffer.from(JSON.stringify(value))),
    uniqueId: word,
    clientId: word,
    occurredAtMs: moment,
    requestId: word,
    replyTo: word,
  },
  { requiredKeys: ['eventId', 'organizationId', 'contactId', 'name', 'source', 'backfill', 'properties'] },
);
const position = fc.record({ source: fc.constantFrom('received.1.0', 'inbound.2.23'), offset: fc.nat() });
const admitted: fc.Arbitrary<AdmittedEvent> = fc
  .tuple(facts, moment, position, fc.nat(), fc.option(position, { nil: undefined }))
  .map(([event, receivedAtMs, at, monthUsed, replayOf]) => ({
    ...event,
    occurredAtMs: event.occurredAtMs ?? receivedAtMs,
    receivedAtMs,
    position: at,
    monthUsed,
    ...(replayOf === undefined ? undefined : { replayOf }),
  }));

describe('messages of events', () => {
  it('arrive as they were sent', () => {
    fc.assert(
      fc.property(facts, (event) =>
        expect(decodeReceived(overTheWire(encodeReceived(event)))).toEqual(event),
      ),
    );
    fc.assert(
      fc.property(admitted, (event) =>
        expect(decodeAdmitted(overTheWire(encodeAdmitted(event)))).toEqual(event),
      ),
    );
    fc.assert(
      fc.property(admitted, fc.uuid(), ({ replayOf: _, ...event }, first) => {
        for (const refusal of [
          { verdict: 'over_limit' },
          { verdict: 'duplicate', duplicateOf: first },
        ] as const) {
          expect(decodeRefused(overTheWire(encodeRefused({ ...event, refusal })))).toEqual({
            ...event,
            refusal,
          });
        }
      }),
    );
  });

  it('are CloudEvents 1.0 in binary mode, keyed by contact', () => {
    const message = encodeReceived({
      eventId: 'e',
      organizationId: 'o',
      contactId: 'c',
      name: 'n',
      source: '/organizations/o/http',
      backfill: false,
      properties: '{}',
    });
    expect(message.key).toBe('o:c');
    expect(message.headers).toMatchObject({
      ce_specversion: '1.0',
      ce_id: 'e',
      ce_source: '/organizations/o/http',
      ce_type: 'com.trackline.event.received',
    });
  });

  it('say which header is missing', () => {
    const message = overTheWire(
      encodeReceived({
        eventId: 'e',
        organizationId: 'o',
        contactId: 'c',
        name: 'n',
        source: 's',
        backfill: false,
        properties: '{}',
      }),
    );
    expect(() =>
      decodeReceived({ ...message, headers: { ...message.headers, ce_contact: undefined } }),
    ).toThrow('ce_contact');
  });
});

describe('outcomes', () => {
  it('arrive as they were sent, a batch in one message', () => {
    const outcome = {
      correlation: 'x/7',
      eventId: 'e',
      verdict: 'admitted',
      workflowsTriggered: 1,
      executionsResumed: 2,
      monthUsed: 3,
    } as const;
    const message = encodeOutcomes(4, [outcome, { ...outcome, correlation: 'x/8' }]);
    expect(message.partition).toBe(4);
    expect(decodeOutcomes(overTheWire(message)).map((one) => one.correlation)).toEqual(['x/7', 'x/8']);
  });

  it('find their caller, and nobody for a text that is no reply-to', () => {
    expect(parseReplyTo(formatReplyTo({ partition: 3, correlation: 'a/b' }))).toEqual({
      partition: 3,
      correlation: 'a/b',
    });
    for (const wrong of [undefined, '', '/x', 'x/y', '1.5/x']) expect(parseReplyTo(wrong)).toBeUndefined();
  });
});

describe('positions', () => {
  it('go to text and back', () => {
    const at = { source: sourceName('received', 2, 11), offset: 9_007_199_254_740_991 };
    expect(parsePosition(formatPosition(at))).toEqual(at);
    for (const wrong of ['', 'x', '@1', 'a@-1', 'a@1.5', 'a@x'])
      expect(() => parsePosition(wrong)).toThrow(/source position/);
  });
});
