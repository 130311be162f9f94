import { readFileSync } from 'node:fs';
import { Fault } from '../fault.ts';
import { describeExit, lastLines, type Children } from '../processes/children.ts';
import type { SetupStep } from './steps.ts';

const GRACE_MS = 2_000;

/** Runs the step to its end and returns the last line it said. */
export async function runStep(children: Children, step: SetupStep, env: NodeJS.ProcessEnv): Promise<string> {
  const child = children.start({
    name: step.name,
    phase: 'task',
    command: process.execPath,
    args: ['--enable-source-maps', step.script],
    env: { ...process.env, ...env },
    graceMs: GRACE_MS,
  });
  const exit = await child.exited;
  if (exit.code !== 0) {
    throw new Fault(
      `${step.name} ${describeExit(exit)}:\n${lastLines(child.logFile)}`,
      `All of it: ${child.logFile}`,
    );
  }
  return readFileSync(child.logFile, 'utf8').trimEnd().split('\n').at(-1) ?? '';
}
