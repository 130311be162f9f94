import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { placesOf } from '../places.ts';
import { Ports } from '../ports.ts';
import type { Say } from '../say.ts';
import { Children, type ChildSpec } from './children.ts';
import { identify } from './identity.ts';
import { readRecords } from './run-record.ts';
import { Supervisor } from './supervisor.ts';

/** Ready at once; ends properly when asked to. */
const STEADY = `
  require('node:http').createServer((request, response) => response.end('{}')).listen(process.env.HTTP_PORT, '127.0.0.1');
  process.on('SIGTERM', () => { console.log('drained'); process.exit(0); });
`;

describe('a supervised process', () => {
  const places = placesOf(tmpdir(), mkdtempSync(join(tmpdir(), 'stack-')));
  let children: Children;
  let said: string[];
  let changes: number;
  let supervisor: Supervisor;
  let port: number;

  beforeEach(async () => {
    children = new Children(places);
    said = [];
    changes = 0;
    const say = new Proxy({} as Say, {
      get:
        () =>
        (...words: string[]) =>
          void said.push(words.join(' ')),
    });
    supervisor = new Supervisor(children, say, () => (changes += 1));
    port = await new Ports(join(places.home, 'ports.json')).choose('service');
  });

  afterEach(() => children.stopAll(() => {}));

  const run = (script: string, more: Partial<ChildSpec> = {}) =>
    supervisor.keepRunning(
      {
        name: 'service',
        phase: 'service',
        command: process.execPath,
        args: ['-e', script],
        env: { ...process.env, HTTP_PORT: String(port) },
        graceMs: 5_000,
        ...more,
      },
      `http://127.0.0.1:${port}`,
    );

  it('is in a process group of its own, so that a Ctrl-C at the terminal does not reach it', async () => {
    const service = run(STEADY);
    await service.ready;
    const { stdout } = spawnSync('ps', ['-o', 'pgid=', '-p', String(service.pid())], { encoding: 'utf8' });
    expect(Number(stdout)).toBe(service.pid());
  });

  it('is started again when it dies, and others are told of the new process', async () => {
    const service = run(STEADY);
    await service.ready;
    const first = service.pid();
    process.kill(first, 'SIGKILL');
    while (!said.some((text) => text.includes('is back'))) await sleep(20);
    expect(service.pid()).not.toBe(first);
    expect(changes).toBe(1);
    expect(said[0]).toMatch(/^service was ended by SIGKILL; starting it again in 0.2 s/);
    expect(readRecords(places.run).map(({ pid }) => pid)).toEqual([service.pid()]);
  });

  it('that never gets ready is given up, with the end of its log', async () => {
    const service = run(`console.error('DATABASE_URL is not set'); process.exit(1)`);
    await expect(service.ready).rejects.toThrow(
      /service ended with exit code 1; the end of its log:\n.*DATABASE_URL is not set/s,
    );
  });

  it('is given the time to drain, and is not started again', async () => {
    const service = run(STEADY);
    await service.ready;
    const pid = service.pid();
    await children.stopAll(() => {});
    expect(identify(pid)).toBeUndefined();
    expect(readFileSync(join(places.logs, 'service.log'), 'utf8')).toContain('drained');
    expect(said).toEqual([]);
    expect(readRecords(places.run)).toEqual([]);
  });

  it('that does not stop in time is killed', async () => {
    const service = run(`${STEADY}; process.removeAllListeners('SIGTERM').on('SIGTERM', () => {})`, {
      graceMs: 200,
    });
    await service.ready;
    const pid = service.pid();
    const how: string[] = [];
    await children.stopAll((_record, stopped) => how.push(stopped));
    expect(how).toEqual(['killed']);
    expect(identify(pid)).toBeUndefined();
  });
});
