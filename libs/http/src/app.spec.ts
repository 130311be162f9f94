import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Body, Controller, Module, Query, Res } from '@nestjs/common';
import { Type } from '@sinclair/typebox';
import type { FastifyReply } from 'fastify';
import { defineRoute, Problem } from '@trackline/contracts';
import { createLogger } from '@trackline/observability';
import { Answer, createHttpApp, Route, type HttpApp } from './index.ts';

const shared = { service: 'ingest', auth: 'public', tag: 'Test', summary: 'x', errors: [] } as const;
const echo = defineRoute({
  ...shared,
  id: 'echo',
  method: 'POST',
  path: '/v1/echo',
  body: Type.Object({ name: Type.String() }),
  responses: { 201: { description: 'x' } },
});
const find = defineRoute({
  ...shared,
  id: 'find',
  method: 'GET',
  path: '/v1/find',
  query: Type.Object({ q: Type.Optional(Type.String()) }),
  responses: { 200: { description: 'x' } },
});
const crash = defineRoute({
  ...shared,
  id: 'crash',
  method: 'GET',
  path: '/v1/crash',
  responses: { 200: { description: 'x' } },
});
const full = defineRoute({
  ...shared,
  id: 'full',
  method: 'GET',
  path: '/v1/full',
  responses: { 200: { description: 'x' } },
});
const teapot = defineRoute({
  ...shared,
  id: 'teapot',
  method: 'GET',
  path: '/v1/answer',
  responses: { 200: { description: 'x' } },
});

const parts = defineRoute({
  ...shared,
  id: 'parts',
  method: 'GET',
  path: '/v1/things/:thing/parts',
  params: Type.Object({ thing: Type.String() }),
  responses: { 200: { description: 'x' } },
});

const slow = defineRoute({
  ...shared,
  id: 'slow',
  method: 'GET',
  path: '/v1/slow',
  responses: { 200: { description: 'x' } },
});

@Controller()
class Door {
  @Route(slow)
  slow() {
    return new Promise((resolve) => setTimeout(resolve, 200, { done: true }));
  }

  @Route(parts)
  parts() {
    return [];
  }

  @Route(echo)
  echo(@Body() body: { name: string }) {
    return body;
  }

  @Route(find)
  find(@Query() query: { q?: string }) {
    return query;
  }

  @Route(crash)
  crash() {
    throw new Error('the secret is 42');
  }

  @Route(full)
  full() {
    throw new Problem('EVENT_LIMIT_EXCEEDED', 'The plan is used up.', {
      error: 'event_limit_exceeded',
      headers: { 'x-event-exceeded': 'true' },
      extra: { current: 5 },
    });
  }

  @Route(teapot)
  answer(@Res({ passthrough: true }) reply: FastifyReply) {
    return new Answer(202, { status: 'accepted' }, { 'x-a': 'b' }).on(reply);
  }
}

@Module({ controllers: [Door] })
class DoorModule {}

let app: HttpApp;
let url: string;

beforeAll(async () => {
  app = await createHttpApp(DoorModule, {
    logger: createLogger({ service: 'test', instance: 'test', level: 'silent' }),
    beforeBody: async (request, _reply, contract) => {
      if (request.headers['x-refuse']) throw new Problem('FORBIDDEN', `Not ${contract.id}.`);
    },
  });
  await app.listen(0, '127.0.0.1');
  url = await app.getUrl();
});
afterAll(() => app.close());

async function call(path: string, init: RequestInit = {}) {
  const response = await fetch(url + path, init);
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: JSON.parse(text) as Record<string, unknown>,
  };
}
const post = (body: string | Buffer, type = 'application/json') =>
  call('/v1/echo', {
    method: 'POST',
    body: typeof body === 'string' ? body : new Uint8Array(body),
    headers: { 'content-type': type },
  });

/** Sends bytes that fetch would never send, and gives what came back. */
const raw = (bytes: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.write(bytes));
    let got = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => (got += chunk));
    socket.on('close', () => resolve(got)).on('error', reject);
    setTimeout(() => socket.end(), 300);
  });

