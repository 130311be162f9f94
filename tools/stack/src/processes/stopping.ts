import { setTimeout as sleep } from 'node:timers/promises';
import { groupLives, identify } from './identity.ts';
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
  if (!lives(record)) return 'was gone';
  // Tasks start processes of their own (jest, Maven) and do not pass a signal on; of the others each knows how to stop its own.
  signal(record, record.stopSignal, record.phase === 'task' ? 'group' : 'leader');
  if (await gone(record, record.graceMs)) return 'stopped';
  signal(record, 'SIGKILL', 'group');
  await gone(record, KILLED_WITHIN_MS);
  return 'killed';
}

/**
 * Whether that very process runs, or one that it left behind: each has a process group of its own, by its number. Somebody else who
 * has that number now is never taken for it.
 */
export function lives(record: RunRecord): boolean {
  const now = identify(record.pid);
  return now === undefined ? groupLives(record.pid) : now.began === record.began;
}

function signal(record: RunRecord, name: NodeJS.Signals, to: 'leader' | 'group'): void {
  const leaderIsGone = identify(record.pid) === undefined;
  try {
    process.kill(to === 'group' || leaderIsGone ? -record.pid : record.pid, name);
  } catch {
    // It went in this moment.
  }
}

async function gone(record: RunRecord, withinMs: number): Promise<boolean> {
  const deadlineMs = Date.now() + withinMs;
  while (lives(record)) {
    if (Date.now() > deadlineMs) return false;
    await sleep(LOOK_EVERY_MS);
  }
  return true;
}
