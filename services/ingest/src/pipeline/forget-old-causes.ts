export interface ForgetParts {
  /** Forgets up to `limit` causes older than `ageMs`; gives how many. */
  readonly purgeCauses: (ageMs: number, limit: number) => Promise<number>;
  readonly onFault: (error: unknown) => void;
  readonly everyMs: number;
  /** Resolves early when the signal is raised. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<unknown>;
}

/** Longer than a dead letter is kept: until then an event can come again, and with it what it did to a contact. */
const KEPT_MS = 35 * 86_400_000;
const MAX_AT_ONCE = 5_000;

/** Keeps the directory's memory of causes from growing for ever. Runs until the signal is raised. */
export async function forgetOldCauses(
  { purgeCauses, onFault, everyMs, pause }: ForgetParts,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      while ((await purgeCauses(KEPT_MS, MAX_AT_ONCE)) === MAX_AT_ONCE && !signal.aborted);
    } catch (error) {
      onFault(error);
    }
    await pause(everyMs, signal);
  }
}
