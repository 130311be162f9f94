import { describe, expect, it } from '@jest/globals';
import { clientNamedEventId, type RawMessage } from '@trackline/contracts';
import { readInbound } from './inbound-event.ts';

const RECEIVED_AT = Date.parse('2026-11-20T10:00:00Z');
const HEADERS = {
  ce_specversion: '1.0',
  ce_id: 'id-1',
  ce_source: '/organizations/o1/shop',
  ce_type: 'com.trackline.event.track',
  'content-type': 'application/json',
};

const message = (body: unknown, headers: Record<string, string | undefined> = {}): RawMessage => ({
  key: null,
  value: body === null ? null : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
  headers: Object.fromEntries(
    Object.entries({ ...HEADERS, ...headers }).flatMap(([name, text]) =>
      text === undefined ? [] : [[name, Buffer.from(text)]],
    ),
  ),
  timestampMs: RECEIVED_AT,
  offset: 7,
});
const BODY = { name: 'ordered', contactEmail: 'a@b.example' };

describe('an inbound message', () => {
  it('is named by organisation, source and ce_id, and nothing else', () => {
    const eventId = clientNamedEventId('o1', '/organizations/o1/shop', 'id-1');
    expect(readInbound(message(BODY))).toEqual({
      eventId,
      organizationId: 'o1',
      source: '/organizations/o1/shop',
      clientId: 'id-1',
      name: 'ordered',
      backfill: false,
      properties: '{}',
      contact: { email: 'a@b.example' },
    });
    expect(readInbound(message({ ...BODY, name: 'changed' }))).toMatchObject({ eventId });
  });

  it('takes occurredAt of the body before ce_time, and neither for a must', () => {
    const ce_time = '2026-11-20T09:00:00Z';
    expect(readInbound(message(BODY, { ce_time }))).toMatchObject({ occurredAtMs: RECEIVED_AT - 3_600_000 });
    const both = readInbound(message({ ...BODY, occurredAt: '2026-11-20T08:00:00Z' }, { ce_time }));
    expect(both).toMatchObject({ occurredAtMs: RECEIVED_AT - 7_200_000 });
    expect(readInbound(message(BODY, { ce_time: 'soon' }))).toMatchObject({ reason: 'invalid' });
  });

  it('asks for a contact to be made for the event itself, so that a second reading makes no second one', () => {
    const event = readInbound(message({ ...BODY, createIfMissing: true, contactName: 'Ada' }));
    expect(event).toMatchObject({
      contact: { create: { firstName: 'Ada', cause: clientNamedEventId('o1', HEADERS.ce_source, 'id-1') } },
    });
  });

  it('keeps the numbers of its properties as they were sent', () => {
    const body =
      '{"name":"ordered","contactEmail":"a@b.example","properties":{"order_total":10.50,"id":9007199254740993,"at":"10.50"}}';
    expect(readInbound(message(body))).toMatchObject({
      properties: '{"order_total":10.50,"id":9007199254740993,"at":"10.50"}',
    });
  });

  it('carries a key only in its own form', () => {
    expect(readInbound(message(BODY, { authorization: 'Bearer tl_live_x' }))).toMatchObject({
      bearer: 'tl_live_x',
    });
    expect(readInbound(message(BODY, { authorization: 'Basic x' }))).not.toHaveProperty('bearer');
  });

  it('takes JSON with parameters and without a content type', () => {
    expect(
      readInbound(message(BODY, { 'content-type': 'application/json; charset=utf-8' })),
    ).not.toHaveProperty('kind');
    expect(readInbound(message(BODY, { 'content-type': undefined }))).not.toHaveProperty('kind');
  });

  it.each<[string, unknown, Record<string, string | undefined>, RegExp]>([
    ['no body', null, {}, /no body/],
    ['an array', [], {}, /body is not right/],
    ['text', '"x"', {}, /body is not right/],
    ['another content type', BODY, { 'content-type': 'text/plain' }, /application\/json/],
    ['an empty ce_id', BODY, { ce_id: '' }, /"ce_id" is missing/],
    ['a long ce_id', BODY, { ce_id: 'x'.repeat(256) }, /longer than 255/],
    ['a NUL in ce_source', BODY, { ce_source: '/organizations/o1/\0' }, /NUL/],
    [
      'a prototype key',
      '{"name":"x","contactEmail":"a@b.example","properties":{"__proto__":{}}}',
      {},
      /__proto__/,
    ],
    [
      'a number that is too large',
      '{"name":"x","contactEmail":"a@b.example","properties":{"n":1e999}}',
      {},
      /too large/,
    ],
    ['half a surrogate pair', { ...BODY, uniqueId: '\ud800' }, {}, /well-formed/],
    ['an empty unique id', { ...BODY, uniqueId: '' }, {}, /\/uniqueId/],
  ])('with %s is a dead letter', (_, body, headers, detail) => {
    expect(readInbound(message(body, headers))).toMatchObject({
      kind: 'dead_letter',
      detail: expect.stringMatching(detail),
    });
  });
});
