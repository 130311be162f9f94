/**
 * Outlives the stack by a moment: when the stack goes without a word (kill -9, a crash), its end of our stdin closes, and we stop
 * what it had started, in order. A stack that has stopped properly says "bye" first.
 *
 * One argument: a CaretakerOrder as JSON.
 */
import { rmSync } from 'node:fs';
import type { ProcessIdentity } from './identity.ts';
import { endMarked } from './marked.ts';
import { readRecords } from './run-record.ts';
import { stopInOrder } from './stopping.ts';

export interface CaretakerOrder {
  readonly runDirectory: string;
  readonly owner: ProcessIdentity;
  /** Tells others where the stack is, which is no longer so. */
  readonly stackFile: string;
  /** Directories to remove once the stack is gone: those of a test run. */
  readonly remove: readonly string[];
  /** Of a test run: what carries it is ended, too. */
  readonly mark?: string;
}

const MARKED_GRACE_MS = 10_000;

const { runDirectory, owner, stackFile, remove, mark } = JSON.parse(process.argv[2]!) as CaretakerOrder;

let said = '';
process.stdin.setEncoding('utf8').on('data', (text) => (said += text));
process.stdin.once('end', () => {
  void (async () => {
    if (!said.includes('bye')) {
      rmSync(stackFile, { force: true });
      // A next run may have begun by now: what is its own is left alone.
      const ours = readRecords(runDirectory).filter(
        (record) => record.owner.pid === owner.pid && record.owner.began === owner.began,
      );
      if (mark !== undefined)
        await endMarked(
          mark,
          MARKED_GRACE_MS,
          ours.filter(({ phase }) => phase === 'task'),
        );
      await stopInOrder(ours);
    }
    for (const directory of remove) rmSync(directory, { recursive: true, force: true });
  })();
});