describe('the HTTP door', () => {
  it('answers as the contract says, with or without a trailing slash', async () => {
    for (const path of ['/v1/echo', '/v1/echo/']) {
      const answer = await call(path, {
        method: 'POST',
        body: '{"name":"a"}',
        headers: { 'content-type': 'application/json' },
      });
      expect([answer.status, answer.body]).toEqual([201, { name: 'a' }]);
    }
    const answer = await call('/v1/answer');
    expect([answer.status, answer.headers.get('x-a'), answer.body]).toEqual([
      202,
      'b',
      { status: 'accepted' },
    ]);
  });

  it('gives a request id back, its own when the given one is no good', async () => {
    const given = await call('/v1/find', { headers: { 'x-request-id': 'abc-1' } });
    expect(given.headers.get('x-request-id')).toBe('abc-1');
    const own = await call('/v1/find', { headers: { 'x-request-id': 'a b' } });
    expect(own.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });

  it.each([
    ['truncated JSON', () => post('{"name":'), 400, 'MALFORMED_REQUEST'],
    ['no body', () => post(''), 400, 'MALFORMED_REQUEST'],
    [
      'invalid UTF-8',
      () => post(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])),
      400,
      'MALFORMED_REQUEST',
    ],
    ['a prototype key', () => post('{"name":"a","__proto__":{"x":1}}'), 400, 'MALFORMED_REQUEST'],
    [
      'an escaped prototype key',
      () => post('{"name":"a","\\u005f_proto__":{"x":1}}'),
      400,
      'MALFORMED_REQUEST',
    ],
    ['another content type', () => post('<a/>', 'text/xml'), 415, 'UNSUPPORTED_MEDIA_TYPE'],
    [
      'a compressed body',
      () =>
        call('/v1/echo', {
          method: 'POST',
          body: new Uint8Array(gzipSync('{"name":"a"}')),
          headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
        }),
      415,
      'UNSUPPORTED_MEDIA_TYPE',
    ],
    ['10 MB', () => post(JSON.stringify({ name: 'x'.repeat(10_000_000) })), 413, 'PAYLOAD_TOO_LARGE'],
    ['a wrong type', () => post('{"name":1}'), 422, 'VALIDATION_FAILED'],
    ['an array', () => post('[]'), 422, 'VALIDATION_FAILED'],
    ['a NUL', () => post('{"name":"a\\u0000"}'), 422, 'VALIDATION_FAILED'],
    [
      'a hundred thousand levels',
      () => post(`{"name":"a","x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`),
      422,
      'VALIDATION_FAILED',
    ],
    ['a doubled query parameter', () => call('/v1/find?q=a&q=b'), 422, 'VALIDATION_FAILED'],
    ['an unknown address', () => call('/nowhere'), 404, 'NOT_FOUND'],
    ['an id that nothing can have', () => call('/v1/things/a%00b/parts'), 404, 'NOT_FOUND'],
    ['a wrong method', () => call('/v1/echo', { method: 'DELETE' }), 405, 'METHOD_NOT_ALLOWED'],
    ['a broken URL', () => call('/v1/%zz'), 400, 'MALFORMED_REQUEST'],
  ] as const)('answers %s in the common form', async (_, send, status, code) => {
    const answer = await send();
    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject({
      success: false,
      code,
      error: expect.any(String),
      requestId: answer.headers.get('x-request-id'),
    });
  });

  it('names the methods that an address answers', async () => {
    const answer = await call('/v1/things/4711/parts/', { method: 'DELETE' });
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    expect((await call('/v1/things/4711/parts/x')).status).toBe(404);
  });

  it('refuses before it reads the body', async () => {
    const answer = await call('/v1/echo', {
      method: 'POST',
      body: '{"name":',
      headers: { 'content-type': 'application/json', 'x-refuse': 'yes' },
    });
    expect([answer.status, answer.body.code]).toEqual([403, 'FORBIDDEN']);
    expect(answer.headers.get('x-request-id')).toBe(answer.body.requestId);
  });

  it('tells nothing of a crash but its request id', async () => {
    const answer = await call('/v1/crash');
    expect(answer.status).toBe(500);
    expect(answer.body.code).toBe('INTERNAL_ERROR');
    expect(JSON.stringify(answer.body)).not.toContain('42');
  });

  it('carries the headers and fields of a problem', async () => {
    const answer = await call('/v1/full');
    expect(answer.status).toBe(429);
    expect(answer.headers.get('x-event-exceeded')).toBe('true');
    expect(answer.body).toMatchObject({
      error: 'event_limit_exceeded',
      message: 'The plan is used up.',
      current: 5,
    });
  });

  it('answers bytes that are no HTTP, and headers without end, in the common form', async () => {
    for (const [bytes, status] of [
      ['NONSENSE\r\n\r\n', 400],
      [`GET / HTTP/1.1\r\nhost: a\r\nx: ${'y'.repeat(40_000)}\r\n\r\n`, 431],
    ] as const) {
      const [head, body] = (await raw(bytes)).split('\r\n\r\n') as [string, string];
      expect(head).toContain(`HTTP/1.1 ${status}`);
      expect(JSON.parse(body)).toMatchObject({ success: false, error: expect.any(String) });
    }
  });
});

describe('a request that trickles in', () => {
  it('gets 408 when its time is over, and its connection is closed', async () => {
    const impatient = await createHttpApp(DoorModule, {
      logger: createLogger({ service: 'test', instance: 'test', level: 'silent' }),
      requestTimeoutMs: 200,
    });
    await impatient.listen(0, '127.0.0.1');
    try {
      const port = Number(new URL(await impatient.getUrl()).port);
      const socket = connect(port, '127.0.0.1');
      socket.write(
        'POST /v1/echo HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 50\r\n\r\n{',
      );
      const told = await new Promise<string>((resolve) => {
        let text = '';
        socket.on('data', (bytes) => (text += bytes.toString()));
        socket.on('close', () => resolve(text));
      });
      expect(told).toContain('HTTP/1.1 408');
      expect(JSON.parse(told.split('\r\n\r\n')[1]!)).toMatchObject({ code: 'REQUEST_TIMEOUT' });
    } finally {
      await impatient.close();
    }
  });
});

describe('draining', () => {
  it('answers what is under way and does not wait for its connection to be given up', async () => {
    const draining = await createHttpApp(DoorModule, {
      logger: createLogger({ service: 'test', instance: 'test', level: 'silent' }),
    });
    await draining.listen(0, '127.0.0.1');
    const slow = fetch(`${await draining.getUrl()}/v1/slow`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const startedAt = Date.now();
    await draining.close();
    expect((await slow).headers.get('connection')).toBe('close');
    expect(Date.now() - startedAt).toBeLessThan(2_000);
  });
});
