import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ERROR_STATUS, Problem, type ErrorCode } from '@trackline/contracts';
import type { Logger } from '@trackline/observability';
import type { AllowedMethods } from './allowed-methods.ts';

const BY_STATUS: Readonly<Record<number, readonly [ErrorCode, string]>> = {
  400: ['MALFORMED_REQUEST', 'The request could not be read.'],
  401: ['UNAUTHORIZED', 'Send "Authorization: Bearer <key>".'],
  403: ['FORBIDDEN', 'This key may not do that.'],
  404: ['NOT_FOUND', 'There is nothing at this address.'],
  405: ['METHOD_NOT_ALLOWED', 'This method is not allowed here.'],
  408: ['REQUEST_TIMEOUT', 'The request did not arrive in time. Send it again, faster or in smaller parts.'],
  413: ['PAYLOAD_TOO_LARGE', 'The body is larger than 5 MB.'],
  415: ['UNSUPPORTED_MEDIA_TYPE', 'Send the body as application/json.'],
  431: ['HEADERS_TOO_LARGE', 'The headers are too large.'],
  503: ['UNAVAILABLE', 'The service is not available now. Try again.'],
};

const INTERNAL = new Problem(
  'INTERNAL_ERROR',
  'Something went wrong on our side. Try again; the request id helps us find it.',
);

/** The status that Fastify, Nest or a client library put on its own error. */
function statusOf(error: unknown): number | undefined {
  if (error instanceof HttpException) return error.getStatus();
  const status = (error as { statusCode?: unknown } | null)?.statusCode;
  return typeof status === 'number' ? status : undefined;
}

/** Any error as the problem its caller is told of. What we do not know is ours, and tells nothing. */
export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const status = statusOf(error);
  const known = status === undefined ? undefined : BY_STATUS[status];
  if (known) return new Problem(known[0], known[1], { cause: error });
  if (status !== undefined && status >= 400 && status < 500)
    return new Problem('BAD_REQUEST', 'The request could not be read.');
  return INTERNAL;
}

export const problemBody = (problem: Problem, requestId: string): Record<string, unknown> => ({
  success: false,
  error: problem.options.error ?? problem.message,
  code: problem.code,
  ...(problem.options.error === undefined ? undefined : { message: problem.message }),
  requestId,
  ...(problem.options.details?.length ? { details: problem.options.details } : undefined),
  ...problem.options.extra,
});

/** The one place where an error becomes an answer, whichever layer threw it. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger: Logger;
  private readonly allowed: AllowedMethods;

  constructor(logger: Logger, allowed: AllowedMethods) {
    this.logger = logger;
    this.allowed = allowed;
  }

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    const problem = this.wrongMethod(error, request) ?? toProblem(error);
    const status = ERROR_STATUS[problem.code];
    if (status >= 500) {
      // Something that we need is away: it says so itself, and there may be thousands of these.
      const level = status === 503 ? 'warn' : 'error';
      this.logger[level](
        { err: error, requestId: request.id, method: request.method, url: request.url },
        'request failed',
      );
    }
    if (reply.sent) return;
    if (status === 503) void reply.header('retry-after', '1');
    void reply
      .status(status)
      .headers(problem.options.headers ?? {})
      .type('application/json')
      .send(problemBody(problem, request.id));
  }

  /** The router says 404 for a right address with a wrong method, too. */
  private wrongMethod(error: unknown, request: FastifyRequest): Problem | undefined {
    if (!(error instanceof HttpException) || error.getStatus() !== 404) return undefined;
    const methods = this.allowed.of(request.url);
    if (methods.length === 0 || methods.includes(request.method)) return undefined;
    const allow = methods.join(', ');
    return new Problem('METHOD_NOT_ALLOWED', `This address answers ${allow}, not ${request.method}.`, {
      headers: { Allow: allow },
    });
  }
}
