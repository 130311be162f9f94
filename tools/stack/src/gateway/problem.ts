import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '@trackline/contracts';
import { uuidv7 } from '@trackline/kernel';

/** What a caller is told to wait before the next try. */
const RETRY_AFTER_SECONDS = '1';

export const unavailable = (service: string, cause?: unknown) =>
  new Problem(
    'UNAVAILABLE',
    `The service behind this address (${service}) is not available now. Try again.`,
    { cause },
  );

export const nothingHere = (request: FastifyRequest) =>
  new Problem('NOT_FOUND', `There is nothing at ${request.method} ${request.url.split('?')[0]}.`);

export const wrongMethod = (request: FastifyRequest, answered: readonly string[]) => {
  const allow = answered.join(', ');
  return new Problem('METHOD_NOT_ALLOWED', `This address answers ${allow}, not ${request.method}.`, {
    headers: { allow },
  });
};

const bodyOf = (problem: Problem, requestId: string) => ({
  success: false,
  error: problem.message,
  code: problem.code,
  requestId,
});

/** The gateway's own errors have the form of all others: a string `error`, and never an empty body. */
export function answer(problem: Problem, request: FastifyRequest, reply: FastifyReply): void {
  if (reply.sent) return;
  if (problem.code === 'UNAVAILABLE') void reply.header('retry-after', RETRY_AFTER_SECONDS);
  void reply
    .status(problem.status)
    .headers(problem.options.headers ?? {})
    .header('x-request-id', request.id)
    .type('application/json')
    .send(JSON.stringify(bodyOf(problem, request.id)));
}

/** Errors of the layers below our routes, by the status that Fastify gave them. */
export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const status = (error as { statusCode?: number } | null)?.statusCode ?? 500;
  if (status === 413) return tooLarge();
  if (status === 415) return new Problem('UNSUPPORTED_MEDIA_TYPE', 'Send the body as application/json.');
  if (status >= 400 && status < 500)
    return new Problem('MALFORMED_REQUEST', 'The request could not be read.');
  return new Problem(
    'INTERNAL_ERROR',
    'Something went wrong on our side. Try again; the request id helps us find it.',
  );
}

export const tooLarge = () => new Problem('PAYLOAD_TOO_LARGE', 'The body is larger than 5 MB.');

function toSocketProblem(code: string | undefined): Problem {
  if (code === 'HPE_HEADER_OVERFLOW') return new Problem('HEADERS_TOO_LARGE', 'The headers are too large.');
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return new Problem('REQUEST_TIMEOUT', 'The request did not arrive in time.');
  return new Problem('MALFORMED_REQUEST', 'The request could not be read.');
}

/** Bytes that are no HTTP request have no reply object: they are answered on the socket. */
export function answerOnSocket(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy();
  const problem = toSocketProblem(error.code);
  const requestId = uuidv7();
  const body = JSON.stringify(bodyOf(problem, requestId));
  socket.end(
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\nconnection: close\r\n` +
      `content-type: application/json\r\nx-request-id: ${requestId}\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
