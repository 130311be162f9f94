import type { AttemptOutcome } from '../../domain/outcome.ts';
import { shownText } from '../../domain/shown.ts';
import { outcomeOfGraph, senderOf, toMessage } from '../../domain/whatsapp.ts';
import type { Sender } from '../../ports.ts';

export interface WhatsappSenderSettings {
  /** https://graph.facebook.com */
  readonly url: string;
  /** `v24.0` */
  readonly version: string;
  readonly timeoutMs: number;
  readonly nowMs: () => number;
}

const MAX_ANSWER_BYTES = 65_536;

/** One messages call of the Cloud API. The address is the operator's, so it is called as it is. */
export const whatsappSender =
  ({ url, version, timeoutMs, nowMs }: WhatsappSenderSettings): Sender =>
  async ({ action }, credentials) => {
    if (action.kind !== 'whatsapp' || credentials?.kind !== 'whatsapp')
      throw new Error('A WhatsApp message needs credentials for it.');
    const sender = senderOf(action.request, credentials.phoneNumberId);
    if (sender === undefined) return never('The id of the number that sends is not made of digits.');
    const message = toMessage(action.id, action.request);
    if (!message) return never('A message needs a body or a template.');
    let answer: Response;
    try {
      answer = await fetch(`${url}/${version}/${sender}/messages`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${credentials.accessToken}`,
          'content-type': 'application/json',
        },
        body: JSON.stringify(message),
        redirect: 'manual',
        signal: AbortSignal.timeout(timeoutMs),
      });
    } catch (error) {
      return outcomeOfFault(error);
    }
    const { status, headers } = answer;
    const retryAfter = headers.get('retry-after') ?? undefined;
    return outcomeOfGraph({ status, retryAfter, body: await bodyOf(answer) }, nowMs());
  };

const never = (message: string): AttemptOutcome => ({
  kind: 'never',
  reason: 'invalid',
  detail: { message },
});

/** A body that breaks off is no reason to send the message again: the status has been said. */
async function bodyOf({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of body ?? []) {
      chunks.push(chunk as Uint8Array);
      size += (chunk as Uint8Array).length;
      if (size > MAX_ANSWER_BYTES) break;
    }
  } catch {
    // The deadline, or the connection.
  }
  return Buffer.concat(chunks).toString('utf8');
}

function outcomeOfFault(error: unknown): AttemptOutcome {
  const { name, cause } = error as Error & { cause?: NodeJS.ErrnoException };
  const isLate = name === 'TimeoutError';
  return {
    kind: 'not_now',
    reason: isLate ? 'timeout' : 'unreachable',
    detail: {
      ...(cause?.code !== undefined && { code: cause.code }),
      message: isLate ? 'No answer in time.' : shownText(cause?.message ?? String(error), 500),
    },
  };
}
