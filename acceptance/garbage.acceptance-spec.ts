import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { routes, type RouteContract } from '@trackline/contracts';
import {
  eventually,
  httpClient,
  stackFromEnv,
  type Answer,
  type Call,
  type RunningService,
} from '@trackline/testkit';
import { anOrganization } from './an-organization.ts';

const stack = stackFromEnv();
let keyed: Call;
let before: readonly RunningService[];

beforeAll(async () => {
  before = stackFromEnv().services;
  keyed = (await anOrganization()).call;
}, 15_000);

const admin = httpClient(stack.url, { key: stack.adminToken });
const callerOf = (route: RouteContract): Call => (route.auth === 'admin' ? admin : keyed);
const NOBODY = '0197f0e0-0000-7000-8000-000000000000';
/** A parameter that is one word of a few gets one of them: what is asked about is the rest of the request. */
const WORDS: Readonly<Record<string, string>> = { ':kind': 'email' };
const withParams = (route: RouteContract, value: string) =>
  route.path.replace(/:\w+/g, (name) => WORDS[name] ?? value);
/** Lists answer item by item. */
const ITEMWISE = new Set(['/v1/events/batch', '/v1/contacts/batch', '/v1/conversations']);

interface Garbage {
  readonly kind: string;
  readonly body: string | Uint8Array;
  readonly contentType?: string;
  readonly status: readonly number[];
}

const nested = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;
/** 404 and 409 are right too where what the path names is looked at first. */
const WRONG = [400, 404, 409, 422];

const BODIES: readonly Garbage[] = [
  { kind: 'truncated JSON', body: '{"name":"a","contactEmail":', status: [400] },
  { kind: 'no JSON at all', body: 'hello', status: [400] },
  { kind: 'nothing', body: '', status: [400] },
  {
    kind: 'invalid UTF-8',
    body: Uint8Array.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]),
    status: [400],
  },
  { kind: 'another content type', body: '<a/>', contentType: 'application/xml', status: [415] },
  { kind: 'a form', body: 'name=a', contentType: 'application/x-www-form-urlencoded', status: [415] },
  { kind: '10 MB', body: JSON.stringify({ name: 'x'.repeat(10 * 1024 * 1024) }), status: [413] },
  { kind: 'a key of prototypes', body: '{"name":"a","__proto__":{"admin":true}}', status: [400, 422] },
  { kind: 'the same, escaped', body: '{"name":"a","\\u005f_proto__":{"admin":true}}', status: [400, 422] },
  { kind: 'an array', body: '[]', status: WRONG },
  { kind: 'a text', body: '"name"', status: WRONG },
  { kind: 'null', body: 'null', status: WRONG },
  { kind: 'deep nesting', body: nested(100_000), status: WRONG },
  {
    kind: 'a NUL in a text',
    body: '{"name":"a\\u0000b","contactEmail":"a@b.de","externalId":"\\u0000"}',
    status: WRONG,
  },
  {
    kind: 'half a surrogate pair',
    body: '{"name":"\\ud800","externalId":"\\ud800","email":"\\ud800@b.de"}',
    status: WRONG,
  },
  {
    kind: 'a number past all bounds',
    body: '{"name":1e999,"email":1e999,"contacts":1e999,"monthlyLimit":1e999}',
    status: WRONG,
  },
];

/** Every field that the schema names, with a value of no type that any of them has. */
function wrongTypes(route: RouteContract): Garbage[] {
  const fields = Object.keys((route.body as { properties?: object } | undefined)?.properties ?? {});
  return [
    [{ no: 'such' }, 'objects'],
    [[[]], 'arrays'],
    [-1.5, 'numbers'],
    ['\u202e\uffff', 'odd texts'],
  ].map(([value, what]) => ({
    kind: `${what} in every field`,
    body: JSON.stringify(Object.fromEntries(fields.map((field) => [field, value]))),
    status: WRONG,
  }));
}

