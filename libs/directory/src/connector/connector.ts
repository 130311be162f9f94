import { randomBytes } from 'node:crypto';
import { isStorableText, type Issue } from '@trackline/contracts';

/** Kinds of actions for which an organisation keeps something of its own. */
export const CONNECTOR_KINDS = ['webhook', 'email', 'whatsapp'] as const;
export type ConnectorKind = (typeof CONNECTOR_KINDS)[number];

export interface WebhookCredentials {
  /** `whsec_` and base64, as https://www.standardwebhooks.com has it. */
  readonly secret: string;
  /** After a rotation: signs too until then, so that receivers can change over. */
  readonly previous?: { readonly secret: string; readonly untilMs: number };
}

export interface EmailCredentials {
  /** `smtp://` or `smtps://user:password@host:port`. */
  readonly smtpUrl: string;
  /** Who writes when the workflow does not say. */
  readonly from: string;
}

export interface WhatsappCredentials {
  readonly phoneNumberId: string;
  readonly accessToken: string;
}

export interface Credentials {
  readonly webhook: WebhookCredentials;
  readonly email: EmailCredentials;
  readonly whatsapp: WhatsappCredentials;
}

/** What may be shown of credentials: secrets are masked. */
export type ShownConnector = Readonly<Record<string, string>>;

const SECRET_BYTES = 32;
const PREVIOUS_SIGNS_MS = 86_400_000;
const SHOWN_CHARACTERS = 4;

const masked = (secret: string): string => `…${secret.slice(-SHOWN_CHARACTERS)}`;

/** The same URL without its password. */
function withoutPassword(smtpUrl: string): string {
  const url = new URL(smtpUrl);
  if (url.password !== '') url.password = '***';
  return url.href;
}

const SHOW: { readonly [Kind in ConnectorKind]: (credentials: Credentials[Kind]) => ShownConnector } = {
  webhook: ({ secret }) => ({ secret: `whsec_${masked(secret)}` }),
  email: ({ smtpUrl, from }) => ({ smtpUrl: withoutPassword(smtpUrl), from }),
  whatsapp: ({ phoneNumberId, accessToken }) => ({ phoneNumberId, accessToken: masked(accessToken) }),
};

export const toShown = <Kind extends ConnectorKind>(
  kind: Kind,
  credentials: Credentials[Kind],
): ShownConnector => SHOW[kind](credentials);

/** A new secret; the one before goes on signing for a day. */
export const rotated = (before: WebhookCredentials | undefined, nowMs: number): WebhookCredentials => ({
  secret: `whsec_${randomBytes(SECRET_BYTES).toString('base64')}`,
  ...(before && { previous: { secret: before.secret, untilMs: nowMs + PREVIOUS_SIGNS_MS } }),
});

const MAX_CHARACTERS = 2_000;
const isText = (value: unknown): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= MAX_CHARACTERS && isStorableText(value);

function emailIssues({ smtpUrl, from }: Partial<Record<string, unknown>>): Issue[] {
  const issues: Issue[] = [];
  const url = isText(smtpUrl) && URL.canParse(smtpUrl) ? new URL(smtpUrl) : undefined;
  if (!url || !['smtp:', 'smtps:'].includes(url.protocol) || url.hostname === '')
    issues.push({ path: '/smtpUrl', message: 'smtp:// or smtps://user:password@host:port is needed.' });
  if (!isText(from) || !/^[^\r\n]*[^\s@<>]+@[^\s@<>]+>?$/.test(from))
    issues.push({ path: '/from', message: 'The address that mails come from is needed.' });
  return issues;
}

function whatsappIssues({ phoneNumberId, accessToken }: Partial<Record<string, unknown>>): Issue[] {
  const issues: Issue[] = [];
  if (!isText(phoneNumberId) || !/^\d{1,32}$/.test(phoneNumberId))
    issues.push({ path: '/phoneNumberId', message: "Meta's id of the phone number, digits, is needed." });
  if (!isText(accessToken) || !/^[\x21-\x7e]+$/.test(accessToken))
    issues.push({ path: '/accessToken', message: 'An access token of Meta is needed.' });
  return issues;
}

const FIELDS = { email: ['smtpUrl', 'from'], whatsapp: ['phoneNumberId', 'accessToken'] } as const;

/** The known fields of what was given and found right. */
export function toCredentials<Kind extends keyof typeof FIELDS>(
  kind: Kind,
  given: Partial<Record<string, unknown>>,
): Credentials[Kind] {
  const fields: readonly string[] = FIELDS[kind];
  return Object.fromEntries(fields.map((field) => [field, given[field]])) as unknown as Credentials[Kind];
}

/** What is wrong with credentials that someone gives. Those for webhooks are made here and never given. */
export const credentialIssues = (
  kind: Exclude<ConnectorKind, 'webhook'>,
  given: Partial<Record<string, unknown>>,
): Issue[] => (kind === 'email' ? emailIssues(given) : whatsappIssues(given));
