import { describe, expect, it } from '@jest/globals';
import { cell, toCsv } from './report-csv.ts';
import { periodOf, periodsOf, toReportRequest } from './report-request.ts';
import { decodeRank, encodeRank } from './campaign-rank.ts';
import { toReport, toTable, type ReportSums, type ReportTable } from './report.ts';
import { adOf } from './meta-event.ts';

const NOW = Date.UTC(2026, 10, 20, 15);

describe('a report request', () => {
  it('is about the last 30 days unless it says otherwise', () => {
    expect(toReportRequest({}, NOW)).toEqual({
      ok: true,
      value: { from: '2026-10-22', to: '2026-11-20', groupBy: 'day' },
    });
    expect(toReportRequest({ to: '2026-03-01', groupBy: 'week' }, NOW)).toMatchObject({
      value: { from: '2026-01-31', to: '2026-03-01' },
    });
  });

  it('reaches back as far as facts are kept', () => {
    expect(toReportRequest({ from: '2024-11-01', to: '2024-12-01' }, NOW).ok).toBe(true);
    expect(toReportRequest({ from: '2024-11-20' }, NOW).ok).toBe(true);
  });

  it.each([
    [{ from: '2026-02-30' }, '/from'],
    [{ to: '20 November' }, '/to'],
    [{ from: '2026-11-02', to: '2026-11-01' }, '/to'],
    [{ from: '2020-01-01', to: '2026-01-01' }, '/from'],
    [{ from: '2024-10-31', to: '2024-12-01' }, '/from'],
  ])('%j is refused at %s', (asked, path) => {
    const request = toReportRequest(asked, NOW);
    expect(!request.ok && request.error[0]!.path).toBe(path);
  });

  it('cuts days into weeks that begin on Monday, and months, without a gap', () => {
    expect(['2026-11-15', '2026-11-16', '2026-11-22'].map((day) => periodOf(day, 'week'))).toEqual([
      '2026-11-09',
      '2026-11-16',
      '2026-11-16',
    ]);
    expect(periodsOf({ from: '2026-01-31', to: '2026-03-01', groupBy: 'month' })).toEqual([
      '2026-01',
      '2026-02',
      '2026-03',
    ]);
    expect(periodsOf({ from: '2026-02-27', to: '2026-03-01', groupBy: 'day' })).toHaveLength(3);
  });
});

const orders = {
  orders: 2,
  conversions: 2,
  revenue: '100.1',
  metaLeads: 0,
  metaPurchases: 0,
  metaRevenue: '0',
  currency: 'EUR',
};
const talk = { sent: 8, delivered: 7, read: 3, conversations: 8 };
const ALL = { period: null, campaignType: null, campaignId: null };
const ONE = { period: null, campaignType: 'broadcast', campaignId: 'spring' } as const;

const sums: ReportSums = {
  conversations: [
    { ...ALL, ...talk },
    { ...ONE, ...talk },
    { ...ONE, campaignId: 'quiet', ...talk },
  ],
  orders: [
    { ...ALL, ...orders },
    { ...ALL, ...orders, currency: '', orders: 3, conversions: 1, revenue: '0' },
    { ...ONE, ...orders },
    { ...ONE, ...orders, currency: 'BRL', revenue: '7' },
  ],
  names: new Map([['broadcast/spring', 'Spring sale']]),
};

describe('a report', () => {
  const report = toReport('broadcasts', { from: '2026-11-19', to: '2026-11-20', groupBy: 'day' }, sums);

  it('has totals in which orders without an amount count, and a rate', () => {
    expect(report.totals).toMatchObject({
      orders: 5,
      conversions: 3,
      conversionRate: 3 / 8,
      revenue: [{ currency: 'EUR', amount: '100.10' }],
    });
  });

  it('has a row per campaign, those that earned most first, and per period, also empty ones', () => {
    expect(report.campaigns.map(({ id, name }) => [id, name])).toEqual([
      ['spring', 'Spring sale'],
      ['quiet', 'quiet'],
    ]);
    expect(report.campaigns[0]!.revenue.map(({ currency }) => currency)).toEqual(['BRL', 'EUR']);
    expect(report.campaigns[1]).toMatchObject({ conversions: 0, conversionRate: 0, revenue: [] });
    expect(report.series.map(({ period, conversations }) => [period, conversations])).toEqual([
      ['2026-11-19', 0],
      ['2026-11-20', 0],
    ]);
  });

  it('of performance always has all four sources', () => {
    const { campaigns } = toReport(
      'performance',
      { from: '2026-11-20', to: '2026-11-20', groupBy: 'day' },
      { ...sums, conversations: [], orders: [] },
    );
    expect(campaigns.map(({ id }) => id)).toEqual(['broadcast', 'automation', 'ad', 'organic']);
  });
});

