import { once } from 'node:events';
import { connect } from 'node:net';
import { dependenciesFromEnv } from '@trackline/testkit';

/** What the Redis of this run holds, in bytes, for whomever. One question over a connection of its own: no client is needed for it. */
export async function redisBytes(): Promise<number> {
  const { hostname, port, password } = new URL(dependenciesFromEnv().redisUrl);
  const socket = connect(Number(port || 6379), hostname);
  try {
    await once(socket, 'connect');
    socket.write(`${password ? `AUTH ${decodeURIComponent(password)}\r\n` : ''}INFO memory\r\n`);
    let text = '';
    for await (const part of socket) {
      text += String(part);
      const found = /used_memory:(\d+)/.exec(text)?.[1];
      if (found !== undefined) return Number(found);
      if (text.includes('-ERR') || text.includes('-NOAUTH')) break;
    }
    throw new Error(`Redis did not say how much it holds: ${text}`);
  } finally {
    socket.destroy();
  }
}
