/** Milliseconds to wait before try number `attempt` (0 is the first repetition): doubling, capped, ±20 % so that instances spread out. */
export function backoffMs(attempt: number, firstMs: number, maxMs: number): number {
  const grown = Math.min(maxMs, firstMs * 2 ** Math.min(attempt, 20));
  return Math.round(grown * (0.8 + Math.random() * 0.4));
}

/** Resolves after `ms`, or as soon as the signal is raised: never rejects. */
export function waitFor(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const finish = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    const timer = setTimeout(finish, ms);
    signal?.addEventListener('abort', finish, { once: true });
  });
}
