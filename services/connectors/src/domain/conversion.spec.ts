import { describe, expect, it } from '@jest/globals';
import type { RequestedConversion } from '@trackline/contracts';
import { isTooOld, outcomeOfEvents, toEvents } from './conversion.ts';

const AT_MS = Date.parse('2026-11-21T10:00:00.750Z');
const AT_SECONDS = Date.parse('2026-11-21T10:00:00Z') / 1_000;

const conversion = (more: Partial<RequestedConversion['request']> = {}): RequestedConversion => ({
  id: 'a1',
  organizationId: 'o1',
  contactId: 'c1',
  eventId: '0193a5f2-7c1e-7b1a-9d53-3f0c2a9e4b11',
  requestedAtMs: AT_MS,
  kind: 'conversion',
  request: {
    eventName: 'Purchase',
    channelId: 'n1',
    ctwaClid: 'ARAkLkA8rmlFeiCktEJQ',
    occurredAtMs: AT_MS,
    worth: { value: '49.90', currency: 'EUR' },
    ...more,
  },
});

describe('what Meta is told', () => {
  it('of a purchase', () => {
    expect(JSON.parse(JSON.stringify(toEvents(conversion(), '102290129340398')))).toEqual({
      data: [
        {
          event_name: 'Purchase',
          event_time: AT_SECONDS,
          action_source: 'business_messaging',
          messaging_channel: 'whatsapp',
          event_id: '0193a5f2-7c1e-7b1a-9d53-3f0c2a9e4b11',
          user_data: { ctwa_clid: 'ARAkLkA8rmlFeiCktEJQ', whatsapp_business_account_id: '102290129340398' },
          custom_data: { currency: 'EUR', value: 49.9 },
        },
      ],
    });
  });

  it('of a lead, which has no worth', () => {
    const { worth: _worth, ...request } = conversion({ eventName: 'LeadSubmitted' }).request;
    const { data } = toEvents({ ...conversion(), request }, '1') as { data: object[] };
    expect(data[0]).toMatchObject({ event_name: 'LeadSubmitted' });
    expect(data[0]).not.toHaveProperty('custom_data');
  });

  it.each([
    ['25.00', 'USD', '25'],
    ['0', 'EUR', '0'],
    ['49.90', 'EUR', '49.9'],
    ['0.1', 'EUR', '0.1'],
    ['.5', 'EUR', '0.5'],
    ['7.', 'EUR', '7'],
    ['19.994', 'EUR', '19.99'],
    ['19.995', 'EUR', '20'],
    ['1.005', 'EUR', '1.01'],
    ['1200', 'JPY', '1200'],
    ['1200.5', 'JPY', '1201'],
    ['1.2345', 'KWD', '1.235'],
    ['0.00005', 'CLF', '0.0001'],
    ['1234567890123.45', 'EUR', '1234567890123.45'],
  ])('%s %s as the number %s', (value, currency, told) => {
    expect(JSON.stringify(toEvents(conversion({ worth: { value, currency } }), '1'))).toContain(
      `"value":${told}}`,
    );
  });

  it('is at most seven days old, to the millisecond, by the second that it is told', () => {
    const limit = AT_SECONDS * 1_000 + 7 * 86_400_000;
    expect([limit - 1, limit, limit + 1].map((nowMs) => isTooOld(conversion(), nowMs))).toEqual([
      false,
      false,
      true,
    ]);
  });
});

describe('what Meta answers', () => {
  const said = (status: number, body: unknown, retryAfter?: string) =>
    outcomeOfEvents({ status, retryAfter, body: typeof body === 'string' ? body : JSON.stringify(body) }, 0);
  const error = (code: number, more: object = {}) => ({ error: { message: `(#${code}) no`, code, ...more } });

  it('it has received', () => {
    expect(said(200, { events_received: 1, messages: [], fbtrace_id: 'A1' })).toEqual({
      kind: 'delivered',
      detail: { status: 200, eventsReceived: 1, trace: 'A1' },
    });
    // Sent again it might count twice.
    expect(said(200, '<html>')).toEqual({ kind: 'delivered', detail: { status: 200 } });
  });

  it('it has received nothing of it', () => {
    const outcome = said(200, { events_received: 0, messages: ['no'], fbtrace_id: 'A1' });
    expect(outcome).toMatchObject({ kind: 'never', reason: 'refused', detail: { message: '["no"]' } });
  });

  it('it will never take: what is wrong is told', () => {
    const refused = error(100, { error_subcode: 2804003, error_user_msg: 'Too old', fbtrace_id: 'A1' });
    expect(said(400, refused)).toEqual({
      kind: 'never',
      reason: 'refused',
      detail: {
        status: 400,
        code: 100,
        subcode: 2804003,
        message: '(#100) no',
        explanation: 'Too old',
        trace: 'A1',
      },
    });
  });

  it.each([
    ['rate_limited', 400, error(4)],
    ['rate_limited', 400, error(17)],
    ['rate_limited', 400, error(80004)],
    ['provider_fault', 500, error(2)],
    ['credentials', 400, error(190)],
    ['credentials', 403, error(200)],
    ['status', 429, ''],
    ['status', 503, '<html>'],
  ])('it may take later: %s by %i', (reason, status, body) => {
    expect(said(status, body, '3')).toMatchObject({ kind: 'not_now', reason, afterMs: 3_000 });
  });
});
