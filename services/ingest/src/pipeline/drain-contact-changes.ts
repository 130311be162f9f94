import type { ContactChange } from '@trackline/contracts';

export interface DrainParts {
  /** Hands up to `limit` changes to `publish` and removes them once it resolves; gives how many. One instance at a time. */
  readonly drainOutbox: (
    limit: number,
    publish: (changes: readonly ContactChange[]) => Promise<void>,
  ) => Promise<number>;
  readonly publish: (changes: readonly ContactChange[]) => Promise<void>;
  readonly onDrained: (count: number) => void;
  readonly onFault: (error: unknown) => void;
  /** How long to wait when there was nothing to do: others change contacts, too. */
  readonly idleMs: number;
  /** Given what ends such a wait at once. */
  readonly onIdle: (wake: () => void) => void;
}

const MAX_CHANGES_AT_ONCE = 1_000;
const MAX_FAULT_PAUSE_MS = 5_000;

/**
 * Brings the changes that the directory has recorded to `contacts.changed.v1`, in their order: read → publish → remove.
 * Runs until the signal is raised and the round under way is done. A fault leaves the changes where they are.
 */
export async function drainContactChanges(parts: DrainParts, signal: AbortSignal): Promise<void> {
  let faultPauseMs = parts.idleMs;
  while (!signal.aborted) {
    try {
      const drained = await parts.drainOutbox(MAX_CHANGES_AT_ONCE, parts.publish);
      faultPauseMs = parts.idleMs;
      if (drained > 0) parts.onDrained(drained);
      if (drained < MAX_CHANGES_AT_ONCE) await pause(parts.idleMs, signal, parts.onIdle);
    } catch (error) {
      parts.onFault(error);
      await pause(faultPauseMs, signal);
      faultPauseMs = Math.min(MAX_FAULT_PAUSE_MS, faultPauseMs * 2);
    }
  }
}

function pause(ms: number, signal: AbortSignal, onIdle?: DrainParts['onIdle']): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    if (signal.aborted) return end();
    signal.addEventListener('abort', end, { once: true });
    onIdle?.(end);
  });
}
