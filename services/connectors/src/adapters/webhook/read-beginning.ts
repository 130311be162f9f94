import type { Readable } from 'node:stream';

const MAX_BYTES = 8_192;

/**
 * The beginning of a body as text; the rest is not read. A body that breaks off or does not end is as good as what came of it: the
 * status has been said.
 */
export async function readBeginning(body: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      size += chunk.length;
      if (size >= MAX_BYTES) break;
    }
  } catch {
    // The deadline, or the connection.
  }
  body.on('error', () => undefined).destroy();
  return Buffer.concat(chunks).subarray(0, MAX_BYTES).toString('utf8').replaceAll('\0', '');
}
