export interface ForgetParts {
  /** Forgets up to `limit` of what is older than `ageMs`; gives how many. */
  readonly forget: (ageMs: number, limit: number) => Promise<number>;
  readonly keptMs: number;
  /** How many in one go: large rows need small portions. */
  readonly portion: number;
  readonly onFault: (error: unknown) => void;
  readonly everyMs: number;
  /** Resolves early when the signal is raised. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<unknown>;
}

/** Keeps what is remembered for a time from growing for ever, in portions. Runs until the signal is raised. */
export async function forgetOld(
  { forget, keptMs, portion, onFault, everyMs, pause }: ForgetParts,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      while ((await forget(keptMs, portion)) === portion && !signal.aborted);
    } catch (error) {
      onFault(error);
    }
    await pause(everyMs, signal);
  }
}
