import {
  burstOf,
  hardCapOf,
  isStorableText,
  MAX_NAME_CHARACTERS,
  PLAN_NAMES,
  PLANS,
  type Issue,
  type PlanName,
} from '@trackline/contracts';

export interface OrganizationSettings {
  /** A conversation earns an order that comes at most this long after it. */
  readonly attributionWindowHours: number;
  readonly attributionModel: 'last_touch' | 'first_touch';
  readonly orderEventNames: readonly string[];
  /** What Meta is told of as leads. */
  readonly leadEventNames: readonly string[];
  /** ISO 4217, for orders that name no currency. */
  readonly defaultCurrency: string | null;
}

export interface Organization {
  readonly id: string;
  readonly name: string;
  readonly plan: PlanName;
  /** `null`: unlimited. */
  readonly monthlyLimit: number | null;
  readonly hardCap: number | null;
  /** `null`: no rate limit. */
  readonly requestsPerMinute: number | null;
  /** Requests at once before the rate counts; `null` with `requestsPerMinute`. */
  readonly burst: number | null;
  readonly settings: OrganizationSettings;
  /** Counts up with every change: what is used as the version of its plan. */
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export interface NewOrganization {
  /** A UUID of the caller's choice: the same call made again gives the organisation as it stands. */
  readonly id?: string;
  readonly name: string;
  readonly plan: PlanName;
  /** With plan `custom`, and only with it. */
  readonly monthlyLimit?: number | null;
  /** Instead of the plan's own. */
  readonly requestsPerMinute?: number | null;
  readonly settings?: Partial<OrganizationSettings>;
}

export type OrganizationPatch = Partial<Omit<NewOrganization, 'id'>>;

/** What is stored: the plan's own figures are looked up, so that a change of the plan table reaches everybody. */
export interface OrganizationTerms {
  readonly name: string;
  readonly plan: PlanName;
  readonly monthlyLimit: number | null;
  readonly requestsPerMinute: number | null;
  readonly settings: Partial<OrganizationSettings>;
}

export const DEFAULT_SETTINGS: OrganizationSettings = {
  attributionWindowHours: 168,
  attributionModel: 'last_touch',
  orderEventNames: ['order'],
  leadEventNames: ['lead'],
  defaultCurrency: null,
};

const MAX_MONTHLY_LIMIT = 1_000_000_000_000;
const MAX_REQUESTS_PER_MINUTE = 100_000_000;
const MAX_WINDOW_HOURS = 24 * 730;
const MAX_EVENT_NAMES = 100;

/** Limits and rates as they hold: the plan's, or the organisation's own. */
export function limitsOf({
  plan,
  monthlyLimit,
  requestsPerMinute,
}: Pick<OrganizationTerms, 'plan' | 'monthlyLimit' | 'requestsPerMinute'>): Pick<
  Organization,
  'monthlyLimit' | 'hardCap' | 'requestsPerMinute' | 'burst'
> {
  const limit = plan === 'custom' ? monthlyLimit : PLANS[plan].monthlyLimit;
  const rate =
    requestsPerMinute === null
      ? { requestsPerMinute: PLANS[plan].requestsPerMinute, burst: PLANS[plan].requestBurst }
      : { requestsPerMinute, burst: burstOf(requestsPerMinute) };
  return { monthlyLimit: limit, hardCap: hardCapOf(limit), ...rate };
}

/** The terms after a change; what is not named stays. A plan other than `custom` drops a limit of its own. */
export function changeTerms(terms: OrganizationTerms, patch: OrganizationPatch): OrganizationTerms {
  const plan = patch.plan ?? terms.plan;
  return {
    name: patch.name ?? terms.name,
    plan,
    monthlyLimit:
      patch.monthlyLimit !== undefined ? patch.monthlyLimit : plan === 'custom' ? terms.monthlyLimit : null,
    requestsPerMinute:
      patch.requestsPerMinute === undefined ? terms.requestsPerMinute : patch.requestsPerMinute,
    settings: { ...terms.settings, ...withoutUndefined(patch.settings ?? {}) },
  };
}

/** What is wrong with the terms; paths are those of the admin routes' bodies. */
export function termsIssues(terms: OrganizationTerms): Issue[] {
  const issues: Issue[] = [];
  const refuse = (path: string, message: string): void => void issues.push({ path, message });
  if (!isName(terms.name)) refuse('/name', `A name of 1 to ${MAX_NAME_CHARACTERS} characters is needed.`);
  if (!PLAN_NAMES.includes(terms.plan)) refuse('/plan', `The plan is one of ${PLAN_NAMES.join(', ')}.`);
  else if (terms.plan === 'custom' && !isWhole(terms.monthlyLimit, MAX_MONTHLY_LIMIT)) {
    refuse('/monthlyLimit', `Plan "custom" needs a monthly limit from 1 to ${MAX_MONTHLY_LIMIT}.`);
  } else if (terms.plan !== 'custom' && terms.monthlyLimit !== null) {
    refuse('/monthlyLimit', 'Only plan "custom" takes a monthly limit of its own.');
  }
  if (terms.requestsPerMinute !== null && !isWhole(terms.requestsPerMinute, MAX_REQUESTS_PER_MINUTE)) {
    refuse(
      '/requestsPerMinute',
      `Requests per minute are a whole number from 1 to ${MAX_REQUESTS_PER_MINUTE}.`,
    );
  }
  return [...issues, ...settingsIssues(terms.settings)];
}

function settingsIssues(settings: Partial<OrganizationSettings>): Issue[] {
  const held = { ...DEFAULT_SETTINGS, ...settings };
  const { attributionWindowHours, attributionModel, defaultCurrency } = held;
  const issues: Issue[] = [];
  const refuse = (path: string, message: string): void =>
    void issues.push({ path: `/settings${path}`, message });
  for (const name of Object.keys(settings)) {
    if (!Object.hasOwn(DEFAULT_SETTINGS, name)) {
      refuse('', `There is no setting "${name}"; there are ${Object.keys(DEFAULT_SETTINGS).join(', ')}.`);
    }
  }
  if (!isWhole(attributionWindowHours, MAX_WINDOW_HOURS)) {
    refuse('/attributionWindowHours', `The window is a whole number of hours from 1 to ${MAX_WINDOW_HOURS}.`);
  }
  if (attributionModel !== 'last_touch' && attributionModel !== 'first_touch') {
    refuse('/attributionModel', 'The model is last_touch or first_touch.');
  }
  for (const list of ['orderEventNames', 'leadEventNames'] as const) {
    const names: unknown = held[list];
    if (!Array.isArray(names) || names.length > MAX_EVENT_NAMES || !names.every(isName))
      refuse(`/${list}`, `A list of at most ${MAX_EVENT_NAMES} event names is needed.`);
  }
  if (
    defaultCurrency !== null &&
    !(typeof defaultCurrency === 'string' && /^[A-Z]{3}$/.test(defaultCurrency))
  ) {
    refuse('/defaultCurrency', 'The currency is a code of three capital letters (ISO 4217), or null.');
  }
  return issues;
}

const isName = (value: unknown): boolean =>
  typeof value === 'string' &&
  value.trim() !== '' &&
  value.length <= MAX_NAME_CHARACTERS &&
  isStorableText(value);

const isWhole = (value: unknown, max: number): boolean =>
  Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= max;

const withoutUndefined = <T extends object>(value: T): T =>
  Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== undefined)) as T;
