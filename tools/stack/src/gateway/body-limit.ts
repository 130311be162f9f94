import { Transform, type Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import { tooLarge } from './problem.ts';

/**
 * The largest body that any route takes. The services refuse larger ones themselves; the gateway does it before them because a
 * service that answers before it has read everything closes the connection, and its 413 would be lost on the way.
 */
export const BODY_LIMIT_BYTES = 5 * 1024 * 1024;

/** Throws when the body says that it is too large. */
export function checkDeclaredLength(request: FastifyRequest): void {
  if (Number(request.headers['content-length'] ?? 0) > BODY_LIMIT_BYTES) throw tooLarge();
}

/** A body of declared length goes through as it is; one that comes in chunks is counted on its way. */
export function limited(request: FastifyRequest, payload: Readable): Readable {
  if (request.headers['content-length'] !== undefined) return payload;
  let seenBytes = 0;
  const counting = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      seenBytes += chunk.length;
      if (seenBytes > BODY_LIMIT_BYTES) return done(tooLarge());
      done(null, chunk);
    },
  });
  payload.on('error', (error) => counting.destroy(error));
  return payload.pipe(counting);
}
