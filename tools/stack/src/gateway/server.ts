import replyFrom from '@fastify/reply-from';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { Problem, type RouteContract } from '@trackline/contracts';
import { uuidv7 } from '@trackline/kernel';
import type { ServiceName } from '../services.ts';
import { BODY_LIMIT_BYTES, checkDeclaredLength, limited } from './body-limit.ts';
import { answer, answerOnSocket, nothingHere, toProblem, unavailable } from './problem.ts';
import type { Upstreams } from './upstreams.ts';

/** Longer than the longest wait of any route. */
const UPSTREAM_TIMEOUT_MS = 60_000;
/** Longer than clients and load balancers keep an idle connection, so that they close it and never meet a closed one. */
const KEEP_ALIVE_MS = 75_000;
const CONNECTIONS_PER_INSTANCE = 512;
const MAX_URL_PART = 1024;
const REQUEST_ID = /^[\x21-\x7e]{1,128}$/;

/** Of one connection, not of the request: the HTTP client behind us refuses to send them on. */
const HOP_BY_HOP = ['expect', 'upgrade', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'http2-settings'];

/** Addresses that ingest answers and that are no routes of the API. */
const PAGES: readonly { method: 'GET' | 'POST'; path: string; service: ServiceName }[] = [
  { method: 'GET', path: '/openapi.json', service: 'ingest' },
  { method: 'GET', path: '/docs', service: 'ingest' },
  { method: 'GET', path: '/docs/*', service: 'ingest' },
  { method: 'GET', path: '/webhooks/*', service: 'ingest' },
  { method: 'POST', path: '/webhooks/*', service: 'ingest' },
];

export interface GatewaySettings {
  readonly routes: readonly Pick<RouteContract, 'method' | 'path' | 'service'>[];
  readonly upstreams: Upstreams;
  readonly logLevel: string;
}

/** One address in front of all services, made from the table of routes. Bodies pass through unread. Does not listen yet. */
export async function createGateway({
  routes,
  upstreams,
  logLevel,
}: GatewaySettings): Promise<FastifyInstance> {
  const app = Fastify({
    logger: { level: logLevel },
    disableRequestLogging: true,
    bodyLimit: BODY_LIMIT_BYTES,
    keepAliveTimeout: KEEP_ALIVE_MS,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: MAX_URL_PART },
    genReqId: (request) => {
      const given = request.headers['x-request-id'];
      return typeof given === 'string' && REQUEST_ID.test(given) ? given : uuidv7();
    },
    clientErrorHandler: answerOnSocket,
    frameworkErrors: (error, request, reply) => answer(toProblem(error), request, reply),
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (request, payload, done) => done(null, limited(request, payload)));
  app.addHook('onRequest', async (request) => checkDeclaredLength(request));
  app.setNotFoundHandler((request, reply) => answer(nothingHere(request), request, reply));
  app.setErrorHandler((error, request, reply) => {
    const problem = toProblem(error);
    if (problem.status >= 500) request.log.error({ err: error, url: request.url }, 'request failed');
    answer(problem, request, reply);
  });
  await app.register(replyFrom, {
    disableCache: true,
    disableRequestLogging: true,
    destroyAgent: true,
    undici: {
      connections: CONNECTIONS_PER_INSTANCE,
      pipelining: 1,
      headersTimeout: UPSTREAM_TIMEOUT_MS,
      bodyTimeout: UPSTREAM_TIMEOUT_MS,
    },
  });
  addHealth(app, upstreams);
  const known = new Set(routes.map(({ method, path }) => `${method} ${path}`));
  const pages = PAGES.filter(({ method, path }) => !known.has(`${method} ${path}`));
  for (const { method, path, service } of [...routes, ...pages]) {
    app.route({
      method,
      url: path,
      handler: (request, reply) => forward(service, upstreams, request, reply),
    });
  }
  return app;
}

function addHealth(app: FastifyInstance, upstreams: Upstreams): void {
  app.get('/health/live', () => ({ status: 'live' }));
  app.get('/health/ready', (_request, reply) => {
    const missing = upstreams.missing();
    void reply.status(missing.length === 0 ? 200 : 503);
    return missing.length === 0 ? { status: 'ready' } : { status: 'not ready', missing };
  });
}

function forward(
  service: ServiceName,
  upstreams: Upstreams,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const upstream = upstreams.choose(service);
  if (upstream === undefined) throw unavailable(service);
  return reply.from(undefined, {
    getUpstream: () => upstream,
    rewriteRequestHeaders: (_request, headers) => forwardedHeaders(request, headers),
    // A write may have happened although its answer was lost: whether to send it again is the caller's decision.
    retryDelay: () => null,
    onError: (failed, { error }) => {
      const cause = (error as Error).cause as { code?: string } | undefined;
      if (cause?.code === 'ECONNREFUSED') upstreams.refused(upstream);
      answer(cause instanceof Problem ? cause : unavailable(service, cause), request, failed as FastifyReply);
    },
  });
}

type Headers = Record<string, string | string[] | undefined>;

function forwardedHeaders(request: FastifyRequest, headers: Headers): Headers {
  for (const name of HOP_BY_HOP) delete headers[name];
  // The body of a GET is not read, so its length must not be promised.
  if (request.body === undefined) delete headers['content-length'];
  const before = headers['x-forwarded-for'];
  headers['x-forwarded-for'] = before === undefined ? request.ip : `${String(before)}, ${request.ip}`;
  headers['x-forwarded-host'] ??= request.headers.host;
  headers['x-forwarded-proto'] ??= 'http';
  headers['x-request-id'] = request.id;
  return headers;
}
