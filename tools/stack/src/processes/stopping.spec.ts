import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import { groupLives, identify } from './identity.ts';
import type { RunRecord } from './run-record.ts';
import { stopInOrder, stopProcess } from './stopping.ts';

describe('stopping', () => {
  const started: number[] = [];

  afterEach(() => {
    for (const pid of started.splice(0)) {
      try {
        process.kill(-pid, 'SIGKILL');
      } catch {
        // Gone, as it should be.
      }
    }
  });

  /** Runs in a group of its own; settles at the first line it says. */
  async function record(script: string, more: Partial<RunRecord> = {}): Promise<RunRecord> {
    const child = spawn('/bin/sh', ['-c', script], { detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
    const pid = child.pid!;
    started.push(pid);
    const { began } = identify(pid)!;
    await once(child.stdout, 'data');
    const owner = identify(process.pid)!;
    return {
      name: 'some',
      phase: 'service',
      stopSignal: 'SIGTERM',
      graceMs: 5_000,
      owner,
      pid,
      began,
      ...more,
    };
  }

  it('leaves a process alone that merely has the number of the one that was recorded', async () => {
    const stranger = await record('echo up; exec sleep 60', { began: 'long ago' });
    expect(await stopProcess(stranger)).toBe('was gone');
    expect(identify(stranger.pid)).toBeDefined();
  });

  it('of a task reaches what the task has started', async () => {
    const task = await record('sleep 60 & echo up; wait', { phase: 'task' });
    expect(await stopProcess(task)).toBe('stopped');
    expect(groupLives(task.pid)).toBe(false);
  });

  it('reaches what a process has left behind when it ended', async () => {
    const left = await record('sleep 60 & echo up');
    while (identify(left.pid)) await new Promise((soon) => setTimeout(soon, 10));
    expect(groupLives(left.pid)).toBe(true);
    expect(await stopProcess(left)).toBe('stopped');
    expect(groupLives(left.pid)).toBe(false);
  });

  it('kills what does not stop in time', async () => {
    const stubborn = await record('trap "" TERM; echo up; while true; do sleep 1; done', { graceMs: 100 });
    expect(await stopProcess(stubborn)).toBe('killed');
    expect(groupLives(stubborn.pid)).toBe(false);
  });

  it('ends who uses before what is used', async () => {
    const [redis, service] = await Promise.all([
      record('echo up; exec sleep 60', { name: 'redis', phase: 'redis' }),
      record('trap "sleep 0.3; exit" TERM; echo up; while true; do sleep 0.1; done', { name: 'ingest' }),
    ]);
    const order: string[] = [];
    await stopInOrder([redis, service], ({ name }) => {
      order.push(`${name}, redis ${identify(redis.pid) ? 'up' : 'down'}`);
    });
    expect(order).toEqual(['ingest, redis up', 'redis, redis down']);
  });
});
