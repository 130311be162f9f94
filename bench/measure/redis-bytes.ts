import { once } from 'node:events';
import { connect } from 'node:net';
import { dependenciesFromEnv } from '@trackline/testkit';

/** What the Redis of this run holds, in bytes, for whomever. */
export async function redisBytes(): Promise<number> {
  const told = await ask('INFO memory', /used_memory:(\d+)/);
  return Number(told);
}

/** Forgets all, so that nothing of an earlier scenario runs out while a later one is measured. For a Redis that is this run's alone. */
export async function emptyRedis(): Promise<void> {
  await ask('FLUSHALL SYNC', /\+(OK)/);
}

/** One question over a connection of its own: no client is needed for it. Gives what the first group of the pattern holds. */
async function ask(command: string, answer: RegExp): Promise<string> {
  const { hostname, port, password } = new URL(dependenciesFromEnv().redisUrl);
  const socket = connect(Number(port || 6379), hostname);
  try {
    await once(socket, 'connect');
    if (password) {
      socket.write(`AUTH ${decodeURIComponent(password)}\r\n`);
      await once(socket, 'data');
    }
    socket.write(`${command}\r\n`);
    let text = '';
    for await (const part of socket) {
      text += String(part);
      const found = answer.exec(text)?.[1];
      if (found !== undefined) return found;
      if (text.includes('-ERR') || text.includes('-NOAUTH')) break;
    }
    throw new Error(`Redis did not answer ${command}: ${text}`);
  } finally {
    socket.destroy();
  }
}
