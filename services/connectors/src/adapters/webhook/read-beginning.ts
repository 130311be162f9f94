import type { Readable } from 'node:stream';

const MAX_BYTES = 8_192;
/** The body is told to people and decides nothing: a receiver that takes its time over it holds no place here. */
const MAX_MS = 1_000;

/**
 * The beginning of a body as text; the rest is not read. A body that breaks off or does not end is as good as what came of it: the
 * status has been said.
 */
export async function readBeginning(body: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  const stop = (): void => void body.on('error', () => undefined).destroy();
  const timer = setTimeout(stop, MAX_MS);
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      size += chunk.length;
      if (size >= MAX_BYTES) break;
    }
  } catch {
    // Our time, the deadline, or the connection.
  } finally {
    clearTimeout(timer);
  }
  stop();
  return Buffer.concat(chunks).subarray(0, MAX_BYTES).toString('utf8').replaceAll('\0', '');
}
