import type { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '@trackline/contracts';
import type { ServiceName } from '../services.ts';
import { inOnePiece, isSmall } from './body.ts';
import { answer, unavailable } from './problem.ts';
import type { Upstreams } from './upstreams.ts';

/** Of one connection, not of the request: the HTTP client behind us refuses to send them on. */
const HOP_BY_HOP = ['expect', 'upgrade', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'http2-settings'];

/** More than there are instances of a service. */
const MOST_TRIES = 8;

/** Stands in where the caller named none, and is taken out again. */
const NO_CONTENT_TYPE = 'application/octet-stream';

/** Hands the request to an instance of the service. One that refuses the connection has not seen it: the next is asked. */
export function forward(
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
      contentType: request.headers['content-type'] || NO_CONTENT_TYPE,
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
      const canOfferAgain = refused && triesLeft > 1 && (isWhole || request.body === undefined);
      if (canOfferAgain && upstreams.choose(service) !== undefined) {
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
  if (!request.headers['content-type']) delete headers['content-type'];
  // The body of a GET is not read, so its length must not be promised.
  if (request.body === undefined) delete headers['content-length'];
  const before = headers['x-forwarded-for'];
  headers['x-forwarded-for'] = before === undefined ? request.ip : `${String(before)}, ${request.ip}`;
  headers['x-forwarded-host'] ??= request.headers.host;
  headers['x-forwarded-proto'] ??= 'http';
  headers['x-request-id'] = request.id;
  return headers;
}
