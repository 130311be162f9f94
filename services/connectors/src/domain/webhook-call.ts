import type { WebhookRequest } from '@trackline/contracts';

/** Ours to set, or of the connection and not of the request. */
const NOT_THEIRS = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'webhook-id',
  'webhook-signature',
  'webhook-timestamp',
]);
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]{0,8192}$/;
const MAX_HEADERS = 64;

/** One request on the way to a destination. */
export interface WebhookCall {
  readonly url: URL;
  readonly method: WebhookRequest['method'];
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export type CallRefused = { readonly refused: string };

/** The address, if it may be called: schemes and names only, numbers are looked at once they are resolved. */
export function callableUrl(text: string, { allowHttp }: { allowHttp: boolean }): URL | CallRefused {
  if (!URL.canParse(text)) return { refused: 'This is no URL.' };
  const url = new URL(text);
  if (url.protocol !== 'https:' && !(allowHttp && url.protocol === 'http:'))
    return { refused: allowHttp ? 'Only http and https are called.' : 'Only https is called.' };
  if (url.username !== '' || url.password !== '')
    return { refused: 'A URL with a user or password in it is not called: use a header.' };
  if (url.hostname === '') return { refused: 'The URL has no host.' };
  url.hash = '';
  return url;
}

/** What the workflow asks for, with what is refused of it left out, or why it cannot be sent at all. */
export function toCall(
  { url: text, method, headers, body }: WebhookRequest,
  policy: { allowHttp: boolean },
): WebhookCall | CallRefused {
  const url = callableUrl(text, policy);
  if ('refused' in url) return url;
  const own = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value.trim()] as const);
  if (own.length > MAX_HEADERS) return { refused: `More than ${MAX_HEADERS} headers are not sent.` };
  const wrong = own.find(([name, value]) => !NAME.test(name) || !VALUE.test(value));
  if (wrong) return { refused: `The header ${JSON.stringify(wrong[0].slice(0, 100))} cannot be sent.` };
  const sendsBody = body !== undefined && method !== 'GET';
  return {
    url,
    method,
    headers: {
      ...(sendsBody && { 'content-type': 'application/json' }),
      ...Object.fromEntries(own.filter(([name]) => !NOT_THEIRS.has(name))),
    },
    ...(sendsBody && { body }),
  };
}

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

export const isRedirect = (status: number): boolean => REDIRECTS.has(status);

/**
 * The call that a redirect asks for. 307 and 308 keep method and body; the others mean "fetch that one with GET", which would
 * report something as delivered that was never sent, so only a GET follows them.
 */
export function redirected(
  call: WebhookCall,
  status: number,
  location: string | undefined,
  policy: { allowHttp: boolean },
): WebhookCall | CallRefused {
  if (location === undefined || !URL.canParse(location, call.url.href))
    return { refused: `Answered ${status} without an address to go to.` };
  if (status < 307 && call.method !== 'GET')
    return { refused: `Answered ${status}: a ${call.method} follows 307 and 308 only.` };
  const url = callableUrl(new URL(location, call.url.href).href, policy);
  if ('refused' in url) return url;
  if (call.url.protocol === 'https:' && url.protocol === 'http:')
    return { refused: 'A redirect from https to http is not followed.' };
  return { ...call, url, headers: url.origin === call.url.origin ? call.headers : headersForAnyone(call) };
}

/** Any header can hold a secret (`X-Auth-Token`, `apikey`), written for the origin that the workflow names: another learns the form of the body. */
const headersForAnyone = ({ headers }: WebhookCall): WebhookCall['headers'] =>
  headers['content-type'] === undefined ? {} : { 'content-type': headers['content-type'] };
