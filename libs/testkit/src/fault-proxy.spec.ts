import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FaultProxy } from './fault-proxy.ts';
import { seededRandom } from './random.ts';

let server: Server;
let commands: string[];
let proxy: FaultProxy;
let port: number;

beforeEach(async () => {
  commands = [];
  server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (data) => {
      commands.push(data.toString());
      socket.write(`did ${data.toString()}`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  proxy = new FaultProxy(
    { host: '127.0.0.1', port: (server.address() as AddressInfo).port },
    seededRandom(7),
  );
  port = await proxy.listen();
});
afterEach(async () => {
  await proxy.close();
  await new Promise<void>((resolve) => server.close(() => resolve()));
});

/** Sends one command; gives its reply, or `undefined` when the connection closed instead. */
const send = (command: string): Promise<string | undefined> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(command));
    socket.on('data', (data) => {
      resolve(data.toString());
      socket.destroy();
    });
    socket.on('close', () => resolve(undefined)).on('error', () => {});
  });

describe('FaultProxy', () => {
  it('passes everything on when no fault is set', async () => {
    expect(await send('a')).toBe('did a');
    expect(proxy.counts).toEqual({ connections: 1, repliesCut: 0, repliesDelayed: 0, strikes: 0 });
  });

  it('lets a command through and loses its reply, and counts that', async () => {
    proxy.set({ cutReplyRatio: 1 });
    expect(await send('a')).toBeUndefined();
    expect(commands).toEqual(['a']);
    expect(proxy.counts.repliesCut).toBe(1);
  });

  it('holds replies back', async () => {
    proxy.set({ delayReplyRatio: 1, delayMs: 60 });
    const before = performance.now();
    expect(await send('a')).toBe('did a');
    expect(performance.now() - before).toBeGreaterThanOrEqual(55);
    expect(proxy.counts.repliesDelayed).toBe(1);
  });

  it('can be away and come back', async () => {
    proxy.set({ away: true });
    expect(await send('a')).toBeUndefined();
    expect(commands).toEqual([]);
    proxy.set({});
    expect(await send('b')).toBe('did b');
  });

  it('does the same again with the same seed', () => {
    const [one, two] = [seededRandom(3), seededRandom(3)];
    expect(Array.from({ length: 50 }, one)).toEqual(Array.from({ length: 50 }, two));
  });
});
