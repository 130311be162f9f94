import { describe, expect, it } from '@jest/globals';
import { conversionId, type Click, type FeedbackTerms } from '@trackline/contracts';
import { conversionEventOf, decideConversion, type ConvertibleEvent } from './conversion.ts';

const NOW_MS = Date.parse('2026-11-21T10:00:00.500Z');
const DAY_MS = 86_400_000;

const channel = (id: string, more: Partial<FeedbackTerms['channels'][number]> = {}) => ({
  id,
  phoneNumberId: `${id}0`,
  wabaId: '1022',
  datasetId: '77',
  ...more,
});

const terms = (more: Partial<FeedbackTerms['settings']> = {}, channels = [channel('1')]): FeedbackTerms => ({
  channels,
  settings: {
    orderEventNames: ['order'],
    leadEventNames: ['lead', 'order'],
    defaultCurrency: null,
    attributionWindowHours: 168,
    ...more,
  },
});

const event = (more: Partial<ConvertibleEvent> = {}): ConvertibleEvent => ({
  organizationId: 'o1',
  contactId: 'c1',
  eventId: 'e1',
  name: 'order',
  occurredAtMs: NOW_MS,
  receivedAtMs: NOW_MS,
  ...more,
});

const CLICK: Click = { ctwaClid: 'ARAk', phoneNumberId: '10' };
const PRICE = { value: '49.90', currency: 'EUR' };

interface Given {
  readonly of?: Partial<ConvertibleEvent>;
  readonly by?: FeedbackTerms;
  readonly click?: Click | null;
}
const decide = (properties: object, { of = {}, by = terms(), click = CLICK }: Given = {}) =>
  decideConversion(event(of), 'Purchase', properties as Record<string, unknown>, {
    terms: by,
    click: click ?? undefined,
  });
const requestOf = (...given: Parameters<typeof decide>) => {
  const decision = decide(...given);
  return decision.fate === 'requested' ? decision.action.request : decision.fate;
};

describe('which events Meta is told of', () => {
  it.each([
    ['order', 'Purchase'],
    ['lead', 'LeadSubmitted'],
    ['viewed', undefined],
  ])('%s: %s', (name, told) => expect(conversionEventOf(name, terms())).toBe(told));

  it('never its own, whatever the organisation lists', () => {
    const own = ['whatsapp.purchase', 'whatsapp.lead_submitted', 'whatsapp.something_new'];
    const listed = terms({ orderEventNames: own, leadEventNames: own });
    expect(own.map((name) => conversionEventOf(name, listed))).toEqual([undefined, undefined, undefined]);
  });
});

describe('a conversion', () => {
  it('is requested once per event, with what Meta asks for', () => {
    expect(decide(PRICE)).toEqual({
      fate: 'requested',
      action: {
        id: conversionId('o1', 'e1'),
        organizationId: 'o1',
        contactId: 'c1',
        eventId: 'e1',
        requestedAtMs: NOW_MS,
        kind: 'conversion',
        request: {
          eventName: 'Purchase',
          channelId: '1',
          ctwaClid: 'ARAk',
          occurredAtMs: NOW_MS,
          worth: { value: '49.90', currency: 'EUR' },
        },
      },
    });
  });

  it('of a lead needs no worth and has none', () => {
    const decision = decideConversion(event(), 'LeadSubmitted', PRICE, { terms: terms(), click: CLICK });
    expect(decision).toMatchObject({
      fate: 'requested',
      action: { request: { eventName: 'LeadSubmitted' } },
    });
    expect(decision).not.toHaveProperty('action.request.worth');
  });

  it('goes by the click that the event names, before the one that is known', () => {
    expect(requestOf({ ...PRICE, ctwa_clid: ' own ' })).toMatchObject({ ctwaClid: 'own', channelId: '1' });
    for (const ctwa_clid of ['', ' ', null, {}, 'x'.repeat(513)])
      expect(requestOf({ ...PRICE, ctwa_clid })).toMatchObject({ ctwaClid: 'ARAk' });
    expect(requestOf(PRICE, { click: null })).toBe('no_click');
  });

  it('goes to the number that the ad led to', () => {
    const two = terms({}, [channel('1'), channel('2', { wabaId: '9' })]);
    const last: Click = { ctwaClid: 'ARAk', phoneNumberId: '20' };
    expect(requestOf(PRICE, { by: two, click: last })).toMatchObject({ channelId: '2' });
    expect(requestOf({ ...PRICE, ctwa_clid: 'own', phone_number_id: '20' }, { by: two })).toMatchObject({
      channelId: '2',
    });
    expect(requestOf({ ...PRICE, ctwa_clid: 'own', phone_number_id: 10 }, { by: two })).toMatchObject({
      channelId: '1',
    });
    // Whose it is would be a guess, unless all tell the same place.
    expect(requestOf({ ...PRICE, ctwa_clid: 'own' }, { by: two })).toBe('no_channel');
    expect(requestOf({ ...PRICE, ctwa_clid: 'own', phone_number_id: '30' }, { by: two })).toBe('no_channel');
    const same = terms({}, [channel('1'), channel('2')]);
    expect(requestOf({ ...PRICE, ctwa_clid: 'own' }, { by: same })).toMatchObject({ channelId: '1' });
  });

  it.each([
    [
      { value: 25, currency: 'usd' },
      { value: '25', currency: 'USD' },
    ],
    [{ total: '7.5' }, { value: '7.5', currency: 'CHF' }],
    [
      { value: 'much', order_total: '3' },
      { value: '3', currency: 'CHF' },
    ],
    [{ value: '0' }, { value: '0', currency: 'CHF' }],
  ])('of %j is worth %j', (properties, worth) => {
    expect(requestOf(properties, { by: terms({ defaultCurrency: 'CHF' }) })).toMatchObject({ worth });
  });

  it('is left out without a price or a currency, and when money goes back', () => {
    for (const properties of [{}, { value: '1' }, { currency: 'EUR' }, { value: '-1', currency: 'EUR' }])
      expect(requestOf(properties)).toBe('no_worth');
  });

  it('is left out when it was more than seven days old on arrival, to the millisecond', () => {
    const old = (ageMs: number) => requestOf(PRICE, { of: { occurredAtMs: NOW_MS - ageMs } });
    expect(old(7 * DAY_MS)).toMatchObject({ occurredAtMs: NOW_MS - 7 * DAY_MS });
    expect(old(7 * DAY_MS + 1)).toBe('too_old');
    expect(old(Number.NaN)).toBe('too_old');
  });

  it('did not occur after it was received', () => {
    expect(requestOf(PRICE, { of: { occurredAtMs: NOW_MS + 300_000 } })).toMatchObject({
      occurredAtMs: NOW_MS,
    });
  });
});
