import { setTimeout as sleep } from 'node:timers/promises';

export interface EventuallyOptions {
  /** How long the condition may take. */
  readonly withinMs?: number;
  /** Pause between two looks. */
  readonly everyMs?: number;
}

/**
 * Runs `look` until it stops throwing and returns its value; after `withinMs` its last error is thrown.
 * A look that returns `undefined` or `false` counts as "not yet"; one that only asserts returns `true` at its end.
 */
export async function eventually<Value>(
  look: () => Value | Promise<Value>,
  { withinMs = 10_000, everyMs = 50 }: EventuallyOptions = {},
): Promise<Exclude<Value, undefined | false>> {
  const deadlineMs = Date.now() + withinMs;
  for (;;) {
    let lastError: unknown;
    try {
      const value = await look();
      if (value !== undefined && value !== false) return value as Exclude<Value, undefined | false>;
      lastError = new Error(`still ${String(value)}`);
    } catch (error) {
      lastError = error;
    }
    if (Date.now() >= deadlineMs) {
      const reason = lastError instanceof Error ? lastError.message : String(lastError);
      throw new Error(`Not within ${withinMs} ms: ${reason}`, { cause: lastError });
    }
    await sleep(everyMs);
  }
}
