import { rmSync } from 'node:fs';
import type { Places } from './places.ts';
import { isRunning } from './processes/identity.ts';
import { forgetRecord, readRecords } from './processes/run-record.ts';
import { stopInOrder } from './processes/stopping.ts';
import type { Say } from './say.ts';

/**
 * Clears what an earlier run left behind when it could not stop properly. Only for the holder of the lock. A process is stopped
 * only if it is the very one that was recorded: same number, same beginning.
 */
export async function clearLeftBehind(places: Places, say: Say): Promise<void> {
  const startedMs = Date.now();
  rmSync(places.stackFile, { force: true });
  const records = readRecords(places.run);
  const orphans = records.filter(isRunning);
  if (orphans.length > 0) {
    say.notice(
      'earlier run',
      `it was cut short; stopping what it left running: ${orphans.map(({ name }) => name).join(', ')}`,
    );
    await stopInOrder(orphans);
    say.done('earlier run', 'cleared', Date.now() - startedMs);
  }
  for (const record of records) forgetRecord(places.run, record);
}
