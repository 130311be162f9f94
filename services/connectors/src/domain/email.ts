import { createHash } from 'node:crypto';
import type { AttemptOutcome } from './outcome.ts';
import { shownText } from './shown.ts';

/** `a@b.example` of `Name <a@b.example>`. */
const addressOf = (from: string): string => /<([^<>]*)>\s*$/.exec(from)?.[1] ?? from;

/**
 * The same for every attempt of an action, so that a mail that goes out twice can be known as one by whoever gets it. A hash, because the
 * standard allows little in it.
 */
export function messageIdOf(actionId: string, from: string): string {
  const domain = addressOf(from).split('@').at(-1)!.trim().toLowerCase();
  const host = /^[a-z0-9.-]+$/.test(domain) ? domain : 'mail.invalid';
  return `<${createHash('sha256').update(actionId).digest('hex').slice(0, 40)}@${host}>`;
}

export interface SmtpFault {
  /** The server's three digits. */
  readonly responseCode?: number | undefined;
  /** nodemailer's word. */
  readonly code?: string | undefined;
  readonly response?: string | undefined;
  readonly message: string;
}

/** Replies that say something of the account and nothing of the mail: someone may mend it within the day. */
const ACCOUNT = new Set([432, 454, 530, 534, 535, 538]);

/** What an SMTP server means by a refusal: 4xx is "later", 5xx "never" (RFC 5321, 4.2.1); no reply at all is a server that is away. */
export function outcomeOfSmtpFault({ responseCode, code, response, message }: SmtpFault): AttemptOutcome {
  const detail = {
    ...(responseCode !== undefined && { status: responseCode }),
    ...(code !== undefined && { code }),
    message: shownText(response ?? message, 500),
  };
  if (code === 'EAUTH' || (responseCode !== undefined && ACCOUNT.has(responseCode)))
    return { kind: 'not_now', reason: 'credentials', detail };
  if (responseCode !== undefined && responseCode >= 500) return { kind: 'never', reason: 'refused', detail };
  if (code === 'EENVELOPE' && responseCode === undefined) return { kind: 'never', reason: 'invalid', detail };
  return { kind: 'not_now', reason: responseCode === undefined ? 'unreachable' : 'status', detail };
}
