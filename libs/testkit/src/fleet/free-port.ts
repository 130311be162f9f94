import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { workerIndex } from './breakable-parts.ts';

/** Below the ranges from which systems take the ports of outgoing connections: whoever is killed finds its port free again. */
const FIRST = 30_000;
/** Each worker of jest draws from ports of its own: a process takes a moment to bind what it was given. */
const OF_A_WORKER = 500;
const MOST_WORKERS = 5;
const TRIES = 200;
const handedOut = new Set<number>();

export async function freePort(): Promise<number> {
  const from = FIRST + (workerIndex() % MOST_WORKERS) * OF_A_WORKER;
  for (let tried = 0; tried < TRIES; tried += 1) {
    const port = randomInt(from, from + OF_A_WORKER);
    if (handedOut.has(port) || !(await isFree(port))) continue;
    handedOut.add(port);
    return port;
  }
  throw new Error(`No free port from ${from} on.`);
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((settle) => {
    const server = createServer();
    server.once('error', () => settle(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => settle(true)));
  });
