import { setTimeout as sleep } from 'node:timers/promises';
import { Fault } from '../fault.ts';
import { describeExit, lastLines, type Child } from '../processes/children.ts';

const LOOK_EVERY_MS = 50;

/** Looks until `answers` says yes. A child that ends first, or the time running out, is a fault that shows the end of its log. */
export async function waitUntilUp(
  name: string,
  child: Child,
  answers: () => Promise<boolean>,
  withinMs: number,
): Promise<void> {
  const deadlineMs = Date.now() + withinMs;
  for (;;) {
    const exit = child.exit();
    if (exit) throw notUp(`${name} ${describeExit(exit)} while starting`, child);
    if (await answers()) return;
    if (Date.now() > deadlineMs) throw notUp(`${name} did not answer within ${withinMs / 1000} s`, child);
    await sleep(LOOK_EVERY_MS);
  }
}

/** For a dependency of somebody else: nothing to start, only to reach. */
export async function waitUntilReachable(
  what: () => string,
  answers: () => Promise<boolean>,
  withinMs: number,
  remedy: string,
): Promise<void> {
  const deadlineMs = Date.now() + withinMs;
  while (!(await answers())) {
    if (Date.now() > deadlineMs) throw new Fault(what(), remedy);
    await sleep(LOOK_EVERY_MS * 4);
  }
}

function notUp(message: string, child: Child): Fault {
  return new Fault(
    `${message}; the end of its log:\n${lastLines(child.logFile)}`,
    `All of it: ${child.logFile}`,
  );
}
