import { setTimeout as sleep } from 'node:timers/promises';
import { isRunning } from './identity.ts';
import { PHASES, type RunRecord } from './run-record.ts';

const LOOK_EVERY_MS = 25;
/** A killed process is gone at once, unless the kernel still holds it in a call. */
const KILLED_WITHIN_MS = 2_000;

export type Stopped = 'was gone' | 'stopped' | 'killed';

/** Stops one phase after the other, all of one phase at once. */
export async function stopInOrder(
  records: readonly RunRecord[],
  onStopped: (record: RunRecord, how: Stopped) => void = () => {},
): Promise<void> {
  for (const phase of PHASES) {
    const those = records.filter((record) => record.phase === phase);
    await Promise.all(those.map(async (record) => onStopped(record, await stopProcess(record))));
  }
}

export async function stopProcess(record: RunRecord): Promise<Stopped> {
  if (!signal(record, record.stopSignal)) return 'was gone';
  if (await gone(record, record.graceMs)) return 'stopped';
  signal(record, 'SIGKILL');
  await gone(record, KILLED_WITHIN_MS);
  return 'killed';
}

function signal(record: RunRecord, name: NodeJS.Signals): boolean {
  if (!isRunning(record)) return false;
  try {
    process.kill(record.pid, name);
    return true;
  } catch {
    return false;
  }
}

async function gone(record: RunRecord, withinMs: number): Promise<boolean> {
  const deadlineMs = Date.now() + withinMs;
  while (isRunning(record)) {
    if (Date.now() > deadlineMs) return false;
    await sleep(LOOK_EVERY_MS);
  }
  return true;
}
