import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type { Places } from '../places.ts';
import type { CaretakerOrder } from './caretaker.ts';
import { identify } from './identity.ts';

/** Starts the caretaker of this stack. Returns how to dismiss it after a proper stop. */
export function watchOver(
  places: Places,
  remove: readonly string[] = [],
  mark?: string,
): () => Promise<void> {
  const order: CaretakerOrder = {
    runDirectory: places.run,
    owner: identify(process.pid)!,
    stackFile: places.stackFile,
    remove,
    ...(mark !== undefined && { mark }),
  };
  const log = openSync(join(places.logs, 'caretaker.log'), 'a');
  const caretaker = spawn(
    process.execPath,
    [join(import.meta.dirname, 'caretaker.js'), JSON.stringify(order)],
    { detached: true, stdio: ['pipe', log, log] },
  );
  closeSync(log);
  const stdin = caretaker.stdin!;
  stdin.on('error', () => {});
  // Neither it nor the pipe to it keeps us running.
  caretaker.unref();
  (stdin as unknown as { unref(): void }).unref();
  const gone = new Promise<void>((settle) => {
    caretaker.once('exit', () => settle()).once('error', () => settle());
  });
  return async () => {
    caretaker.ref();
    stdin.end('bye\n');
    await gone;
  };
}