function expectCommonForm(answer: Answer<Record<string, unknown>>): void {
  expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
  expect(answer.headers.get('x-request-id')).toBe(answer.json.requestId);
  expect(answer.json).toMatchObject({
    success: false,
    error: expect.stringMatching(/\w/),
    code: expect.stringMatching(/^[A-Z_]+$/),
  });
  expect(answer.text).not.toMatch(/node_modules|at \w+ \(|SELECT |\.ts:\d/);
}

const named = routes
  .filter((route) => route.auth !== 'public')
  .map((route) => [`${route.method} ${route.path}`, route] as const);

describe('garbage', () => {
  it.each(named.filter(([, route]) => route.body))(
    'as the body of %s gets the right 4xx',
    async (_, route) => {
      for (const { kind, body, contentType, status } of [...BODIES, ...wrongTypes(route)]) {
        const answer = await callerOf(route)(route.method, withParams(route, NOBODY), {
          body,
          headers: { 'content-type': contentType ?? 'application/json' },
        });
        // A list of one wrong item is a right envelope: the item is answered for.
        if (answer.status === 200 && ITEMWISE.has(route.path)) {
          expect(answer.json).toMatchObject({
            success: false,
            processed: 0,
            results: [{ status: 'invalid' }],
          });
          continue;
        }
        if (!status.includes(answer.status)) {
          throw new Error(
            `${kind}: ${answer.status}, not ${status.join(' or ')}: ${answer.text.slice(0, 300)}`,
          );
        }
        expectCommonForm(answer);
      }
    },
    60_000,
  );

  it('as items of a batch is refused item by item, and stops no other', async () => {
    const tenant = await anOrganization();
    const { id, email } = await tenant.contact();
    const deep = JSON.parse(nested(30)) as unknown;
    const items = [
      ...[null, 1, true, 'x', [], {}, [[{}]]],
      { name: 'a\u0000', contactEmail: email },
      { name: 'a', contactEmail: email, properties: deep },
      { name: 'a', contactEmail: email, properties: { 'half\ud800': 1 } },
      { name: 'a', contactEmail: email, properties: { big: 'x'.repeat(70_000) } },
      { name: 'a', contactEmail: email, uniqueId: 'x'.repeat(300) },
      { name: 'a', contactEmail: email, occurredAt: '2199-01-01T00:00:00Z' },
      { name: 'a', contactId: 7 },
    ];
    const good = { name: 'good', contactEmail: email };
    const { status, json } = await tenant.call('POST', '/v1/events/batch', {
      body: { events: [good, ...items, good] },
    });
    expect(status).toBe(200);
    expect(json.processed).toBe(2);
    expect(json.results.slice(1, -1).map((result: { status: string }) => result.status)).toEqual(
      items.map(() => 'invalid'),
    );
    await eventually(async () => (await tenant.timeline(id)).length === 2);
  });

  it.each(named)('in the address of %s gets an answer and no 500', async (_, route) => {
    const call = callerOf(route);
    const values = [
      '%00',
      '%ff%fe',
      '..%2f..%2fetc',
      '%252e',
      '__proto__',
      'constructor',
      'x'.repeat(900),
      '%F0%9F%92%A9',
      "'%20OR%201=1--",
    ];
    const paths = route.path.includes(':')
      ? values.map((value) => withParams(route, value))
      : values.map(
          (value) =>
            `${route.path}?name=${value}&limit=${value}&cursor=${value}&from=${value}&status=${value}&name=2`,
        );
    for (const path of [...paths, `${withParams(route, NOBODY)}?${'a=b&'.repeat(500)}`]) {
      const answer = await call(route.method, path, { ...(route.body && { body: {} }) });
      if (answer.status >= 500) throw new Error(`${path}: ${answer.status} ${answer.text}`);
      if (answer.status >= 400) expectCommonForm(answer);
    }
  });

  it.each(named)('as the key of %s gets 401', async (_, route) => {
    for (const authorization of [
      undefined,
      'Bearer',
      'Bearer ',
      'Basic YTpi',
      `Bearer ${'x'.repeat(4_000)}`,
      'Bearer tl_live_',
      'bearer \u00ff',
    ]) {
      const open = httpClient(stack.url);
      const answer = await open(route.method, withParams(route, NOBODY), {
        ...(route.body && { body: {} }),
        ...(authorization !== undefined && { headers: { authorization } }),
      });
      expect({ authorization, status: answer.status }).toEqual({ authorization, status: 401 });
      expectCommonForm(answer);
    }
  });

  it('where there is no route, or another method, gets an answer in the common form too', async () => {
    for (const [method, path] of [
      ['GET', '/'],
      ['GET', '/v1'],
      ['POST', '/v2/events'],
      ['DELETE', '/v1/events'],
      ['PUT', '/v1/usage'],
      ['GET', '/v1/events/a/b/c'],
      ['GET', '/%'],
      ['GET', `/v1/${'x'.repeat(8_000)}`],
      ['OPTIONS', '/v1/events'],
    ] as const) {
      const answer = await keyed(method, path);
      if (answer.status < 400 || answer.status >= 500) throw new Error(`${method} ${path}: ${answer.status}`);
      expectCommonForm(answer);
    }
  });

  it('that is no HTTP gets 400, headers without end get 431', async () => {
    expect(await raw('HELLO\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 [^]*"success":false/);
    expect(await raw('POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-length: abc\r\n\r\n')).toMatch(
      /^HTTP\/1\.1 400 /,
    );
    expect(await raw(`GET / HTTP/1.1\r\nhost: x\r\na: ${'x'.repeat(100_000)}\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 431 [^]*"success":false/,
    );
  });
});

afterAll(async () => {
  const after = stackFromEnv().services;
  expect(after.map(({ instance, pid }) => ({ instance, pid }))).toEqual(
    before.map(({ instance, pid }) => ({ instance, pid })),
  );
  for (const { url } of after) expect((await fetch(new URL('/health/ready', url))).status).toBe(200);
});

/** What the one address answers to these bytes. */
function raw(bytes: string): Promise<string> {
  const { hostname, port } = new URL(stack.url);
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    socket.setTimeout(5_000, () => socket.destroy());
    socket.on('data', (chunk) => (answer += chunk.toString()));
    socket.on('close', () => resolve(answer));
    socket.on('error', (error) => (answer === '' ? reject(error) : resolve(answer)));
  });
}
