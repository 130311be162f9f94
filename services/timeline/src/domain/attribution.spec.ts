import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { attribute, HOUR_MS, settingsText, type OrderMoment, type Touch } from './attribution.ts';

const ORDER_MS = Date.UTC(2026, 10, 20, 12);
const WINDOW_HOURS = 168;
const order = (more: Partial<OrderMoment> = {}): OrderMoment => ({
  atMs: ORDER_MS,
  causedExecutions: new Set(),
  ...more,
});

/** `hoursBefore`: the order's moment minus so much. */
const touch = (
  type: Touch['campaign']['type'],
  id: string,
  hoursBefore: number,
  more: Partial<Touch> = {},
): Touch => ({
  key: `${type}-${id}-${hoursBefore}`,
  atMs: ORDER_MS - hoursBefore * HOUR_MS,
  campaign: { type, id },
  executionId: null,
  ...more,
});
const reply = (hoursBefore: number, more: Partial<Touch> = {}) => touch('organic', '', hoursBefore, more);

type Expected = string | { readonly first: string; readonly last: string };

describe('an order is earned by', () => {
  it.each<[string, readonly Touch[], Expected]>([
    [
      'the broadcast, not by the reply to it',
      [touch('broadcast', 'b', 5), reply(4), reply(1)],
      'broadcast/b',
    ],
    [
      'the conversation exactly at the edge of the window',
      [touch('broadcast', 'b', WINDOW_HOURS)],
      'broadcast/b',
    ],
    [
      'nobody when it is a millisecond past it',
      [touch('broadcast', 'b', 0, { atMs: ORDER_MS - WINDOW_HOURS * HOUR_MS - 1 })],
      'outside_window',
    ],
    ['the conversation in the very millisecond of the order', [touch('ad', 'a', 0)], 'ad/a'],
    [
      'nobody when the conversation came a millisecond after it',
      [reply(0, { atMs: ORDER_MS + 1 })],
      'after_order',
    ],
    [
      'one of several campaigns, as the model says',
      [touch('broadcast', 'b', 3), touch('ad', 'a', 30), touch('automation', 'w', 1)],
      { first: 'ad/a', last: 'automation/w' },
    ],
    [
      'the campaign inside the window, not the one before it',
      [touch('broadcast', 'old', 400), touch('broadcast', 'new', 100)],
      'broadcast/new',
    ],
    [
      'an organic conversation when no campaign is inside',
      [touch('broadcast', 'old', 400), reply(2)],
      'organic/',
    ],
    [
      'the last or first organic one',
      [
        reply(2, { campaign: { type: 'organic', id: 'x' } }),
        reply(9, { campaign: { type: 'organic', id: 'y' } }),
      ],
      { first: 'organic/y', last: 'organic/x' },
    ],
    ['nobody without a conversation', [], 'no_conversation'],
    [
      'nobody when all were too long ago or too late',
      [touch('ad', 'a', 400), touch('ad', 'a', -1)],
      'outside_window',
    ],
    [
      'not by what the order itself set off, also with a clock that is behind',
      [touch('automation', 'w', 0.001, { executionId: 'caused' })],
      'caused_by_order',
    ],
    [
      'the same automation when another event had set it off',
      [
        touch('automation', 'w', 0.001, { executionId: 'caused' }),
        touch('automation', 'w', 7, { executionId: 'x' }),
      ],
      'automation/w',
    ],
    [
      'the one with the greater key, or the lesser, of the same millisecond',
      [touch('broadcast', 'p', 5, { key: '1' }), touch('broadcast', 'q', 5, { key: '2' })],
      { first: 'broadcast/p', last: 'broadcast/q' },
    ],
  ])('%s', (_, touches, expected) => {
    for (const model of ['first_touch', 'last_touch'] as const) {
      const wanted =
        typeof expected === 'string' ? expected : expected[model === 'first_touch' ? 'first' : 'last'];
      for (const told of [touches, [...touches].reverse()]) {
        const verdict = attribute(told, order({ causedExecutions: new Set(['caused']) }), {
          windowHours: WINDOW_HOURS,
          model,
        });
        const { conversion } = verdict;
        expect(
          conversion ? `${verdict.touch.campaign.type}/${verdict.touch.campaign.id}` : verdict.reason,
        ).toBe(wanted);
        if (conversion) {
          const organic = verdict.touch.campaign.type === 'organic';
          expect(verdict.reason).toBe(organic ? 'organic_conversation' : 'campaign_conversation');
        }
      }
    }
  });

  it('another conversation once the window is another', () => {
    const touches = [touch('broadcast', 'b', 100), reply(10)];
    const by = (windowHours: number) => {
      const verdict = attribute(touches, order(), { windowHours, model: 'last_touch' });
      return verdict.conversion ? verdict.touch.campaign.type : verdict.reason;
    };
    expect([99, 100, 9].map(by)).toEqual(['organic', 'broadcast', 'outside_window']);
  });
});

