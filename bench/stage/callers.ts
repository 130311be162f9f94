import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { eventually } from '@trackline/testkit';
import type { LoadResult, LoadTarget, LoadTask } from '../load/http-load.ts';
import { assertCount } from '../scenario.ts';

const SETTLED_WITHIN_MS = 60_000;

/** Callers of HTTP in a process of their own. */
export class HttpCallers {
  private readonly child: ChildProcess;

  constructor(target: LoadTarget) {
    this.child = fork(join(import.meta.dirname, '../load/http-load.js'), {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      // As JSON, what is no number would come as null.
      serialization: 'advanced',
    });
    this.child.send({ target });
  }

  get process(): { readonly name: string; readonly pid: number } {
    return { name: 'callers', pid: this.child.pid! };
  }

  async run(task: LoadTask): Promise<LoadResult> {
    this.child.send({ task });
    const answered = once(this.child, 'message') as Promise<[LoadResult]>;
    const died = once(this.child, 'exit').then(() => {
      throw new Error('The callers ended by themselves.');
    });
    const [result] = await Promise.race([answered, died]);
    return result;
  }

  close(): void {
    this.child.kill('SIGKILL');
  }
}

export interface Answers {
  readonly whole: number;
  /** 202: not judged by the deadline. */
  readonly accepted: number;
  /** None of these, or no answer: whether their events count, the caller does not know. */
  readonly others: number;
}

export function answersOf(results: readonly LoadResult[]): Answers {
  let [whole, accepted, all] = [0, 0, 0];
  for (const { statuses } of results) {
    whole += statuses['200'] ?? 0;
    accepted += statuses['202'] ?? 0;
    all += Object.values(statuses).reduce((sum, count) => sum + count, 0);
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
  await eventually(async () => (await count()) >= answered, {
    withinMs: SETTLED_WITHIN_MS,
    everyMs: 250,
  }).catch(() => undefined);
  const found = await count();
  if (others === 0) return assertCount(what, found, answered);
  const most = answered + others * eventsOfEach;
  if (found >= answered && found <= most)
    return `${what}: ${found}, of ${answered} answered and ${most} sent`;
  throw new Error(`${what}: ${found}; ${answered} were answered, ${most} sent.`);
}
