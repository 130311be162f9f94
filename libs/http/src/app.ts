import 'reflect-metadata';
import { STATUS_CODES, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { RouteContract } from '@trackline/contracts';
import { uuidv7 } from '@trackline/kernel';
import { toNestLogger, type Logger } from '@trackline/observability';
import { AllowedMethods } from './allowed-methods.ts';
import { acceptJsonBodies, BODY_LIMIT_BYTES } from './body.ts';
import { problemBody, ProblemFilter, toProblem } from './problem-filter.ts';

export type HttpApp = NestFastifyApplication;

export interface HttpAppSettings {
  readonly logger: Logger;
  /** Called once per answer: route as in its contract, status, seconds. */
  readonly onAnswer?: (answer: { method: string; route: string; status: number; seconds: number }) => void;
  /**
   * Called before the body of a request to a contract's route is read, which guards are not: who may not come in, or
   * comes too often, costs no parsing. Throws a `Problem` to refuse.
   */
  readonly beforeBody?: (
    request: FastifyRequest,
    reply: FastifyReply,
    contract: RouteContract,
  ) => Promise<void>;
  /** From a request's first byte to its last; who takes longer gets 408. Default 30 s. */
  readonly requestTimeoutMs?: number;
}

const REQUEST_TIMEOUT_MS = 30_000;
/** Node looks at its connections this often; a timeout is late by so much at most. */
const TIMEOUT_CHECK_MS = 5_000;
const SOCKET_STATUS: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

const REQUEST_ID = /^[\x21-\x7e]{1,128}$/;
const MAX_URL_PART = 1024;

const requestIdOf = (request: IncomingMessage): string => {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : uuidv7();
};

/** Bytes that are no HTTP request at all, and requests that never end, still get an answer in the common form. */
function answerOnSocket(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy();
  const status = SOCKET_STATUS[error.code ?? ''] ?? 400;
  const problem = toProblem({ statusCode: status });
  const requestId = uuidv7();
  const body = JSON.stringify(problemBody(problem, requestId));
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nconnection: close\r\ncontent-type: application/json\r\n` +
      `x-request-id: ${requestId}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

/** What Fastify refuses before any route is found (a broken URL). */
function answerFrameworkError(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  const problem = toProblem(error);
  void reply.status(problem.status).header('x-request-id', request.id).send(problemBody(problem, request.id));
}

function observeAnswers(fastify: FastifyInstance, onAnswer: NonNullable<HttpAppSettings['onAnswer']>): void {
  fastify.addHook('onResponse', (request, reply, done) => {
    onAnswer({
      method: request.method,
      route: request.routeOptions.url ?? 'unknown',
      status: reply.statusCode,
      seconds: reply.elapsedTime / 1000,
    });
    done();
  });
}

function refuseBeforeBody(
  fastify: FastifyInstance,
  beforeBody: NonNullable<HttpAppSettings['beforeBody']>,
): void {
  fastify.addHook('onRequest', async (request, reply) => {
    const { contract } = request.routeOptions.config;
    if (contract) await beforeBody(request, reply, contract);
  });
}

/**
 * Node closes connections that are idle when it stops listening. One that is being answered then would stay open for as
 * long as its client keeps it alive, and the process with it.
 */
function closeConnectionsWhileDraining(fastify: FastifyInstance): void {
  let draining = false;
  fastify.addHook('preClose', (done) => {
    draining = true;
    done();
  });
  fastify.addHook('onSend', (_request, reply, _payload, done) => {
    if (draining) void reply.header('connection', 'close');
    done();
  });
}

/** Gives the address at which it answers, also when the port was left to the system. */
export async function listen(
  app: HttpApp,
  { httpHost, httpPort }: { readonly httpHost: string; readonly httpPort: number },
): Promise<string> {
  await app.listen(httpPort, httpHost);
  return (await app.getUrl()).replace('[::1]', '127.0.0.1');
}

/** A Nest application on Fastify whose every answer, also of the layers below Nest, keeps the common form. Does not listen yet. */
export async function createHttpApp(module: unknown, settings: HttpAppSettings): Promise<HttpApp> {
  const { requestTimeoutMs = REQUEST_TIMEOUT_MS } = settings;
  const adapter = new FastifyAdapter({
    // Fastify's own default lets a body trickle in for ever.
    requestTimeout: requestTimeoutMs,
    http: {
      headersTimeout: requestTimeoutMs,
      connectionsCheckingInterval: Math.min(TIMEOUT_CHECK_MS, requestTimeoutMs),
    },
    bodyLimit: BODY_LIMIT_BYTES,
    genReqId: requestIdOf,
    clientErrorHandler: answerOnSocket,
    frameworkErrors: answerFrameworkError,
    forceCloseConnections: 'idle',
    // While draining, requests on connections that are still open are answered in full.
    return503OnClosing: false,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: MAX_URL_PART },
  });
  const app = await NestFactory.create<NestFastifyApplication>(module as never, adapter, {
    bodyParser: false,
    logger: toNestLogger(settings.logger),
  });
  const fastify = adapter.getInstance() as unknown as FastifyInstance;
  acceptJsonBodies(fastify);
  fastify.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-request-id', request.id);
    done();
  });
  closeConnectionsWhileDraining(fastify);
  if (settings.onAnswer) observeAnswers(fastify, settings.onAnswer);
  if (settings.beforeBody) refuseBeforeBody(fastify, settings.beforeBody);
  const allowed = new AllowedMethods();
  fastify.addHook('onRoute', ({ method, url }) => allowed.add(url, method));
  app.useGlobalFilters(new ProblemFilter(settings.logger, allowed));
  return app;
}
