import { isUtf8 } from 'node:buffer';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Problem } from '@trackline/contracts';

export const BODY_LIMIT_BYTES = 5 * 1024 * 1024;

declare module 'fastify' {
  interface FastifyRequest {
    /** The body's bytes as they came: what a signature or an idempotency key is computed over. */
    rawBody?: Buffer;
  }
}

/** A body that is not the JSON it claims to be. */
export class RequestBodyFault extends Problem {
  constructor(message: string) {
    super('MALFORMED_REQUEST', message);
  }
}

/** The name under which JavaScript keeps an object's prototype; as a key of a request it is an attack or a mistake. */
const PROTOTYPE_KEY = /"(?:_|\\u005[fF]){2}proto(?:_|\\u005[fF]){2}"\s*:/;

/** What the bytes of a JSON body say. Throws RequestBodyFault. */
export function parseJsonBody(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw new RequestBodyFault('The body is not valid UTF-8.');
  const text = bytes.toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new RequestBodyFault(`The body is not valid JSON: ${(error as Error).message}`);
  }
  if (PROTOTYPE_KEY.test(text)) throw new RequestBodyFault('The key "__proto__" is not allowed.');
  return value;
}

/** JSON bodies only, kept raw as well; anything else is 415 by Fastify, an empty one counts as none. */
export function acceptJsonBodies(fastify: FastifyInstance): void {
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser(
    /^application\/(?:[\w.+-]+\+)?json\b/,
    { parseAs: 'buffer', bodyLimit: BODY_LIMIT_BYTES },
    (request: FastifyRequest, bytes: Buffer, done) => {
      request.rawBody = bytes;
      const encoding = request.headers['content-encoding'];
      if (encoding !== undefined && encoding !== 'identity') {
        return done(
          new Problem('UNSUPPORTED_MEDIA_TYPE', 'Compressed bodies are not read: send the JSON as it is.'),
        );
      }
      const isReadByHandler = request.routeOptions.config.contract?.bodyReadByHandler === true;
      if (bytes.length === 0 || isReadByHandler) return done(null, undefined);
      try {
        done(null, parseJsonBody(bytes));
      } catch (error) {
        done(error as Error);
      }
    },
  );
}
