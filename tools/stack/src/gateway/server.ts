import type { IncomingMessage } from 'node:http';
import replyFrom from '@fastify/reply-from';
import Fastify, { LogController, type FastifyInstance, type FastifyRequest } from 'fastify';
import type { RouteContract } from '@trackline/contracts';
import { uuidv7 } from '@trackline/kernel';
import { BODY_LIMIT_BYTES, checkDeclaredLength, takeBody } from './body.ts';
import { forward } from './forward.ts';
import { answer, answerOnSocket, nothingHere, toProblem, wrongMethod } from './problem.ts';
import type { Upstreams } from './upstreams.ts';

/** Longer than the longest wait of any route. */
const UPSTREAM_TIMEOUT_MS = 60_000;
/** Longer than clients and load balancers keep an idle connection, so that they close it and never meet a closed one. */
/** As the services behind it: from a request's first byte to its last. */
const REQUEST_TIMEOUT_MS = 30_000;
const KEEP_ALIVE_MS = 75_000;
const CONNECTIONS_PER_INSTANCE = 512;
const MAX_URL_PART = 1024;
const METHODS: readonly GatewayRoute['method'][] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];
const REQUEST_ID = /^[\x21-\x7e]{1,128}$/;

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
    requestTimeout: REQUEST_TIMEOUT_MS,
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
    const others = METHODS.filter((method) => !answered.includes(method));
    if (others.length === 0) continue;
    app.route({
      method: others,
      url: path,
      handler: (request, reply) => answer(wrongMethod(request, answered), request, reply),
    });
  }
}
