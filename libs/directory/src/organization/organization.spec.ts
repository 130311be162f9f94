import { describe, expect, it } from '@jest/globals';
import { changeTerms, limitsOf, termsIssues, type OrganizationTerms } from './organization.ts';

const STARTER: OrganizationTerms = {
  name: 'Example',
  plan: 'starter',
  monthlyLimit: null,
  requestsPerMinute: null,
  settings: {},
};
const CUSTOM: OrganizationTerms = { ...STARTER, plan: 'custom', monthlyLimit: 1_001 };
const paths = (terms: OrganizationTerms): string[] => termsIssues(terms).map((issue) => issue.path);

describe('limits and rates', () => {
  it('are those of the plan', () => {
    expect(limitsOf(STARTER)).toEqual({
      monthlyLimit: 50_000,
      hardCap: 62_500,
      requestsPerMinute: 2_000,
      burst: 500,
    });
    expect(limitsOf({ ...STARTER, plan: 'enterprise' })).toEqual({
      monthlyLimit: null,
      hardCap: null,
      requestsPerMinute: null,
      burst: null,
    });
  });

  it('of a custom plan are its own, the cap rounded down', () => {
    expect(limitsOf(CUSTOM)).toMatchObject({ monthlyLimit: 1_001, hardCap: 1_251, requestsPerMinute: null });
    expect(limitsOf({ ...CUSTOM, requestsPerMinute: 10 })).toMatchObject({ requestsPerMinute: 10, burst: 2 });
  });
});

describe('a change of terms', () => {
  it('leaves what it does not name, in the settings too', () => {
    const before = { ...CUSTOM, settings: { attributionWindowHours: 24 } };
    expect(changeTerms(before, { settings: { defaultCurrency: 'EUR' } })).toEqual({
      ...before,
      settings: { attributionWindowHours: 24, defaultCurrency: 'EUR' },
    });
  });

  it('from custom to a published plan drops the limit', () => {
    const changed = changeTerms(CUSTOM, { plan: 'growth' });
    expect(changed.monthlyLimit).toBeNull();
    expect(paths(changed)).toEqual([]);
  });

  it('to custom needs a limit; another plan takes none', () => {
    expect(paths(changeTerms(STARTER, { plan: 'custom' }))).toEqual(['/monthlyLimit']);
    expect(paths(changeTerms(STARTER, { plan: 'custom', monthlyLimit: 10 }))).toEqual([]);
    expect(paths(changeTerms(STARTER, { monthlyLimit: 10 }))).toEqual(['/monthlyLimit']);
  });
});

describe('what is refused', () => {
  it.each([0, -1, 1.5, Number.NaN, 2 ** 53])('a monthly limit of %p', (monthlyLimit) => {
    expect(paths({ ...CUSTOM, monthlyLimit })).toEqual(['/monthlyLimit']);
  });

  it('each field by its path', () => {
    const wrong = {
      name: ' ',
      plan: 'free',
      monthlyLimit: null,
      requestsPerMinute: 0,
      settings: {
        attributionWindowHours: 0,
        attributionModel: 'linear',
        orderEventNames: [''],
        leadEventNames: 'lead',
        defaultCurrency: 'euro',
        other: 1,
      },
    } as unknown as OrganizationTerms;
    expect(paths(wrong)).toEqual([
      '/name',
      '/plan',
      '/requestsPerMinute',
      '/settings',
      '/settings/attributionWindowHours',
      '/settings/attributionModel',
      '/settings/orderEventNames',
      '/settings/leadEventNames',
      '/settings/defaultCurrency',
    ]);
  });
});
