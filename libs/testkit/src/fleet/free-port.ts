import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Below the ranges from which systems take the ports of outgoing connections: whoever is killed finds its port free again. */
const FROM = 30_000;
const TO = 32_000;
const TRIES = 200;
const handedOut = new Set<number>();

export async function freePort(): Promise<number> {
  for (let tried = 0; tried < TRIES; tried += 1) {
    const port = randomInt(FROM, TO);
    if (handedOut.has(port) || !(await isFree(port))) continue;
    handedOut.add(port);
    return port;
  }
  throw new Error(`No free port between ${FROM} and ${TO}.`);
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((settle) => {
    const server = createServer();
    server.once('error', () => settle(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => settle(true)));
  });
