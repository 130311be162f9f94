import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LoadResult, LoadTarget, LoadTask } from '../load/http-load.ts';
import { assertCount } from '../scenario.ts';

/** Without one more event for so long, nothing will come any more. */
const STALLED_MS = 30_000;
const LOOK_EVERY_MS = 250;

/** Callers of HTTP in a process of their own. */
export class HttpCallers {
  private readonly child: ChildProcess;
  private readonly died: Promise<never>;

  constructor(target: LoadTarget) {
    this.child = fork(join(import.meta.dirname, '../load/http-load.js'), {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      // As JSON, what is no number would come as null.
      serialization: 'advanced',
    });
    this.died = once(this.child, 'exit').then(() => {
      throw new Error('The callers ended by themselves.');
    });
    // Told where somebody waits for them.
    this.died.catch(() => undefined);
    this.child.send({ target });
  }

  get process(): { readonly name: string; readonly pid: number } {
    return { name: 'callers', pid: this.child.pid! };
  }

  async run(task: LoadTask): Promise<LoadResult> {
    this.child.send({ task });
    const answered = once(this.child, 'message') as Promise<[LoadResult]>;
    const [result] = await Promise.race([answered, this.died]);
    return result;
  }

  close(): void {
    this.child.kill('SIGKILL');
  }
}

/** All answers of a run, and what came instead of one. */
export const allOf = ({ statuses }: LoadResult): number =>
  Object.values(statuses).reduce((sum, count) => sum + count, 0);

/** Without those of these statuses, by which nothing counts. */
export const withoutStatuses = (result: LoadResult, ...gone: readonly string[]): LoadResult => ({
  ...result,
  statuses: Object.fromEntries(Object.entries(result.statuses).filter(([status]) => !gone.includes(status))),
});

export interface Answers {
  readonly whole: number;
  /** 202: not judged by the deadline. */
  readonly accepted: number;
  /** None of these, or no answer: whether their events count, the caller does not know. */
  readonly others: number;
}

export function answersOf(results: readonly LoadResult[]): Answers {
  let [whole, accepted, all] = [0, 0, 0];
  for (const result of results) {
    whole += result.statuses['200'] ?? 0;
    accepted += result.statuses['202'] ?? 0;
    all += allOf(result);
  }
  return { whole, accepted, others: all - whole - accepted };
}

/** Holds a count of events against the answers to requests of so many events each. Waits until all that was answered is there. */
export async function assertAnswered(
  what: string,
  count: () => Promise<number>,
  { whole, accepted, others }: Answers,
  eventsOfEach = 1,
): Promise<string> {
  const answered = (whole + accepted) * eventsOfEach;
  const found = await settled(count, answered);
  if (others === 0) return assertCount(what, found, answered);
  const most = answered + others * eventsOfEach;
  if (found >= answered && found <= most)
    return `${what}: ${found}, of ${answered} answered and ${most} sent`;
  throw new Error(`${what}: ${found}; ${answered} were answered, ${most} sent.`);
}

/** What is counted when enough is there, or when no more comes. */
async function settled(count: () => Promise<number>, enough: number): Promise<number> {
  let last = { found: await count(), atMs: performance.now() };
  while (last.found < enough && performance.now() - last.atMs < STALLED_MS) {
    await sleep(LOOK_EVERY_MS);
    const found = await count();
    if (found > last.found) last = { found, atMs: performance.now() };
  }
  return last.found;
}
