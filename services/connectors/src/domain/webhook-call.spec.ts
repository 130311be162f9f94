import { describe, expect, it } from '@jest/globals';
import { callableUrl, redirected, toCall, type WebhookCall } from './webhook-call.ts';

const strict = { allowHttp: false };
const open = { allowHttp: true };
const call = toCall(
  {
    url: 'https://a.example/hook',
    method: 'POST',
    headers: { Authorization: 'Bearer t', 'X-Own': '1' },
    body: '{}',
  },
  strict,
) as WebhookCall;

describe('the address of a webhook', () => {
  it.each([
    'ftp://a.example/',
    'file:///etc/passwd',
    'gopher://a.example/',
    'data:text/plain,x',
    'javascript:alert(1)',
    'unix:/var/run/docker.sock',
    '//a.example/',
    '/hook',
    '',
    'https://',
    'https://user@a.example/',
    'https://user:password@a.example/',
    'https://:password@a.example/',
    'http://a.example/',
  ])('%j is refused', (url) => expect(callableUrl(url, strict)).toHaveProperty('refused'));

  it('may be http where the operator allows it', () => {
    expect(callableUrl('http://a.example/x#y', open)).toMatchObject({ href: 'http://a.example/x' });
    expect(callableUrl('ftp://a.example/', open)).toHaveProperty('refused');
  });

  it.each([
    ['https://127.1/', '127.0.0.1'],
    ['https://2130706433/', '127.0.0.1'],
    ['https://0x7f000001/', '127.0.0.1'],
    ['https://0177.0.0.1/', '127.0.0.1'],
    ['https://①②⑦.0.0.1/', '127.0.0.1'],
    ['https://[::ffff:127.0.0.1]/', '[::ffff:7f00:1]'],
  ])('%s means %s, and is looked at as that', (url, host) =>
    expect(callableUrl(url, strict)).toMatchObject({ hostname: host }),
  );
});

describe('a webhook call', () => {
  it('carries the headers of the workflow, but none that are ours or of the connection', () => {
    const sent = toCall(
      {
        url: 'https://a.example/',
        method: 'PUT',
        headers: {
          'Content-Type': 'text/plain',
          Host: 'b.example',
          'Content-Length': '9',
          'Transfer-Encoding': 'chunked',
          'Webhook-Signature': 'v1,x',
          'X-Own': ' 1 ',
        },
        body: 'x',
      },
      strict,
    );
    expect(sent).toMatchObject({ headers: { 'content-type': 'text/plain', 'x-own': '1' }, body: 'x' });
    expect(Object.keys((sent as WebhookCall).headers)).toEqual(['content-type', 'x-own']);
  });

  const unsendable: readonly Record<string, string>[] = [
    { 'a b': '1' },
    { 'a\r\nhost': '1' },
    { a: '1\r\nHost: x' },
    { a: '✓' },
    { '': '1' },
  ];
  it.each(unsendable)('with the header %j is refused', (headers) =>
    expect(toCall({ url: 'https://a.example', method: 'GET', headers }, strict)).toHaveProperty('refused'),
  );

  it('of GET has no body', () => {
    const get = toCall({ url: 'https://a.example', method: 'GET', headers: {}, body: 'x' }, strict);
    expect(get).not.toHaveProperty('body');
  });
});

describe('a redirect', () => {
  it('by 307 or 308 keeps method, body and, within the origin, all headers', () => {
    for (const status of [307, 308])
      expect(redirected(call, status, '/moved', strict)).toMatchObject({
        url: new URL('https://a.example/moved'),
        method: 'POST',
        body: '{}',
        headers: { authorization: 'Bearer t', 'x-own': '1' },
      });
  });

  it('to another origin leaves all headers of the workflow behind: any of them can be a credential', () => {
    const next = redirected(call, 307, 'https://b.example/', strict) as WebhookCall;
    expect(next.headers).toEqual({ 'content-type': 'application/json' });
  });

  it.each([301, 302, 303])('by %i is followed by a GET alone', (status) => {
    expect(redirected(call, status, '/x', strict)).toHaveProperty('refused');
    expect(redirected({ ...call, method: 'GET' }, status, '/x', strict)).toMatchObject({ method: 'GET' });
  });

  it.each([undefined, 'http://[', 'ftp://a.example/', 'https://me:pw@a.example/', 'http://a.example/'])(
    'to %j is refused',
    (location) => expect(redirected(call, 307, location, strict)).toHaveProperty('refused'),
  );

  it('from https to http is refused even where http is allowed', () => {
    expect(redirected(call, 307, 'http://a.example/', open)).toHaveProperty('refused');
  });
});