/** The same, said as plainly as can be. */
function reference(touches: readonly Touch[], atMs: number, windowHours: number, model: string): string {
  let best: Touch | undefined;
  for (const one of touches) {
    if (one.atMs > atMs) continue;
    if (atMs - one.atMs > windowHours * 3_600_000) continue;
    if (one.executionId === 'caused') continue;
    if (best === undefined) {
      best = one;
      continue;
    }
    const bestIsCampaign = best.campaign.type !== 'organic';
    const oneIsCampaign = one.campaign.type !== 'organic';
    if (bestIsCampaign !== oneIsCampaign) {
      if (oneIsCampaign) best = one;
      continue;
    }
    const isLater = one.atMs > best.atMs || (one.atMs === best.atMs && one.key > best.key);
    if (isLater === (model === 'last_touch')) best = one;
  }
  return best === undefined ? 'nobody' : best.key;
}

const touches = fc.uniqueArray(
  fc.record({
    key: fc.stringMatching(/^[a-z]{1,3}$/),
    atMs: fc
      .integer({ min: ORDER_MS - 20 * HOUR_MS, max: ORDER_MS + 5 * HOUR_MS })
      .map((ms) => ms - (ms % 1_800_000)),
    campaign: fc.record({
      type: fc.constantFrom('broadcast', 'automation', 'ad', 'organic'),
      id: fc.constantFrom('a', 'b'),
    }),
    executionId: fc.constantFrom(null, 'other', 'caused'),
  }),
  { maxLength: 12, selector: (one) => one.key },
);

describe('attribution', () => {
  it('agrees with the reference, in whatever order the conversations come', () => {
    fc.assert(
      fc.property(
        touches,
        fc.integer({ min: 1, max: 20 }),
        fc.constantFrom('first_touch', 'last_touch'),
        fc.infiniteStream(fc.nat()),
        (all, windowHours, model, chance) => {
          const told = all as Touch[];
          const shuffled = told
            .map((one) => ({ one, by: chance.next().value as number }))
            .sort((a, b) => a.by - b.by)
            .map(({ one }) => one);
          const verdict = attribute(shuffled, order({ causedExecutions: new Set(['caused']) }), {
            windowHours,
            model,
          });
          expect(verdict.conversion ? verdict.touch.key : 'nobody').toBe(
            reference(told, ORDER_MS, windowHours, model),
          );
        },
      ),
      { numRuns: 500 },
    );
  });

  it('is decided by the last or first of each kind inside the window alone, as the database gives them', () => {
    fc.assert(
      fc.property(touches, fc.integer({ min: 1, max: 20 }), (all, windowHours) => {
        const told = (all as Touch[]).filter((one) => one.executionId !== 'caused');
        const inside = told
          .filter((one) => one.atMs <= ORDER_MS && one.atMs >= ORDER_MS - windowHours * HOUR_MS)
          .sort((a, b) => a.atMs - b.atMs || (a.key < b.key ? -1 : 1));
        const kinds = [true, false].map((isOrganic) =>
          inside.filter((one) => (one.campaign.type === 'organic') === isOrganic),
        );
        const settings = { windowHours, model: 'last_touch' } as const;
        const few = kinds.flatMap((kind) => kind.slice(-1));
        expect(attribute(few, order(), settings).conversion).toBe(
          attribute(told, order(), settings).conversion,
        );
        if (few.length > 0)
          expect(attribute(few, order(), settings)).toEqual(attribute(told, order(), settings));
      }),
    );
  });
});

describe('settings', () => {
  it('are the same in whatever order the names come', () => {
    const settings = { windowHours: 1, model: 'last_touch', defaultCurrency: null } as const;
    expect(settingsText({ ...settings, orderEventNames: ['b', 'a', 'b'] })).toBe(
      settingsText({ ...settings, orderEventNames: ['a', 'b'] }),
    );
    expect(settingsText({ ...settings, orderEventNames: ['a'] })).not.toBe(
      settingsText({ ...settings, orderEventNames: ['a'], windowHours: 2 }),
    );
  });
});
