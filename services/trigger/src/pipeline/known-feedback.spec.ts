import { describe, expect, it } from '@jest/globals';
import type { ClickQuery, FeedbackTerms } from '@trackline/contracts';
import { anEvent, CONTACT, ORGANIZATION } from '../../test/engine-builders.ts';
import { KnownFeedback } from './known-feedback.ts';

const HOUR_MS = 3_600_000;
const TERMS: FeedbackTerms = {
  channels: [
    { id: 'n1', phoneNumberId: '10', wabaId: '1', datasetId: '2' },
    { id: 'n2', phoneNumberId: '20', wabaId: '1', datasetId: '2' },
  ],
  settings: {
    orderEventNames: ['order'],
    leadEventNames: ['lead'],
    defaultCurrency: null,
    attributionWindowHours: 2,
  },
};

function open(terms: ReadonlyMap<string, FeedbackTerms>) {
  const asked: ClickQuery[][] = [];
  const reads = { terms: 0 };
  let nowMs = 0;
  const known = new KnownFeedback(
    {
      terms: async () => {
        reads.terms += 1;
        return terms;
      },
      lastClicks: async (queries) => {
        asked.push([...queries]);
        return queries.map((_, at) => (at === 0 ? { ctwaClid: 'click', phoneNumberId: '10' } : undefined));
      },
    },
    { checkMs: 10_000, nowMs: () => nowMs },
  );
  return { known, asked, reads, wait: (ms: number) => (nowMs += ms) };
}

const order = (offset: number, properties: object = {}, name = 'order') =>
  anEvent({ name, offset, receivedAtMs: 9 * HOUR_MS }, properties);

describe('who wants Meta to be told', () => {
  it('is read every few seconds, and costs nothing else where nobody does', async () => {
    const { known, asked, reads, wait } = open(new Map());
    expect(await known.load([])).toEqual({ terms: new Map(), clicks: new Map() });
    expect(reads.terms).toBe(0);
    for (const ms of [0, 9_999, 1, 9_999]) {
      wait(ms);
      await known.load([order(1), order(2)]);
    }
    expect(reads.terms).toBe(2);
    expect(asked).toEqual([]);
  });

  it('asks for the last click before orders and leads that name none, at once', async () => {
    const { known, asked } = open(new Map([[ORGANIZATION, TERMS]]));
    const { clicks } = await known.load([
      order(1),
      order(2, { ctwa_clid: 'own' }),
      order(3, {}, 'viewed'),
      order(4, {}, 'lead'),
      anEvent({ name: 'order', offset: 5, receivedAtMs: 9 * HOUR_MS, organizationId: 'another' }),
      anEvent({ name: 'order', offset: 6, receivedAtMs: 999 * HOUR_MS, occurredAtMs: 0 }),
    ]);
    const query = {
      organizationId: ORGANIZATION,
      contactId: CONTACT.id,
      fromMs: 7 * HOUR_MS,
      toMs: 9 * HOUR_MS,
      phoneNumberIds: ['10', '20'],
    };
    expect(asked).toEqual([[query, query]]);
    expect([...clicks]).toEqual([['event-1', { ctwaClid: 'click', phoneNumberId: '10' }]]);
  });
});
