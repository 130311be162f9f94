import { PassThrough, type Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import { tooLarge } from './problem.ts';

/**
 * The largest body that any route takes. The services refuse larger ones themselves; the gateway does it before them because a
 * service that answers before it has read everything closes the connection, and its 413 would be lost on the way.
 */
export const BODY_LIMIT_BYTES = 5 * 1024 * 1024;

/**
 * Bodies up to this size are taken in one piece: a request can then be offered to a second instance when the first refuses the
 * connection, an answer that breaks off becomes a 503 instead of a torn one, and both take less work than streams.
 */
const ONE_PIECE_BYTES = 256 * 1024;

/** Throws when the body says that it is too large. */
export function checkDeclaredLength(request: FastifyRequest): void {
  if (declaredLength(request) > BODY_LIMIT_BYTES) throw tooLarge();
}

/** The body's bytes, unread: in one piece when it says that it is small, else as they come. */
export async function takeBody(request: FastifyRequest, payload: Readable): Promise<Buffer | Readable> {
  return declaredLength(request) <= ONE_PIECE_BYTES ? inOnePiece(payload) : limited(payload);
}

/** Whether an answer of this declared length is taken in one piece. */
export const isSmall = (contentLength: string | string[] | undefined): boolean =>
  Number(contentLength) <= ONE_PIECE_BYTES;

/** Rejects when the stream breaks off. (`node:stream/consumers` goes a long way round through Blobs on Node 20.) */
export function inOnePiece(stream: Readable): Promise<Buffer> {
  return new Promise((settle, fail) => {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.once('end', () => settle(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)));
    stream.once('error', fail);
    stream.once('aborted', () => fail(new Error('The caller went away.')));
  });
}

/** NaN for one that comes in chunks. */
function declaredLength(request: FastifyRequest): number {
  return Number(request.headers['content-length']);
}

/**
 * Counts what goes through. A copy on purpose: whoever sends it on destroys it when that fails, and destroying the request itself
 * would close the caller's connection before our answer.
 */
function limited(payload: Readable): Readable {
  const copy = new PassThrough();
  let seenBytes = 0;
  payload.on('data', (chunk: Buffer) => {
    seenBytes += chunk.length;
    if (seenBytes > BODY_LIMIT_BYTES) copy.destroy(tooLarge());
  });
  payload.once('error', (error) => copy.destroy(error));
  payload.pipe(copy);
  // The rest is read and dropped, so that the caller comes to read the answer. After `pipe`, whose own handler pauses.
  copy.once('close', () => payload.resume());
  return copy;
}
