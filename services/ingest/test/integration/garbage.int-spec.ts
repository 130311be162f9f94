import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { routes, type RouteContract } from '@trackline/contracts';
import { ADMIN_TOKEN, startHarness, type Harness, type Organization } from './harness.ts';

let door: Harness;
let org: Organization;
let contactId: string;
beforeAll(async () => {
  door = await startHarness();
  org = await door.organization();
  contactId = (await org.post('/v1/contacts', { externalId: 'someone' })).json.id;
}, 60_000);
afterAll(() => door?.stop(), 60_000);

const ours = routes.filter(({ service }) => service === 'ingest');
const withBody = ours.filter(({ body }) => body !== undefined);
const pathOf = (route: RouteContract): string => route.path.replaceAll(/:(\w+)/g, 'nobody');
const keyOf = ({ auth }: RouteContract): string => (auth === 'admin' ? ADMIN_TOKEN : org.key);
const named = (list: readonly RouteContract[]) =>
  list.map((route) => [`${route.method} ${route.path}`, route] as const);

interface Told {
  status: number;
  headers: Headers;
  text: string;
}

/** An answer that a person and a program can read, whatever was sent. */
function expectCommonForm(answer: Told, statuses: readonly number[]): void {
  const body = JSON.parse(answer.text) as Record<string, unknown>;
  expect({ status: answer.status, body }).toEqual({
    status: expect.toBeOneOf(statuses),
    body: expect.objectContaining({
      success: false,
      error: expect.stringMatching(/\S/),
      code: expect.stringMatching(/^[A-Z_]+$/),
      requestId: answer.headers.get('x-request-id'),
    }),
  });
}

expect.extend({
  toBeOneOf: (received: unknown, allowed: readonly unknown[]) => ({
    pass: allowed.includes(received),
    message: () => `${String(received)} is none of ${allowed.join(', ')}`,
  }),
});
declare module '@jest/expect' {
  interface AsymmetricMatchers {
    toBeOneOf(allowed: readonly unknown[]): unknown;
  }
}

const deep = (levels: number): string => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;
const bytes = (...parts: (string | number[])[]): Uint8Array =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from(part))));

const GARBAGE: readonly (readonly [what: string, body: string | Uint8Array, statuses: readonly number[]])[] =
  [
    ['nothing', '', [400]],
    ['white space', '  \n ', [400]],
    ['truncated JSON', '{"name":"a"', [400]],
    ['two values', '{} {}', [400]],
    ['a single quote', "{'name':1}", [400]],
    ['a number', '1', [400, 422]],
    ['a string', '"text"', [400, 422]],
    ['null', 'null', [400, 422]],
    ['a list', '[]', [400, 422]],
    ['a prototype key', '{"__proto__":{"name":"x"},"name":"x"}', [400]],
    ['an escaped prototype key', '{"\\u005f_proto_\\u005f":{"name":"x"}}', [400]],
    ['invalid UTF-8', bytes('{"name":"', [0xff, 0xfe, 0xc0], '"}'), [400]],
    ['a NUL byte', bytes('{"name":"a', [0], '"}'), [400]],
    ['100,000 levels', deep(100_000), [400, 422]],
    ['100,000 open lists', '['.repeat(100_000), [400]],
    ['10 MB', `{"name":"${'x'.repeat(10_000_000)}"}`, [413]],
  ];
/** Of which a field that the route does not know may be sent and ignored. */
const FIELDS: readonly (readonly [what: string, value: string])[] = [
  ['a NUL', '"a\\u0000b"'],
  ['half a surrogate pair', '"\\ud800"'],
  ['a number beyond all', '1e999'],
  ['a constructor', '{"constructor":{"prototype":{"x":1}}}'],
  ['70 levels', deep(70)],
];

describe.each(named(withBody))('%s', (_, route) => {
  const send = (body: string | Uint8Array, type = 'application/json') =>
    door.call(route.method, pathOf(route), { key: keyOf(route), body, headers: { 'content-type': type } });

  it.each(GARBAGE)('answers %s in the common form', async (_what, body, statuses) => {
    expectCommonForm(await send(body), statuses);
  });

  it.each(FIELDS)('never fails over a field that is %s', async (_what, value) => {
    const fields = [
      'name',
      'contactId',
      'contactEmail',
      'email',
      'properties',
      'into',
      'events',
      'contacts',
      'settings',
    ];
    for (const body of [
      ...fields.map((field) => `{"${field}":${value}}`),
      `{"events":[${value}]}`,
      `{"contacts":[${value}]}`,
    ]) {
      const answer = await send(body);
      expect([body, answer.status < 500, answer.json !== undefined]).toEqual([body, true, true]);
    }
  });

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonx',
    'nonsense',
  ])('answers content type %s with 415', async (type) =>
    expectCommonForm(await send('{"name":"x"}', type), [415]),
  );
});

