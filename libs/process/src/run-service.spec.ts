import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from '@jest/globals';
import { eventually, SOURCES_IN_NODE } from '@trackline/testkit';

const LIBRARY = new URL('./index.ts', import.meta.url).href;

/** A tiny service; `start` is the text of its start. It tells `up` once it has begun to start. */
const serviceWith = (start: string, drainLimitMs = 60_000): string => `
  import { readSettings, runService } from '${LIBRARY}';
  runService({
    service: 'tiny',
    loadConfig: (env) => readSettings(env, (settings) => settings.ofService('tiny', { httpPort: 8080 })),
    start: async (config, logger) => { logger.info('up'); ${start} },
    drainLimitMs: ${drainLimitMs},
  });
  // What a server's socket does for a real service.
  setInterval(() => {}, 60_000);
`;

const SETTINGS = { KAFKA_BROKERS: 'nowhere:1', DATABASE_URL: 'postgres://nowhere/x', ADMIN_TOKEN: 'token' };
const LONGEST_TEST_MS = 60_000;

describe('the process of a service', () => {
  const children: ChildProcess[] = [];
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
  });

  function run(program: string, env: Record<string, string> = SETTINGS) {
    const args = [...SOURCES_IN_NODE, '--input-type=module', '--eval', program];
    const child = spawn(process.execPath, args, {
      env: { PATH: process.env.PATH, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.push(child);
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (said += chunk));
    const complained = text(child.stderr);
    const ended = once(child, 'close').then(async ([code]) => ({
      code: code as number,
      log: said,
      complained: await complained,
    }));
    const hasSaid = (words: string) => eventually(() => said.includes(words), { withinMs: LONGEST_TEST_MS });
    return { child, ended, hasSaid };
  }

  it(
    'ends with 78 and all that is wrong with its settings before it starts',
    async () => {
      const { code, log, complained } = await run(serviceWith('return { stop: async () => {} };'), {
        HTTP_PORT: 'x',
      }).ended;
      expect(code).toBe(78);
      expect(complained).toMatch(/^Settings are missing or wrong:\n {2}KAFKA_BROKERS is not set/);
      expect(complained).toContain('HTTP_PORT is "x"');
      expect(log).toBe('');
    },
    LONGEST_TEST_MS,
  );

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'drains on %s, once, and ends with 0',
    async (signal) => {
      const { child, ended, hasSaid } = run(
        serviceWith(`return { stop: () => new Promise((resolve) => {
          process.once('SIGUSR2', () => { logger.info('stopped'); resolve(); });
          logger.info('stopping');
        }) };`),
      );
      await hasSaid('"up"');
      child.kill(signal);
      await hasSaid('"stopping"');
      child.kill(signal);
      child.kill('SIGUSR2');
      const { code, log } = await ended;
      expect(code).toBe(0);
      expect(log.match(/"(draining|stopping|stopped)"/g)).toEqual(['"draining"', '"stopping"', '"stopped"']);
    },
    LONGEST_TEST_MS,
  );

  it(
    'is drained when the signal comes while it starts',
    async () => {
      const { child, ended, hasSaid } = run(
        serviceWith(`await new Promise((resolve) => process.once('SIGUSR2', resolve));
          logger.info('started');
          return { stop: async () => logger.info('stopped') };`),
      );
      await hasSaid('"up"');
      child.kill('SIGTERM');
      await hasSaid('"draining"');
      child.kill('SIGUSR2');
      const { code, log } = await ended;
      expect(code).toBe(0);
      expect(log.match(/"(started|stopped)"/g)).toEqual(['"started"', '"stopped"']);
    },
    LONGEST_TEST_MS,
  );

  it.each([
    ['takes too long', 'return { stop: () => new Promise(() => {}) };', 'not drained in time'],
    ['fails', "return { stop: () => Promise.reject(new Error('of no use')) };", 'draining failed'],
  ])(
    'ends with 1 when draining %s',
    async (_how, start, words) => {
      const { child, ended, hasSaid } = run(serviceWith(start, 100));
      await hasSaid('"up"');
      child.kill('SIGTERM');
      const { code, log } = await ended;
      expect(code).toBe(1);
      expect(log).toContain(words);
    },
    LONGEST_TEST_MS,
  );

  it.each([
    ['it does not start', "throw new Error('no broker');", 'tiny did not start', 'no broker'],
    [
      'a promise is rejected and nobody looks',
      "void Promise.reject(new Error('lost')); return { stop: async () => {} };",
      'unhandledRejection',
      'lost',
    ],
    [
      'an error is thrown and nobody catches it',
      "setImmediate(() => { throw new Error('loose'); }); return { stop: async () => {} };",
      'uncaughtException',
      'loose',
    ],
  ])(
    'ends with 1 when %s, and says why',
    async (_when, start, words, why) => {
      const { code, log } = await run(serviceWith(start)).ended;
      expect(code).toBe(1);
      expect(JSON.parse(log.trimEnd().split('\n').at(-1) ?? '')).toMatchObject({
        level: 'fatal',
        service: 'tiny',
        msg: words,
        err: { message: why },
      });
    },
    LONGEST_TEST_MS,
  );

  it(
    'dies with all that it logged, in the order in which it logged it',
    async () => {
      const { log } = await run(
        serviceWith(`// All threads of Node's pool are taken: what is written through it comes too late.
          const { pbkdf2 } = await import('node:crypto');
          for (let thread = 0; thread < 16; thread++) pbkdf2('', '', 3e5, 8, 'sha1', () => {});
          for (let n = 0; n < 500; n++) logger.info({ n }, 'line');
          throw new Error('last');`),
      ).ended;
      const lines = log
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as { msg: string; n?: number });
      expect(lines.map(({ msg, n }) => n ?? msg)).toEqual(['up', ...Array(500).keys(), 'tiny did not start']);
    },
    LONGEST_TEST_MS,
  );
});
