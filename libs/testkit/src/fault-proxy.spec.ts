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

  describe('that knows the protocol', () => {
    const judge = '*4\r\n$4\r\neval\r\n$1\r\ns\r\n$1\r\n2\r\n$6\r\n{}:m:x\r\n';

    beforeEach(async () => {
      await proxy.close();
      const { port: target } = server.address() as AddressInfo;
      proxy = new FaultProxy({ host: '127.0.0.1', port: target }, seededRandom(7), 'redis');
      port = await proxy.listen();
    });

    it('strikes before a command: it is never carried out', async () => {
      const strike = proxy.strike({ moment: 'judge', when: 'before', skip: 1 });
      expect(await send(judge)).toMatch(/^did/);
      expect([strike.hasStruck(), commands.length]).toEqual([false, 1]);
      expect(await send(judge)).toBeUndefined();
      expect([strike.hasStruck(), commands.length, proxy.counts.strikes]).toEqual([true, 1, 1]);
    });

    it('strikes after a command: it was carried out, and its reply is lost', async () => {
      const strike = proxy.strike({ moment: 'judge', when: 'after', containing: ':m:x' });
      expect(await send(judge)).toBeUndefined();
      expect([strike.hasStruck(), commands.length]).toEqual([true, 1]);
      expect(await send(judge)).toMatch(/^did/);
    });

    it('lets a command wait for what happens, and then pass', async () => {
      const seen: number[] = [];
      proxy.strike({
        moment: 'judge',
        when: 'before',
        passes: true,
        then: () => void seen.push(commands.length),
      });
      expect(await send(judge)).toMatch(/^did/);
      expect([seen, commands.length]).toEqual([[0], 1]);
    });
  });

  it('does the same again with the same seed', () => {
    const [one, two] = [seededRandom(3), seededRandom(3)];
    expect(Array.from({ length: 50 }, one)).toEqual(Array.from({ length: 50 }, two));
  });
});
