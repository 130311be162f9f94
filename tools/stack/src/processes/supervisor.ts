import { setTimeout as sleep } from 'node:timers/promises';
import { Fault } from '../fault.ts';
import type { Say } from '../say.ts';
import { describeExit, lastLines, type Child, type Children, type ChildSpec } from './children.ts';

const LOOK_EVERY_MS = 100;
const PROBE_MS = 2_000;
const READY_WITHIN_MS = 60_000;
const FIRST_BACKOFF_MS = 200;
const LONGEST_BACKOFF_MS = 5_000;
/** Who was ready this long has earned a quick restart again. */
const STEADY_AFTER_MS = 30_000;
/** So many deaths before it was ever ready are no accident. */
const STILLBORN_LIMIT = 3;

export interface Supervised {
  readonly name: string;
  /** Of the process that runs now. */
  pid(): number;
  /** Ready for the first time; rejects when it does not get there. */
  readonly ready: Promise<void>;
}

/** Keeps processes running that have a `/health/ready`: one that dies is started again, the later the more often it died. */
export class Supervisor {
  private readonly children: Children;
  private readonly say: Say;
  private readonly onChange: () => void;

  constructor(children: Children, say: Say, onChange: () => void) {
    this.children = children;
    this.say = say;
    this.onChange = onChange;
  }

  keepRunning(spec: ChildSpec, url: string): Supervised {
    let child = this.children.start(spec);
    const lives = async (markReady: () => void): Promise<void> => {
      let deathsInARow = 0;
      let everReady = false;
      for (;;) {
        const bornMs = Date.now();
        const becameReady = await this.liveOnce(child, url, () => {
          if (everReady) this.say.done(spec.name, `is back as process ${child.pid}`, Date.now() - bornMs);
          everReady = true;
          markReady();
        });
        if (this.children.isClosed) return;
        const steady = becameReady && Date.now() - bornMs > STEADY_AFTER_MS;
        deathsInARow = steady ? 1 : deathsInARow + 1;
        const death = describeExit(child.exit()!);
        if (!everReady && deathsInARow >= STILLBORN_LIMIT) throw notReady(`${spec.name} ${death}`, child);
        const backoffMs = Math.min(FIRST_BACKOFF_MS * 2 ** (deathsInARow - 1), LONGEST_BACKOFF_MS);
        this.say.notice(
          spec.name,
          `${death}; starting it again in ${backoffMs / 1000} s (log: ${child.logFile})`,
        );
        await sleep(backoffMs);
        if (this.children.isClosed) return;
        child = this.children.start(spec);
        this.onChange();
      }
    };
    const ready = new Promise<void>((settle, fail) => void lives(settle).catch(fail));
    return { name: spec.name, pid: () => child.pid, ready: within(ready, spec.name, () => child, url) };
  }

  /** From birth to death; true when it got ready in between. */
  private async liveOnce(child: Child, url: string, onReady: () => void): Promise<boolean> {
    let becameReady = false;
    const watching = (async () => {
      while (child.exit() === undefined) {
        if ((await readiness(url)) === 'ready' && child.exit() === undefined) {
          becameReady = true;
          return onReady();
        }
        await sleep(LOOK_EVERY_MS);
      }
    })();
    await child.exited;
    await watching;
    return becameReady;
  }
}

async function within(ready: Promise<void>, name: string, child: () => Child, url: string): Promise<void> {
  const timer = new AbortController();
  const tooLate = sleep(READY_WITHIN_MS, 'too late' as const, { signal: timer.signal }).catch(
    () => undefined,
  );
  try {
    if ((await Promise.race([ready, tooLate])) !== 'too late') return;
  } finally {
    timer.abort();
  }
  throw notReady(
    `${name} was not ready within ${READY_WITHIN_MS / 1000} s; it says: ${await readiness(url)}`,
    child(),
  );
}

async function readiness(url: string): Promise<string> {
  try {
    const response = await fetch(new URL('/health/ready', url), { signal: AbortSignal.timeout(PROBE_MS) });
    const text = await response.text();
    return response.status === 200 ? 'ready' : text;
  } catch (error) {
    return error instanceof Error
      ? ((error.cause as Error | undefined)?.message ?? error.message)
      : String(error);
  }
}

function notReady(message: string, child: Child): Fault {
  return new Fault(
    `${message}; the end of its log:\n${lastLines(child.logFile)}`,
    `All of it: ${child.logFile}`,
  );
}