describe.each(named(ours))('%s', (_, route) => {
  const send = (method: string, path: string) => door.call(method, path, { key: keyOf(route) });

  it('says which methods the address answers', async () => {
    const taken = ours.filter(({ path }) => path === route.path).map(({ method }) => String(method));
    const other = ['PUT', 'PATCH', 'DELETE'].find((method) => !taken.includes(method))!;
    const answer = await send(other, pathOf(route));
    expectCommonForm(answer, [405]);
    expect(answer.headers.get('allow')?.split(', ')).toContain(route.method);
  });

  it('is closed without a key, with a wrong one and with nonsense for one', async () => {
    // Who calls it is told by a token or a signature of its own.
    const closed = route.auth === 'public' ? [401, 403, 404] : [401];
    const asked = ['', 'Bearer', 'Bearer wrong', 'Basic eDp5', `Bearer ${'x'.repeat(5_000)}`, 'tl_live_x'];
    for (const authorization of asked) {
      const answer = await door.call(route.method, pathOf(route), {
        headers: authorization ? { authorization } : {},
      });
      expectCommonForm(answer, closed);
    }
  });

  it('answers nonsense in its query', async () => {
    const many = Array.from({ length: 1_000 }, (_value, n) => `limit=${n}`).join('&');
    for (const query of [
      '__proto__[a]=1&constructor=2',
      many,
      'limit=',
      'cursor=%00',
      'email=%ED%A0%80',
      'q=%25%5F',
      '&&&=&',
    ]) {
      const answer = await send(route.method, `${pathOf(route)}?${query}`);
      expect([query, answer.status < 500, answer.json !== undefined]).toEqual([query, true, true]);
    }
  });
});

describe('nonsense as a path', () => {
  it.each([
    ['%zz', [400]],
    ['v1/contacts/%', [400]],
    ['v1/contacts/%ff', [400, 404]],
    ['v1/contacts/%00', [404, 422]],
    ['v1/contacts/%ED%A0%80', [400, 404, 422]],
    ['v1/contacts/..%2f..%2fetc%2fpasswd', [404]],
    [`v1/contacts/${'x'.repeat(10_000)}`, [400, 404, 414]],
    ['v1//events', [404]],
    ['V1/EVENTS', [404]],
    ['v1/events/batch/x', [404]],
    ['nowhere', [404]],
    ['', [404]],
  ])('/%s', async (path, statuses) => {
    const response = await raw(
      `GET /${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${org.key}\r\nconnection: close\r\n\r\n`,
    );
    expectCommonForm(response, statuses);
  });
});

describe('nonsense instead of HTTP', () => {
  it.each([
    ['no HTTP at all', 'NONSENSE\r\n\r\n', [400]],
    ['a header of 40 KB', `GET / HTTP/1.1\r\nhost: a\r\nx: ${'y'.repeat(40_000)}\r\n\r\n`, [431]],
    ['a NUL in a header', 'GET / HTTP/1.1\r\nhost: a\r\nx: a\0b\r\n\r\n', [400]],
    [
      'two lengths',
      'POST /v1/events HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nx',
      [400],
    ],
    [
      'a length and chunks',
      'POST /v1/events HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
      [400],
    ],
  ])('%s', async (_, text, statuses) => expectCommonForm(await raw(text), statuses));

  it('survives a caller who leaves in the middle', async () => {
    for (let times = 0; times < 20; times += 1) {
      const socket = connect(Number(new URL(door.url).port), '127.0.0.1');
      socket.on('error', () => undefined);
      socket.write(
        `POST /v1/events HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${org.key}\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{"name":`,
        () => socket.destroy(),
      );
    }
    expect((await org.post('/v1/events', { name: 'still here', contactId })).status).toBe(200);
  });
});

it('is alive and ready after all of this', async () => {
  expect((await door.call('GET', '/health/ready')).status).toBe(200);
  const metrics = (await door.call('GET', '/metrics')).text;
  expect(metrics).not.toMatch(/http_request_duration_seconds_count\{[^}]*status="500"/);
});

/** Sends bytes that fetch would never send, and gives what came back. */
const raw = (text: string): Promise<Told> =>
  new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(door.url).port), '127.0.0.1', () => socket.write(text));
    let got = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => (got += chunk));
    socket.on('close', () => {
      const [head = '', body = ''] = got.split('\r\n\r\n');
      const [line = '', ...fields] = head.split('\r\n');
      const headers = new Headers(fields.map((field) => field.split(/: */, 2) as [string, string]));
      resolve({ status: Number(line.split(' ')[1]), headers, text: body });
    });
    socket.on('error', reject);
    setTimeout(() => socket.end(), 300);
  });
