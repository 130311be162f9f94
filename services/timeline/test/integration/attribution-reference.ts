import type { CampaignType } from '@trackline/contracts';

/** The attribution rules said again, as plainly as can be, over lists in memory: what the service must agree with to the cent. */
export interface SaidTouch {
  readonly person: string;
  readonly atMs: number;
  readonly type: CampaignType;
  readonly id: string;
}

export interface SaidOrder {
  readonly person: string;
  readonly atMs: number;
  /** In thousandths; `null`: it says nothing of its worth. */
  readonly amount: bigint | null;
  readonly currency: string;
}

export interface ReferenceRow {
  conversations: number;
  orders: number;
  conversions: number;
  /** In thousandths. */
  revenue: Map<string, bigint>;
}

export const emptyRow = (): ReferenceRow => ({
  conversations: 0,
  orders: 0,
  conversions: 0,
  revenue: new Map(),
});

/** By `<type>/<id>`. */
export function referenceReport(
  touches: readonly SaidTouch[],
  orders: readonly SaidOrder[],
  windowHours: number,
  model: string,
): Map<string, ReferenceRow> {
  const rows = new Map<string, ReferenceRow>();
  const rowOf = (type: string, id: string): ReferenceRow => {
    const key = `${type}/${type === 'organic' ? '' : id}`;
    return rows.get(key) ?? rows.set(key, emptyRow()).get(key)!;
  };
  const ofPerson = new Map<string, SaidTouch[]>();
  for (const touch of touches) {
    rowOf(touch.type, touch.id).conversations += 1;
    ofPerson.set(touch.person, [...(ofPerson.get(touch.person) ?? []), touch]);
  }
  for (const order of orders) {
    const inside = (ofPerson.get(order.person) ?? []).filter(
      (touch) => touch.atMs <= order.atMs && touch.atMs >= order.atMs - windowHours * 3_600_000,
    );
    const planned = inside.filter((touch) => touch.type !== 'organic');
    const candidates = (planned.length > 0 ? planned : inside).toSorted((a, b) => a.atMs - b.atMs);
    const winner = candidates.at(model === 'last_touch' ? -1 : 0);
    const row = winner ? rowOf(winner.type, winner.id) : rowOf('organic', '');
    row.orders += 1;
    if (!winner) continue;
    row.conversions += 1;
    if (order.amount === null) continue;
    row.revenue.set(order.currency, (row.revenue.get(order.currency) ?? 0n) + order.amount);
  }
  return rows;
}

export const addRows = (rows: Iterable<ReferenceRow>): ReferenceRow => {
  const total = emptyRow();
  for (const row of rows) {
    total.conversations += row.conversations;
    total.orders += row.orders;
    total.conversions += row.conversions;
    for (const [currency, amount] of row.revenue) {
      total.revenue.set(currency, (total.revenue.get(currency) ?? 0n) + amount);
    }
  }
  return total;
};

interface ShownRow {
  readonly conversations: number;
  readonly orders: number;
  readonly conversions: number;
  readonly revenue: readonly { readonly currency: string; readonly amount: string }[];
}

const thousandths = (amount: string): bigint => {
  const [whole = '0', fraction = ''] = amount.split('.');
  return BigInt(`${whole}${fraction.padEnd(3, '0')}`);
};

/** A row of a report in the reference's words. */
export const fromShown = ({ conversations, orders, conversions, revenue }: ShownRow): ReferenceRow => ({
  conversations,
  orders,
  conversions,
  revenue: new Map(revenue.map(({ currency, amount }) => [currency, thousandths(amount)])),
});
