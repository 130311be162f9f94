/** True when this part can do its work now; a rejection counts as false and its message is told. */
export type ReadinessCheck = () => boolean | Promise<boolean>;
export type ReadinessChecks = Record<string, ReadinessCheck>;

export type PartState = 'ready' | 'not_ready' | 'timed_out' | 'failed';

export interface Readiness {
  ready: boolean;
  /** By the check's name. */
  parts: Record<string, PartState>;
  /** Messages of the checks that failed. For the log: the answer does not carry them, it may be read by anyone. */
  failures: Record<string, unknown>;
}

/** A probe has usually given up after a few seconds: better to name the part that hangs than to hang with it. */
export const READINESS_TIMEOUT_MS = 2_000;

export async function readiness(
  checks: ReadinessChecks,
  timeoutMs = READINESS_TIMEOUT_MS,
): Promise<Readiness> {
  const parts: Readiness['parts'] = {};
  const failures: Readiness['failures'] = {};
  await Promise.all(
    Object.entries(checks).map(async ([name, check]) => {
      try {
        parts[name] = await within(timeoutMs, check);
      } catch (error) {
        parts[name] = 'failed';
        failures[name] = error;
      }
    }),
  );
  return { ready: Object.values(parts).every((state) => state === 'ready'), parts, failures };
}

async function within(timeoutMs: number, check: ReadinessCheck): Promise<PartState> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<PartState>((resolve) => {
    timer = setTimeout(() => resolve('timed_out'), timeoutMs);
  });
  const verdict = async (): Promise<PartState> => ((await check()) ? 'ready' : 'not_ready');
  try {
    return await Promise.race([verdict(), deadline]);
  } finally {
    clearTimeout(timer);
  }
}
