import { createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { FastifyInstance } from 'fastify';
import type { ServiceName } from '../services.ts';
import { BODY_LIMIT_BYTES } from './body.ts';
import { createGateway } from './server.ts';
import { Upstreams } from './upstreams.ts';

const ROUTES = [
  { method: 'POST', path: '/v1/events', service: 'ingest' },
  { method: 'POST', path: '/v1/events/batch', service: 'ingest' },
  { method: 'GET', path: '/v1/events/:id', service: 'timeline' },
  { method: 'GET', path: '/v1/contacts/:id', service: 'ingest' },
  { method: 'GET', path: '/v1/contacts/:id/events', service: 'timeline' },
  { method: 'GET', path: '/v1/usage', service: 'dedup-meter' },
  { method: 'DELETE', path: '/v1/contacts/:id', service: 'ingest' },
] as const;

interface Upstream {
  readonly url: string;
  readonly server: Server;
  readonly requests: { method: string; url: string; headers: IncomingMessage['headers']; body: string }[];
}

const cleanups: (() => Promise<unknown> | void)[] = [];

/** A service that tells who it is, and remembers what it was asked. */
async function upstream(name: string, status = 200): Promise<Upstream> {
  const requests: Upstream['requests'] = [];
  const server = createServer((request, response) => {
    void text(request)
      .then((body) => {
        requests.push({ method: request.method!, url: request.url!, headers: request.headers, body });
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ name }));
      })
      .catch(() => response.destroy());
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server, requests };
}

async function gatewayTo(
  urls: Partial<Record<ServiceName, string[]>>,
): Promise<{ url: string; app: FastifyInstance }> {
  const upstreams = new Upstreams(new Map(Object.entries(urls) as [ServiceName, string[]][]));
  const app = await createGateway({ routes: ROUTES, upstreams, logLevel: 'silent' });
  const url = await app.listen({ port: 0, host: '127.0.0.1' });
  cleanups.push(() => {
    app.server.closeAllConnections();
    return app.close();
  });
  return { url, app };
}

const AWAY = 'http://127.0.0.1:9';

