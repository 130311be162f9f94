import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  createTestDatabase,
  dependenciesFromEnv,
  eventually,
  httpClient,
  uniqueName,
  type Stack,
  type TestDatabase,
} from '@trackline/testkit';
import { Ports } from '../../src/ports.ts';
import { identify } from '../../src/processes/identity.ts';
import { readRecords } from '../../src/processes/run-record.ts';

const START = resolve(import.meta.dirname, '../../start.mjs');
const UP_WITHIN_MS = 90_000;
/** What the reader of `npm start` is promised. */
const DOWN_WITHIN_MS = 30_000;

interface Run {
  readonly process: ChildProcess;
  /** What it has said so far. */
  said(): string;
  readonly exitCode: Promise<number | null>;
}

describe('npm start', () => {
  const home = mkdtempSync(join(tmpdir(), 'trackline-home-'));
  const stackFile = join(home, 'stack.json');
  const runs: Run[] = [];
  let database: TestDatabase;
  let env: NodeJS.ProcessEnv;
  let port: number;

  beforeAll(async () => {
    const dependencies = dependenciesFromEnv();
    database = await createTestDatabase(dependencies.databaseUrl, 'npm_start');
    port = await new Ports(join(home, 'ports.json')).choose('gateway');
    env = {
      ...process.env,
      TRACKLINE_HOME: home,
      TOPIC_PREFIX: `${uniqueName('npm-start')}.`,
      KAFKA_BROKERS: dependencies.kafkaBrokers,
      DATABASE_URL: database.databaseUrl,
      // One embedded part, so that these are seen to start and to go as well.
      REDIS_URL: '',
      NODE_OPTIONS: '',
    };
  });

  afterEach(async () => {
    for (const run of runs.splice(0)) {
      run.process.kill('SIGTERM');
      await run.exitCode;
    }
  });

  afterAll(async () => {
    await database.drop();
    rmSync(home, { recursive: true, force: true });
  });

  function start(...options: string[]): Run {
    const child = spawn(process.execPath, [START, '--port', String(port), ...options], { env });
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (text: Buffer) => (said += text.toString()));
    const exitCode = new Promise<number | null>((settle) => child.once('exit', settle));
    const run = { process: child, said: () => said, exitCode };
    runs.push(run);
    return run;
  }

  /** Waits for stack.json; a start that ends before is shown with all that it said. */
  async function up(run: Run): Promise<Stack> {
    await eventually(() => existsSync(stackFile) || run.process.exitCode !== null, {
      withinMs: UP_WITHIN_MS,
    });
    if (run.process.exitCode !== null) throw new Error(`It ended:\n${run.said()}`);
    return readStack();
  }

  const readStack = () => JSON.parse(readFileSync(stackFile, 'utf8')) as Stack;
  const ownProcesses = () => readRecords(join(home, 'run')).map(({ pid }) => pid);
  const alive = (pids: number[]) => pids.filter((pid) => identify(pid) !== undefined);

  it('leaves no orphan when it is killed', async () => {
    const killed = start('--no-demonstration');
    await up(killed);
    const processes = ownProcesses();
    killed.process.kill('SIGKILL');
    await eventually(() => alive(processes).length === 0, { withinMs: DOWN_WITHIN_MS });
    expect(existsSync(stackFile)).toBe(false);
  }, 120_000);

  it('starts after that, runs the main job, ends with 0 and leaves nothing running', async () => {
    const run = start('--once');
    const stack = await up(run);
    const processes = ownProcesses();
    expect(await run.exitCode).toBe(0);
    expect(run.said()).toContain('Three events were counted; the duplicate was not');
    expect(stack.services.map(({ name }) => name)).toEqual([
      'ingest',
      'dedup-meter',
      'trigger',
      'timeline',
      'connectors',
    ]);
    expect(processes).toHaveLength(7);
    expect(alive(processes)).toEqual([]);
    expect(readdirSync(home).sort()).toEqual([
      'admin-token.json',
      'data',
      'demonstration.json',
      'logs',
      'ports.json',
      'run',
    ]);
  }, 150_000);

  it('keeps its data, refuses a second instance, starts a dead service again, and stops at Ctrl-C, pressed twice', async () => {
    const run = start('--no-demonstration', '--instances', 'ingest=2');
    const stack = await up(run);
    const call = httpClient(stack.url, { key: stack.apiKey });
    expect((await call('GET', '/v1/usage')).json).toMatchObject({ used: 3 });
    expect(stack.services.map(({ instance }) => instance)).toContain('ingest-2');

    const second = start('--once');
    expect(await second.exitCode).toBe(1);
    expect(second.said()).toMatch(/Trackline is running here already: process \d+, since /);

    const victim = stack.services.find(({ instance }) => instance === 'ingest-2')!;
    process.kill(victim.pid, 'SIGKILL');
    const reborn = await eventually(
      () => readStack().services.find(({ instance, pid }) => instance === 'ingest-2' && pid !== victim.pid),
      { withinMs: 10_000 },
    );
    expect(reborn.url).toBe(victim.url);
    await eventually(() => run.said().includes(`is back as process ${reborn.pid}`), { withinMs: 30_000 });

    const processes = ownProcesses();
    const stoppedMs = Date.now();
    run.process.kill('SIGINT');
    setTimeout(() => run.process.kill('SIGINT'), 600);
    expect(await run.exitCode).toBe(0);
    expect(Date.now() - stoppedMs).toBeLessThan(DOWN_WITHIN_MS);
    expect(alive(processes)).toEqual([]);
    expect(existsSync(stackFile)).toBe(false);
  }, 150_000);

  it('says who has its port', async () => {
    const server = createServer().listen(port, '127.0.0.1');
    await new Promise((listening) => server.once('listening', listening));
    try {
      const run = start('--once');
      expect(await run.exitCode).toBe(1);
      expect(run.said()).toMatch(new RegExp(`Port ${port} is taken .*Trackline's own address is not free`));
      expect(run.said()).toContain(`npm start -- --port ${port + 10}`);
    } finally {
      server.close();
    }
  }, 60_000);
});
