import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import replyFrom from '@fastify/reply-from';
import Fastify, {
  LogController,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import { Problem, type RouteContract } from '@trackline/contracts';
import { uuidv7 } from '@trackline/kernel';
import type { ServiceName } from '../services.ts';
import { BODY_LIMIT_BYTES, checkDeclaredLength, inOnePiece, isSmall, takeBody } from './body.ts';
import { answer, answerOnSocket, nothingHere, toProblem, unavailable, wrongMethod } from './problem.ts';
import type { Upstreams } from './upstreams.ts';

/** Longer than the longest wait of any route. */
const UPSTREAM_TIMEOUT_MS = 60_000;
/** Longer than clients and load balancers keep an idle connection, so that they close it and never meet a closed one. */
const KEEP_ALIVE_MS = 75_000;
const CONNECTIONS_PER_INSTANCE = 512;
const MAX_URL_PART = 1024;
const METHODS: readonly GatewayRoute['method'][] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];
/** More than there are instances of a service. */
const MOST_TRIES = 8;
/** Stands in where the caller named none, and is taken out again. */
const NO_CONTENT_TYPE = 'application/octet-stream';
const REQUEST_ID = /^[\x21-\x7e]{1,128}$/;

/** Of one connection, not of the request: the HTTP client behind us refuses to send them on. */
const HOP_BY_HOP = ['expect', 'upgrade', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'http2-settings'];

/** Addresses that ingest answers and that are no routes of the API. */
const PAGES: readonly GatewayRoute[] = [
  { method: 'GET', path: '/openapi.json', service: 'ingest' },
  { method: 'GET', path: '/docs', service: 'ingest' },
  { method: 'GET', path: '/docs/*', service: 'ingest' },
  { method: 'GET', path: '/webhooks/*', service: 'ingest' },
  { method: 'POST', path: '/webhooks/*', service: 'ingest' },
];

export type GatewayRoute = Pick<RouteContract, 'method' | 'path' | 'service'>;

export interface GatewaySettings {
  readonly routes: readonly GatewayRoute[];
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
    logController: new LogController({ disableRequestLogging: true }),
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
  app.addContentTypeParser('*', async (request: FastifyRequest, payload: IncomingMessage) =>
    takeBody(request, payload),
  );
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
  addRoutes(app, upstreams, [
    ...routes,
    ...PAGES.filter(({ method, path }) => !known.has(`${method} ${path}`)),
  ]);
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

/** Several services can answer one path; only here it is known which methods all of them together answer. */
function addRoutes(app: FastifyInstance, upstreams: Upstreams, routes: readonly GatewayRoute[]): void {
  for (const { method, path, service } of routes) {
    app.route({
      method,
      url: path,
      handler: (request, reply) => forward(service, upstreams, request, reply),
    });
  }
  for (const path of new Set(routes.map((route) => route.path))) {
    const answered = routes.filter((route) => route.path === path).map(({ method }) => method);
    app.route({
      method: METHODS.filter((method) => !answered.includes(method)),
      url: path,
      handler: (request, reply) => answer(wrongMethod(request, answered), request, reply),
    });
  }
}

/** Hands the request to an instance of the service. One that refuses the connection has not seen it: the next is asked. */
function forward(
  service: ServiceName,
  upstreams: Upstreams,
  request: FastifyRequest,
  reply: FastifyReply,
  triesLeft = MOST_TRIES,
): FastifyReply {
  const upstream = triesLeft > 0 ? upstreams.choose(service) : undefined;
  if (upstream === undefined) throw unavailable(service);
  const isWhole = Buffer.isBuffer(request.body);
  return reply.from(undefined, {
    getUpstream: () => upstream,
    ...(isWhole && {
      body: request.body,
      contentType: request.headers['content-type'] ?? NO_CONTENT_TYPE,
    }),
    rewriteRequestHeaders: (_request, headers) => forwardedHeaders(request, headers),
    // A write may have happened although its answer was lost: whether to send it again is the caller's decision.
    retryDelay: () => null,
    onResponse: (_request, replied, response) => {
      const { headers, stream } = response as unknown as UpstreamResponse;
      // The length of an answer to HEAD is that of a body which does not come.
      if (request.method === 'HEAD' || !isSmall(headers['content-length'])) return void replied.send(stream);
      inOnePiece(stream).then(
        (bytes) => replied.send(bytes),
        (error: unknown) =>
          answer(unavailable(service, error), request, withoutUpstreamHeaders(replied as FastifyReply)),
      );
    },
    onError: (failed, { error }) => {
      const cause = (error as Error).cause as { code?: string } | undefined;
      const refused = cause?.code === 'ECONNREFUSED';
      if (refused) upstreams.refused(upstream);
      if (refused && (isWhole || request.body === undefined) && upstreams.choose(service) !== undefined) {
        forward(service, upstreams, request, failed as FastifyReply, triesLeft - 1);
        return;
      }
      answer(cause instanceof Problem ? cause : unavailable(service, cause), request, failed as FastifyReply);
    },
  });
}

/** What reply-from hands to `onResponse`; its types say less. */
interface UpstreamResponse {
  readonly headers: Headers;
  readonly stream: Readable;
}

/** They were of the answer that broke off. */
function withoutUpstreamHeaders(reply: FastifyReply): FastifyReply {
  for (const name of Object.keys(reply.getHeaders())) void reply.removeHeader(name);
  return reply;
}

type Headers = Record<string, string | string[] | undefined>;

function forwardedHeaders(request: FastifyRequest, headers: Headers): Headers {
  for (const name of HOP_BY_HOP) delete headers[name];
  if (request.headers['content-type'] === undefined) delete headers['content-type'];
  // The body of a GET is not read, so its length must not be promised.
  if (request.body === undefined) delete headers['content-length'];
  const before = headers['x-forwarded-for'];
  headers['x-forwarded-for'] = before === undefined ? request.ip : `${String(before)}, ${request.ip}`;
  headers['x-forwarded-host'] ??= request.headers.host;
  headers['x-forwarded-proto'] ??= 'http';
  headers['x-request-id'] = request.id;
  return headers;
}