describe('CSV', () => {
  it.each([
    ['plain', 'plain'],
    ['a, b', '"a, b"'],
    ['say "yes"', '"say ""yes"""'],
    ['two\nlines', '"two\nlines"'],
    ['=HYPERLINK("http://x")', `"'=HYPERLINK(""http://x"")"`],
    ['+33', "'+33"],
    ['-1', "'-1"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['\t=1', "'\t=1"],
    ['\n=1', `"'\n=1"`],
    ['＝1+1', "'＝1+1"],
    ['120210000000000123', "'120210000000000123"],
    ['2026', '2026'],
  ])('%j is the cell %j', (text, expected) => {
    expect(cell(text)).toBe(expected);
  });

  const line = { period: '2026-11-20', campaignType: 'ad', campaignId: '=1+1' } as const;
  const sold = [
    { ...orders, revenue: '-2.5' },
    { ...orders, currency: 'USD', metaPurchases: 1, metaRevenue: '12345678901234567890.125' },
  ];
  const csv = (kind: 'ads' | 'broadcasts', table: ReportTable, place: object) =>
    toCsv(
      kind,
      table,
      toTable(
        kind,
        table,
        { from: '2026-11-19', to: '2026-11-20', groupBy: 'day' },
        {
          conversations: [{ ...line, ...place, ...talk }],
          orders: sold.map((one) => ({ ...line, ...place, ...one })),
          names: new Map(),
        },
      ),
    ).split('\r\n');

  it('has a column per currency with exact amounts, and what Meta reported in the one of ads alone', () => {
    expect(csv('ads', 'lines', {})).toEqual([
      '\uFEFFperiod,type,id,name,sent,delivered,read,conversations,orders,conversions,conversionRate,revenue_EUR,revenue_USD,metaLeads,metaPurchases,metaRevenue_USD',
      `2026-11-20,ad,'=1+1,'=1+1,8,7,3,8,4,4,0.5,-2.50,100.10,0,1,12345678901234567890.125`,
      '',
    ]);
    expect(csv('broadcasts', 'lines', {})[0]).not.toContain('meta');
  });

  it('has a line per period, also of those without anything, or a line per campaign', () => {
    expect(csv('broadcasts', 'series', { campaignType: null, campaignId: null })).toEqual([
      '\uFEFFperiod,sent,delivered,read,conversations,orders,conversions,conversionRate,revenue_EUR,revenue_USD',
      '2026-11-19,0,0,0,0,0,0,0,,',
      '2026-11-20,8,7,3,8,4,4,0.5,-2.50,100.10',
      '',
    ]);
    expect(csv('broadcasts', 'campaigns', { period: null })).toEqual([
      '\uFEFFtype,id,name,sent,delivered,read,conversations,orders,conversions,conversionRate,revenue_EUR,revenue_USD',
      `ad,'=1+1,'=1+1,8,7,3,8,4,4,0.5,-2.50,100.10`,
      '',
    ]);
  });
});

describe('a place among the campaigns', () => {
  it('is told by a cursor, whatever the id; another text is none', () => {
    const rank = { conversions: 12, reported: 0, conversations: 340, id: 'spring/2026 – Frühling' };
    expect(decodeRank(encodeRank(rank))).toEqual(rank);
    for (const text of ['', 'nonsense', Buffer.from('1/2/3/').toString('base64url')]) {
      expect(decodeRank(text)).toBeUndefined();
    }
  });
});

describe('the ad of what Meta reports', () => {
  it('is that of its click, else of its message, else the last one before it; a click that nobody knows is no other ad’s', () => {
    const traces = { byClick: 'c', byMessage: 'm', lastBefore: 'l' };
    expect(adOf(true, traces)).toBe('c');
    expect(adOf(true, { byMessage: 'm', lastBefore: 'l' })).toBe('m');
    expect(adOf(false, { lastBefore: 'l' })).toBe('l');
    expect(adOf(true, { lastBefore: 'l' })).toBe('unknown');
    expect(adOf(false, {})).toBe('unknown');
  });
});
