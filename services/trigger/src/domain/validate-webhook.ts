import { MAX_PROPERTIES_BYTES, MAX_WEBHOOK_HEADERS, storableIssue } from '@trackline/contracts';
import { isRecord, type Place } from './validation-issues.ts';

/** Where it goes is written out, up to the path: no value decides whom we call. */
const ADDRESS = /^https?:\/\/[^\s/?#{}\\@]+(?=[/?#]|$)/i;

const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/;

/** Those of the connection, and those of https://www.standardwebhooks.com, by which we sign. */
const OURS = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'webhook-id',
  'webhook-signature',
  'webhook-timestamp',
]);

export function checkWebhook(config: Record<string, unknown>, place: Place): void {
  const { path, tell } = place;
  const { url, method, body } = config;
  if (typeof url === 'string' && !(ADDRESS.test(url) && isUrl(url))) {
    tell(
      `${path}/url`,
      'The url is absolute, http or https, without a user, and its host is written out: {{placeholders}} may stand behind it.',
    );
  }
  checkHeaders(config.headers, { path: `${path}/headers`, tell });
  if (body === undefined) return;
  if (method === 'GET') tell(`${path}/body`, 'A GET has no body.');
  if (typeof body !== 'string' && (typeof body !== 'object' || body === null))
    return tell(`${path}/body`, 'A body is an object, a list or text.');
  const unstorable = storableIssue(body, `${path}/body`);
  if (unstorable) return tell(unstorable.path, unstorable.message);
  if (Buffer.byteLength(JSON.stringify(body)) > MAX_PROPERTIES_BYTES)
    tell(`${path}/body`, `The body is larger than ${MAX_PROPERTIES_BYTES / 1024} KB as JSON.`);
}

function isUrl(template: string): boolean {
  return URL.canParse(template.replace(/\{\{[^{}]*\}\}/g, 'x'));
}

function checkHeaders(headers: unknown, { path, tell }: Place): void {
  if (!isRecord(headers)) return;
  const names = Object.keys(headers);
  if (names.length > MAX_WEBHOOK_HEADERS)
    tell(path, `There are ${names.length} headers; ${MAX_WEBHOOK_HEADERS} is the most.`);
  const seen = new Set<string>();
  for (const name of names) {
    const plain = name.toLowerCase();
    const at = `${path}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    if (!HEADER_NAME.test(name)) tell(at, 'This is no name of a header.');
    else if (OURS.has(plain) || plain.startsWith('proxy-'))
      tell(at, `The header "${plain}" is not yours to set.`);
    else if (seen.has(plain)) tell(at, `The header "${plain}" is there twice.`);
    seen.add(plain);
  }
}
