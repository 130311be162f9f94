import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { uuidv7 } from '@trackline/kernel';
import { eventually } from '@trackline/testkit';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { identify } from './identity.ts';
import { endMarked, MARK, marked } from './marked.ts';

const GRACE_MS = 5_000;

describe('what carries the mark of a test run', () => {
  let mark: string;

  beforeEach(() => {
    mark = uuidv7();
  });
  afterEach(() => endMarked(mark, 0));

  /** In a session of its own; settles with the numbers that it says in its first line. */
  async function run(script: string, env: NodeJS.ProcessEnv = { ...process.env, [MARK]: mark }) {
    const child = spawn('/bin/sh', ['-c', script], {
      detached: true,
      env,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [said] = (await once(child.stdout, 'data')) as [Buffer];
    child.unref();
    return said.toString().trim().split(' ').map(Number);
  }

  const alive = (pids: readonly number[]) => pids.filter((pid) => identify(pid) !== undefined);

  it('is found also when whoever started it is gone', async () => {
    const [left] = await run('sleep 60 >/dev/null & echo $!');
    expect(marked(mark).map(({ pid }) => pid)).toContain(left);
  });

  it('is ended, in whatever session it is', async () => {
    const pids = [...(await run('sleep 60 & echo $$ $!; wait')), ...(await run('echo $$; exec sleep 60'))];
    expect(alive(pids)).toEqual(pids);
    expect(await endMarked(mark, GRACE_MS)).toBe(3);
    expect(alive(pids)).toEqual([]);
  });

  it('is ended also when it is paused, or does not listen', async () => {
    const paused = await run('echo $$; exec sleep 60');
    process.kill(paused[0]!, 'SIGSTOP');
    const deaf = await run('trap "" TERM; echo $$; while true; do sleep 0.1; done');
    await endMarked(mark, 300);
    expect(alive([...paused, ...deaf])).toEqual([]);
  });

  it('is ended with what has lost the mark: by its parent, by its session, or by the session alone', async () => {
    const pids = await run('env -i sleep 60 & (env -i sleep 60 & echo $$ $! $(jobs -p)); wait');
    const bare = await run('env -i sleep 60 >/dev/null & echo $$ $!');
    const [leader, orphan] = bare as [number, number];
    await eventually(() => identify(leader) === undefined);
    expect(await endMarked(mark, GRACE_MS, [{ pid: leader, began: 'some time' }])).toBeGreaterThan(2);
    expect(alive([...pids, orphan])).toEqual([]);
  });

  it('is left alone when it is of another run', async () => {
    const pids = await run('echo $$; exec sleep 60', { ...process.env, [MARK]: `${mark}0` });
    expect(await endMarked(mark, GRACE_MS)).toBe(0);
    expect(alive(pids)).toEqual(pids);
    await endMarked(`${mark}0`, GRACE_MS);
  });
});
