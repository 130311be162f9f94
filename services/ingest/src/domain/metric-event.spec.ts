import { describe, expect, it } from '@jest/globals';
import { numbersAsSent, type MetricEventBody, type Outcome } from '@trackline/contracts';
import { metricAnswer, readMetric } from './metric-event.ts';
import type { TrackContext } from './track-answer.ts';

const NOW = Date.parse('2026-11-20T10:00:00.000Z');
const read = readMetric((written) =>
  /^[+\d ]+$/.test(String(written)) ? `+${String(written).replace(/\D/g, '')}` : undefined,
);
const metric = (more: Partial<MetricEventBody> = {}) =>
  read({ name: 'order', phone_number: 33612345678, ...more }, NOW);

describe('a metric event', () => {
  it('is an event of the contact with its number, who is made when missing', () => {
    expect(metric({ unique_id: 'A-1', properties: { a: 1 }, occurred_at: '2026-11-20T09:00:00Z' })).toEqual({
      ok: true,
      value: {
        name: 'order',
        contact: { by: 'phone', value: '+33612345678' },
        create: {},
        properties: '{"a":1}',
        uniqueId: 'A-1',
        occurredAtMs: NOW - 3_600_000,
        backfill: false,
      },
    });
  });

  it.each([
    [
      { value: 49.9, currency: 'eur' },
      { value: '49.9', currency: 'EUR' },
    ],
    [
      { value: '49.90', properties: { value: 1, b: 2 } },
      { value: '49.90', b: 2 },
    ],
    [
      { currency: 'USD', properties: { amount: 5 } },
      { amount: 5, currency: 'USD' },
    ],
    [{ properties: { value: 'as it is' } }, { value: 'as it is' }],
    [{}, {}],
  ] as const)('of %j has the properties %j', (body, properties) => {
    const event = metric(body);
    expect(event.ok && JSON.parse(event.value.properties)).toEqual(properties);
  });

  it.each([
    ['"value":49.90', '{"value":"49.90"}'],
    ['"value":123456789012345.123456789', '{"value":"123456789012345.123456789"}'],
    ['"value":1e3', '{"value":"1000"}'],
    ['"properties":{"order_total":10.50,"value":7.10}', '{"order_total":10.50,"value":7.10}'],
    ['"value":"3.10","properties":{"value":7.10,"n":[1.0]}', '{"value":"3.10","n":[1.0]}'],
  ])('with %s has the numbers that were sent: %s', (members, properties) => {
    const body = `{"name":"order","phone_number":33612345678,${members}}`;
    const event = read(JSON.parse(body) as MetricEventBody, NOW, numbersAsSent(body));
    expect(event.ok && event.value.properties).toBe(properties);
  });

  it.each([
    ['/phone_number', { phone_number: 'nobody' }],
    ['/phone_number', { phone_number: 1.5 }],
    ['/phone_number', { phone_number: 2 ** 60 }],
    ['/phone_number', { phone_number: '+33\0' }],
    ['/value', { value: 'much' }],
    ['/value', { value: -1 }],
    ['/currency', { currency: 'euros' }],
    ['/occurred_at', { occurred_at: 'yesterday' }],
    ['/unique_id', { unique_id: '\ud800' }],
    ['/name', { name: 'a\0' }],
    ['/properties/occurredAt', { properties: { occurredAt: '\0' } }],
  ])('is not right at %s', (path, body) => {
    const event = metric(body);
    expect(event).toMatchObject({ ok: false, error: { path } });
    expect(!event.ok && event.error.message).not.toContain('occurredAt must');
  });

  it('says what a national number needs', () => {
    const event = metric({ phone_number: 'x' });
    expect(!event.ok && event.error.message).toContain('a national number (06 …) needs its country');
  });
});

describe('its answer', () => {
  const context: TrackContext = {
    eventId: 'e',
    contactCreated: true,
    plan: { monthlyLimit: 10, hardCap: 12 },
    requestedAtMs: NOW,
    upgradeUrl: '',
  };
  const outcome: Outcome = {
    correlation: '',
    eventId: 'e',
    verdict: 'admitted',
    workflowsTriggered: 1,
    executionsResumed: 0,
    monthUsed: 5,
  };
  const answer = (more?: Partial<Outcome>) => {
    const event = metric({ unique_id: 'u' });
    if (!event.ok) throw new Error(event.error.message);
    return metricAnswer(more && { ...outcome, ...more }, context, event.value);
  };
  const told = {
    id: 'e',
    name: 'order',
    phone_number: '+33612345678',
    unique_id: 'u',
    created_at: '2026-11-20T10:00:00.000Z',
  };

  it('is 201 with snake case, and 202 with a status past the deadline', () => {
    expect(answer({})).toMatchObject({ status: 201, body: told, headers: { 'X-Event-Current': '5' } });
    for (const late of [answer(), answer({ verdict: 'accepted' })])
      expect(late).toMatchObject({ status: 202, body: { ...told, status: 'accepted' } });
  });

  it('is 409 with the first event’s id, and 429 past the cap', () => {
    expect(answer({ verdict: 'duplicate', duplicateOf: 'first' })).toMatchObject({
      code: 'DUPLICATE_EVENT',
      extra: { event_id: 'first' },
    });
    expect(answer({ verdict: 'over_limit' })).toMatchObject({ code: 'EVENT_LIMIT_EXCEEDED' });
  });
});
