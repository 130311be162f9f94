import { request, type Dispatcher } from 'undici';
import { AddressRefused } from '../../domain/address-refused.ts';
import { outcomeOfAnswer, type HttpAnswer } from '../../domain/http-answer.ts';
import type { AttemptOutcome } from '../../domain/outcome.ts';
import { shownText } from '../../domain/shown.ts';
import { isRedirect, redirected, toCall, type WebhookCall } from '../../domain/webhook-call.ts';
import { webhookHeaders } from '../../domain/webhook-signature.ts';
import type { Sender } from '../../ports.ts';
import { readBeginning } from './read-beginning.ts';

export interface WebhookSenderSettings {
  /** Connects to allowed addresses only. */
  readonly agent: Dispatcher;
  readonly allowHttp: boolean;
  /** For the whole of an attempt, redirects included. */
  readonly timeoutMs: number;
  readonly nowMs: () => number;
}

const MAX_REDIRECTS = 3;
const USER_AGENT = 'Trackline-Webhooks/1 (+https://www.standardwebhooks.com)';

export const webhookSender =
  (settings: WebhookSenderSettings): Sender =>
  async ({ action }, credentials) => {
    if (action.kind !== 'webhook') throw new Error(`A ${action.kind} is no webhook.`);
    const secret = credentials?.kind === 'webhook' ? credentials : undefined;
    const first = toCall(action.request, settings);
    if ('refused' in first) return invalid(first.refused);
    const own = {
      'user-agent': USER_AGENT,
      ...webhookHeaders(action.id, first.body ?? '', secret, settings.nowMs()),
    };
    const deadline = AbortSignal.timeout(settings.timeoutMs);
    let call: WebhookCall = first;
    for (let hop = 0; ; hop++) {
      const answer = await send(call, own, deadline, settings.agent);
      if ('kind' in answer) return answer;
      if (!isRedirect(answer.status)) return outcomeOfAnswer(answer, settings.nowMs());
      if (hop === MAX_REDIRECTS) return invalid(`More than ${MAX_REDIRECTS} redirects are not followed.`);
      const next = redirected(call, answer.status, answer.location, settings);
      if ('refused' in next) return invalid(next.refused, { status: answer.status });
      call = next;
    }
  };

const invalid = (message: string, more: object = {}): AttemptOutcome => ({
  kind: 'never',
  reason: 'invalid',
  detail: { ...more, message },
});

async function send(
  { url, method, headers, body }: WebhookCall,
  own: Readonly<Record<string, string>>,
  signal: AbortSignal,
  dispatcher: Dispatcher,
): Promise<(HttpAnswer & { readonly location: string | undefined }) | AttemptOutcome> {
  try {
    const answer = await request(url, {
      dispatcher,
      method,
      headers: { ...headers, ...own },
      body: body ?? null,
      signal,
    });
    return {
      status: answer.statusCode,
      location: textOf(answer.headers.location),
      retryAfter: textOf(answer.headers['retry-after']),
      body: await readBeginning(answer.body),
    };
  } catch (error) {
    return outcomeOfFault(error, url);
  }
}

const textOf = (header: string | string[] | undefined): string | undefined =>
  Array.isArray(header) ? header[0] : header;

/** Nobody answered. Only an address that is not called will never answer; the rest may be there the next time. */
function outcomeOfFault(error: unknown, { host }: URL): AttemptOutcome {
  if (error instanceof AddressRefused)
    return { kind: 'never', reason: 'address_refused', detail: { host, message: error.message } };
  const { name, code, message } = error as NodeJS.ErrnoException;
  const isLate = name === 'TimeoutError' || name === 'AbortError';
  return {
    kind: 'not_now',
    reason: isLate ? 'timeout' : 'unreachable',
    detail: {
      host,
      ...(code !== undefined && { code }),
      message: isLate ? 'No answer in time.' : shownText(message, 500),
    },
  };
}