describe('the gateway', () => {
  let ingest: Upstream;
  let timeline: Upstream;
  let url: string;

  beforeEach(async () => {
    [ingest, timeline] = await Promise.all([upstream('ingest'), upstream('timeline')]);
    ({ url } = await gatewayTo({ ingest: [ingest.url], timeline: [timeline.url], 'dedup-meter': [AWAY] }));
  });

  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  it.each([
    ['POST', '/v1/events', 'ingest'],
    ['POST', '/v1/events/', 'ingest'],
    ['POST', '/v1/events/batch', 'ingest'],
    ['GET', '/v1/events/0199aa', 'timeline'],
    ['GET', '/v1/contacts/ada%40example.com', 'ingest'],
    ['GET', '/v1/contacts/ada%40example.com/events?limit=2', 'timeline'],
    ['GET', `/v1/contacts/${'a'.repeat(300)}`, 'ingest'],
    ['GET', '/openapi.json', 'ingest'],
    ['GET', '/docs/', 'ingest'],
    ['GET', '/docs/page.js', 'ingest'],
    ['POST', '/webhooks/whatsapp/c1', 'ingest'],
  ])('takes %s %s to %s', async (method, path, service) => {
    const response = await fetch(url + path, { method, ...(method === 'POST' && { body: '{}' }) });
    expect(await response.json()).toEqual({ name: service });
    const asked = (service === 'ingest' ? ingest : timeline).requests;
    expect(asked.map((request) => request.url)).toEqual([path]);
  });

  it('passes the body and the headers on as they came', async () => {
    const body = '{ "name":"é", broken';
    await fetch(`${url}/v1/events`, {
      method: 'POST',
      body,
      headers: {
        authorization: 'Bearer tl_live_x',
        'content-type': 'application/json',
        'x-request-id': 'r-1',
      },
    });
    const { headers, body: arrived } = ingest.requests[0]!;
    expect(arrived).toBe(body);
    expect(headers).toMatchObject({
      authorization: 'Bearer tl_live_x',
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(body)),
      'x-request-id': 'r-1',
      'x-forwarded-for': '127.0.0.1',
    });
  });

  it('takes a body that is announced with Expect, as curl does for large ones', async () => {
    const body = 'x'.repeat(2_000_000);
    const status = await new Promise((settle, fail) => {
      const asked = httpRequest(`${url}/v1/events`, {
        method: 'POST',
        headers: { expect: '100-continue', 'content-length': body.length },
      });
      asked.once('continue', () => asked.end(body));
      asked.once('response', (response) => settle(response.statusCode));
      asked.once('error', fail);
    });
    expect(status).toBe(200);
    expect(ingest.requests[0]!.body).toHaveLength(body.length);
  });

  it('forwards a GET that carries a body without it', async () => {
    const status = await new Promise((settle, fail) => {
      const asked = httpRequest(`${url}/v1/events/1`, { method: 'GET', headers: { 'content-length': 2 } });
      asked.once('response', (response) => settle(response.statusCode));
      asked.once('error', fail);
      asked.end('{}');
    });
    expect(status).toBe(200);
  });

  it.each([
    ['GET', '/nothing'],
    ['GET', '/v1/contacts/..%2f..%2fadmin/x'],
  ])('answers %s %s with 404 in the common form', async (method, path) => {
    const response = await fetch(url + path, { method });
    expect(response.status).toBe(404);
    const requestId = response.headers.get('x-request-id');
    expect(requestId).toMatch(/^[\da-f-]{36}$/);
    expect(await response.json()).toEqual({
      success: false,
      error: `There is nothing at ${method} ${path}.`,
      code: 'NOT_FOUND',
      requestId,
    });
  });

  it('says which methods an address answers', async () => {
    const response = await fetch(`${url}/v1/contacts/1`, { method: 'PATCH' });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, DELETE']);
    expect(await response.json()).toMatchObject({
      success: false,
      code: 'METHOD_NOT_ALLOWED',
      error: 'This address answers GET, DELETE, not PATCH.',
    });
  });

  it('answers a broken URL with 400 in the common form', async () => {
    const answered = await raw(url, 'GET /v1/contacts/%zz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
    expect(answered).toMatch(/^HTTP\/1.1 400 /);
    expect(answered).toMatch(/"success":false.*"code":"MALFORMED_REQUEST"/);
  });

  it('answers what is no HTTP at all with 400 in the common form', async () => {
    const answered = await raw(url, 'hello\r\n\r\n');
    expect(answered).toMatch(/^HTTP\/1.1 400 /);
    expect(answered).toMatch(/"success":false.*"code":"MALFORMED_REQUEST"/);
  });

  it('answers headers that are too large with 431 in the common form', async () => {
    const answered = await raw(url, `GET /v1/usage HTTP/1.1\r\nhost: x\r\na: ${'x'.repeat(20_000)}\r\n\r\n`);
    expect(answered).toMatch(/^HTTP\/1.1 431 /);
    expect(answered).toMatch(/"code":"HEADERS_TOO_LARGE"/);
  });

  it('answers 503 with Retry-After for a service that is away', async () => {
    for (let time = 0; time < 2; time += 1) {
      const response = await fetch(`${url}/v1/usage`);
      expect(response.status).toBe(503);
      expect(response.headers.get('retry-after')).toBe('1');
      expect(await response.json()).toMatchObject({
        success: false,
        code: 'UNAVAILABLE',
        error: expect.any(String),
      });
    }
  });

  it.each([
    ['in one piece', '{}'],
    ['that is streamed', 'x'.repeat(1_000_000)],
  ])('answers 503 to a body %s when nobody is there to take it', async (_how, body) => {
    const { url: other } = await gatewayTo({ ingest: [AWAY] });
    const response = await fetch(`${other}/v1/events`, { method: 'POST', body });
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('answers 503 once, and does not ask again, when a service goes away in the middle of a request', async () => {
    let asked = 0;
    ingest.server.removeAllListeners('request').on('request', (request: IncomingMessage) => {
      asked += 1;
      request.socket.destroy();
    });
    const response = await fetch(`${url}/v1/events`, { method: 'POST', body: '{}' });
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ code: 'UNAVAILABLE' });
    expect(asked).toBe(1);
  });

  it('answers 503 when a service breaks off in the middle of its answer', async () => {
    ingest.server.removeAllListeners('request').on('request', (request, response) => {
      request.resume().once('end', () => {
        response.writeHead(200, {
          'content-type': 'application/json',
          'content-length': 100,
          'x-of': 'ingest',
        });
        response.write('{"success":', () => response.socket!.destroy());
      });
    });
    const response = await fetch(`${url}/v1/events`, { method: 'POST', body: '{}' });
    expect([response.status, response.headers.get('x-of')]).toEqual([503, null]);
    expect(await response.json()).toMatchObject({ success: false, code: 'UNAVAILABLE' });
  });

  it.each([
    ['HEAD', '/v1/events/1', ''],
    ['GET', '/v1/events/1', 'x'.repeat(1_000_000)],
  ])('hands an answer on, to %s too, and a large one as it comes', async (method, path, body) => {
    timeline.server.removeAllListeners('request').on('request', (_request, response) => {
      response.writeHead(200, { 'content-length': method === 'HEAD' ? 5 : body.length }).end(body);
    });
    const response = await fetch(url + path, { method });
    expect([response.status, response.headers.get('content-length')]).toEqual([
      200,
      method === 'HEAD' ? '5' : '1000000',
    ]);
    expect(await response.text()).toBe(body);
  });

  it('hands a 503 of a service on without asking it again', async () => {
    const draining = await upstream('timeline', 503);
    const { url: other } = await gatewayTo({ timeline: [draining.url] });
    expect((await fetch(`${other}/v1/events/1`)).status).toBe(503);
    expect(draining.requests).toHaveLength(1);
  });

  it('refuses a body that says it is too large, and serves the next request of the connection', async () => {
    const body = Buffer.alloc(BODY_LIMIT_BYTES + 1, 'x');
    const response = await fetch(`${url}/v1/events`, { method: 'POST', body });
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({ success: false, code: 'PAYLOAD_TOO_LARGE' });
    expect(ingest.requests).toHaveLength(0);
    expect((await fetch(`${url}/v1/events`, { method: 'POST', body: '{}' })).status).toBe(200);
  });

  it('refuses a body in chunks once it is too large', async () => {
    const status = await new Promise((settle, fail) => {
      const asked = httpRequest(`${url}/v1/events`, {
        method: 'POST',
        headers: { 'transfer-encoding': 'chunked' },
      });
      asked.once('response', (response) => settle(response.statusCode));
      asked.once('error', fail);
      asked.end(Buffer.alloc(2 * BODY_LIMIT_BYTES, 'x'));
    });
    expect(status).toBe(413);
  });

  it('takes turns among the instances of a service', async () => {
    const [one, two] = await Promise.all([upstream('one'), upstream('two')]);
    const { url: other } = await gatewayTo({ timeline: [one.url, two.url] });
    for (let time = 0; time < 4; time += 1) await fetch(`${other}/v1/events/1`);
    expect([one.requests.length, two.requests.length]).toEqual([2, 2]);
  });

  it('gives what an instance refuses to the next one', async () => {
    const one = await upstream('one');
    const { url: other } = await gatewayTo({ timeline: [one.url, AWAY], ingest: [AWAY, one.url] });
    const statuses: number[] = [];
    for (let time = 0; time < 3; time += 1) {
      statuses.push((await fetch(`${other}/v1/events/1`)).status);
      statuses.push((await fetch(`${other}/v1/events`, { method: 'POST', body: '{"a":1}' })).status);
    }
    expect(statuses).toEqual([200, 200, 200, 200, 200, 200]);
    expect(one.requests.map(({ body }) => body)).toEqual(['', '{"a":1}', '', '{"a":1}', '', '{"a":1}']);
  });

  it('passes a body without a content type on without one', async () => {
    await fetch(`${url}/v1/events`, { method: 'POST', body: Buffer.from('x') });
    expect(ingest.requests[0]).toMatchObject({ body: 'x', headers: { 'content-length': '1' } });
    expect(ingest.requests[0]!.headers['content-type']).toBeUndefined();
  });
});

/** Bytes as they are: what no HTTP client would send. */
async function raw(url: string, bytes: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  socket.write(bytes);
  return text(socket);
}
