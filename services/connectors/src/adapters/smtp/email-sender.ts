import { createTransport } from 'nodemailer';
import { AddressRefused } from '../../domain/address-refused.ts';
import { messageIdOf, outcomeOfSmtpFault, type SmtpFault } from '../../domain/email.ts';
import type { AttemptOutcome } from '../../domain/outcome.ts';
import { shownText } from '../../domain/shown.ts';
import type { ResolveAllowed, Sender } from '../../ports.ts';

export interface EmailSenderSettings {
  /** The installation's own server, for organisations that have given none. It may be anywhere. */
  readonly smtpUrl?: string | undefined;
  readonly from?: string | undefined;
  /** For servers that organisations name. */
  readonly resolve: ResolveAllowed;
  readonly timeoutMs: number;
}

interface Server {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte; else by STARTTLS where the server offers it. */
  readonly secure: boolean;
  readonly auth?: { readonly user: string; readonly pass: string };
  /** Whose certificate is expected. */
  readonly name: string;
}

export const emailSender =
  ({ smtpUrl, from: ownFrom, resolve, timeoutMs }: EmailSenderSettings): Sender =>
  async ({ action }, credentials) => {
    if (action.kind !== 'email') throw new Error(`A ${action.kind} is no mail.`);
    const given = credentials?.kind === 'email' ? credentials : undefined;
    const { request } = action;
    // The installation's server vouches for its own domain: nobody's workflow speaks in another's name by it.
    const from = given ? (request.from ?? given.from) : ownFrom;
    if (from === undefined) return never('Nobody is named that the mail comes from.');
    const url = given?.smtpUrl ?? smtpUrl;
    if (url === undefined) throw new Error('There is no server for mails.');
    const messageId = messageIdOf(action.id, from);
    // nodemailer's limits are each for a part of the way; this ends the whole of it, and closes the connection.
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      const server = toServer(url);
      const address = given ? (await orAborted(resolve(server.host), signal))[0]!.address : server.host;
      const transport = transportTo({ ...server, host: address }, timeoutMs);
      try {
        const { response } = await transport.sendMail({
          messageId,
          from,
          // As an object, so that a comma in it cannot name a second one.
          to: { name: '', address: request.to },
          subject: request.subject,
          // For whoever reads what the mail provider reports: opens, clicks, bounces.
          headers: { 'X-Trackline-Action': action.id },
          ...(request.replyTo !== undefined && { replyTo: request.replyTo }),
          ...(request.html !== undefined && { html: request.html }),
          text: request.text ?? (request.html === undefined ? '' : undefined),
          signal,
        });
        return {
          kind: 'delivered',
          providerMessageId: messageId,
          detail: { response: shownText(response, 500) },
        };
      } finally {
        transport.close();
      }
    } catch (error) {
      if (error instanceof AddressRefused)
        return { kind: 'never', reason: 'address_refused', detail: { message: error.message } };
      return outcomeOfSmtpFault(signal.aborted ? LATE : (error as SmtpFault));
    }
  };

const LATE: SmtpFault = { code: 'ETIMEDOUT', message: 'No answer in time.' };

const never = (message: string): AttemptOutcome => ({
  kind: 'never',
  reason: 'invalid',
  detail: { message },
});

const SUBMISSION_PORT = 587;
const SUBMISSIONS_PORT = 465;

/** Only these parts of the URL count: what else nodemailer would take from one (a proxy, a log file) is not for others to set. */
function toServer(text: string): Server {
  const url = new URL(text);
  const secure = url.protocol === 'smtps:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return {
    host,
    name: host,
    port: Number(url.port) || (secure ? SUBMISSIONS_PORT : SUBMISSION_PORT),
    secure,
    ...(url.username !== '' && {
      auth: { user: decodeURIComponent(url.username), pass: decodeURIComponent(url.password) },
    }),
  };
}

const transportTo = ({ name, ...server }: Server, timeoutMs: number) =>
  createTransport({
    ...server,
    tls: { servername: name },
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  });

/** What goes on after that changes nothing: nobody waits for the addresses. */
function orAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    work.then(resolve, reject);
  });
}
