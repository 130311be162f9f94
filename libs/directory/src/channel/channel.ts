import { isStorableText, type Issue } from '@trackline/contracts';

/** A WhatsApp number of an organisation, as Meta names it. Its secrets are kept apart. */
export interface Channel {
  readonly id: string;
  readonly organizationId: string;
  readonly phoneNumberId: string;
  readonly wabaId: string;
  readonly displayPhoneNumber?: string;
  /** Where Meta wants to hear of conversions (Conversions API). */
  readonly datasetId?: string;
  readonly conversionFeedback: boolean;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export interface ChannelSecrets {
  /** Signs what Meta sends. */
  readonly appSecret: string;
  /** What Meta repeats when a callback is set up. */
  readonly verifyToken: string;
  readonly accessToken?: string;
}

/** Everything of it but where it stands and since when. */
export type ChannelTerms = Omit<Channel, 'id' | 'organizationId' | 'createdAt' | 'updatedAt'> &
  ChannelSecrets;

export interface NewChannel {
  readonly phoneNumberId: string;
  readonly wabaId: string;
  readonly appSecret: string;
  readonly verifyToken: string;
  readonly displayPhoneNumber?: string;
  readonly accessToken?: string;
  readonly datasetId?: string;
  readonly conversionFeedback?: boolean;
}

/** What is not named stays; `null` takes away what need not be there. */
export type ChannelPatch = Partial<
  Pick<ChannelTerms, 'phoneNumberId' | 'wabaId' | 'appSecret' | 'verifyToken' | 'conversionFeedback'>
> & {
  readonly displayPhoneNumber?: string | null;
  readonly accessToken?: string | null;
  readonly datasetId?: string | null;
};

const NEEDED = ['phoneNumberId', 'wabaId', 'appSecret', 'verifyToken'] as const;
const OPTIONAL = ['displayPhoneNumber', 'accessToken', 'datasetId'] as const;

/** The terms after a change. */
export function changeChannel(terms: Partial<ChannelTerms>, change: ChannelPatch): ChannelTerms {
  const after: Record<string, unknown> = { conversionFeedback: false, ...terms };
  for (const field of [...NEEDED, ...OPTIONAL, 'conversionFeedback'] as const) {
    const given = change[field];
    if (given === null) delete after[field];
    else if (given !== undefined) after[field] = given;
  }
  return after as unknown as ChannelTerms;
}

const isText = (value: unknown, max: number): value is string =>
  typeof value === 'string' && value.trim() !== '' && value.length <= max && isStorableText(value);

const META_ID = /^\d{1,32}$/;
const ID_RULE = 'It is the number that Meta shows for it: digits only.';
const MAX_SECRET_CHARACTERS = 1_000;
const MAX_DISPLAY_CHARACTERS = 64;

export function channelIssues(terms: ChannelTerms): Issue[] {
  const issues: Issue[] = [];
  for (const field of ['phoneNumberId', 'wabaId', 'datasetId'] as const) {
    const value = terms[field];
    const mayBeAbsent = field === 'datasetId' && value === undefined;
    if (!mayBeAbsent && !(typeof value === 'string' && META_ID.test(value)))
      issues.push({ path: `/${field}`, message: ID_RULE });
  }
  for (const field of ['appSecret', 'verifyToken', 'accessToken'] as const) {
    const value = terms[field];
    const mayBeAbsent = field === 'accessToken' && value === undefined;
    if (!mayBeAbsent && !isText(value, MAX_SECRET_CHARACTERS))
      issues.push({
        path: `/${field}`,
        message: `Text of 1 to ${MAX_SECRET_CHARACTERS} characters is needed.`,
      });
  }
  const { displayPhoneNumber, conversionFeedback } = terms;
  if (displayPhoneNumber !== undefined && !isText(displayPhoneNumber, MAX_DISPLAY_CHARACTERS))
    issues.push({
      path: '/displayPhoneNumber',
      message: `Text of 1 to ${MAX_DISPLAY_CHARACTERS} characters.`,
    });
  if (conversionFeedback) {
    for (const field of ['datasetId', 'accessToken'] as const) {
      if (terms[field] === undefined)
        issues.push({ path: `/${field}`, message: 'conversionFeedback needs it: it is missing.' });
    }
    const { accessToken } = terms;
    if (isText(accessToken, MAX_SECRET_CHARACTERS) && !/^[\x21-\x7e]+$/.test(accessToken))
      issues.push({ path: '/accessToken', message: 'An access token of Meta has no spaces or accents.' });
  }
  return issues;
}

const SHOWN_CHARACTERS = 4;
/** Shorter ones would be told by half. */
const MIN_CHARACTERS_TO_SHOW_AN_END = 16;

/** What may be shown of a secret: enough to tell it from another. */
export const masked = (secret: string): string =>
  secret.length < MIN_CHARACTERS_TO_SHOW_AN_END ? '…' : `…${secret.slice(-SHOWN_CHARACTERS)}`;
