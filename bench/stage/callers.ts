import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { LoadResult, LoadTarget, LoadTask } from '../load/http-load.ts';

/** Callers of HTTP in a process of their own. */
export class HttpCallers {
  private readonly child: ChildProcess;

  constructor(target: LoadTarget) {
    this.child = fork(join(import.meta.dirname, '../load/http-load.js'), {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
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

/** Throws when an answer is neither whole nor "accepted"; gives how many of each came. */
export function answersOf(results: readonly LoadResult[]): {
  readonly whole: number;
  readonly accepted: number;
} {
  const sum: Record<string, number> = {};
  for (const { statuses } of results)
    for (const [status, count] of Object.entries(statuses)) sum[status] = (sum[status] ?? 0) + count;
  const { 200: whole = 0, 202: accepted = 0, ...others } = sum;
  if (Object.keys(others).length > 0) throw new Error(`Not all was answered: ${JSON.stringify(sum)}`);
  return { whole, accepted };
}
