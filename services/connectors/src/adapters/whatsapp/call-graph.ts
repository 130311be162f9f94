import type { HttpAnswer } from '../../domain/http-answer.ts';
import type { AttemptOutcome } from '../../domain/outcome.ts';
import { shownText } from '../../domain/shown.ts';

export interface GraphSettings {
  /** https://graph.facebook.com */
  readonly url: string;
  /** `v24.0` */
  readonly version: string;
  readonly timeoutMs: number;
  readonly nowMs: () => number;
}

export interface GraphCall {
  /** Behind the version: `<id>/messages`. */
  readonly path: string;
  readonly accessToken: string;
  readonly body: object;
}

const MAX_ANSWER_BYTES = 65_536;

/**
 * One POST to Meta's Graph API, and what its answer comes to. The address is the operator's, so it is called as it is. The token goes
 * into a header and nowhere else: Meta repeats a token that it takes for malformed in its answer, where it is taken out.
 */
export async function callGraph(
  { url, version, timeoutMs, nowMs }: GraphSettings,
  { path, accessToken, body }: GraphCall,
  outcomeOf: (answer: HttpAnswer, nowMs: number) => AttemptOutcome,
): Promise<AttemptOutcome> {
  let answer: Response;
  try {
    answer = await fetch(`${url}/${version}/${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    });
  } catch (error) {
    return outcomeOfFault(error, accessToken);
  }
  const { status, headers } = answer;
  const retryAfter = headers.get('retry-after') ?? undefined;
  return outcomeOf({ status, retryAfter, body: without(accessToken, await bodyOf(answer)) }, nowMs());
}

const without = (secret: string, text: string): string => text.replaceAll(secret, '…');

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

function outcomeOfFault(error: unknown, accessToken: string): AttemptOutcome {
  const { name, cause } = error as Error & { cause?: NodeJS.ErrnoException };
  const isLate = name === 'TimeoutError';
  return {
    kind: 'not_now',
    reason: isLate ? 'timeout' : 'unreachable',
    detail: {
      ...(cause?.code !== undefined && { code: cause.code }),
      message: isLate
        ? 'No answer in time.'
        : shownText(without(accessToken, cause?.message ?? String(error)), 500),
    },
  };
}
