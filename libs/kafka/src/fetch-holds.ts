import { waitFor } from './backoff.ts';

export interface HoldLimits {
  /** What was fetched and is not handled holds up the next fetch so long at most. */
  maxHoldMs?: number;
  /** The least time between a fetch that was held up and the next one. */
  fetchEveryMs?: number;
}

/** The limits among a consumer's settings. */
export function holdLimits({ maxHoldMs, fetchEveryMs }: HoldLimits): HoldLimits {
  return {
    ...(maxHoldMs !== undefined && { maxHoldMs }),
    ...(fetchEveryMs !== undefined && { fetchEveryMs }),
  };
}

/** A partition that takes longer no longer holds up the others. */
const MAX_HOLD_MS = 50;

/**
 * Holds up the next fetch while what the last one brought is being handled: others come meanwhile, and fetches grow under load. Not
 * when a backlog was among it. All that a fetch brought is handed over in one turn of the event loop, so that the fetches of several
 * brokers, which all begin here, do not take one another's for their own.
 */
export class FetchHolds {
  readonly #limits: HoldLimits;
  readonly #ended: AbortSignal;
  #running: AbortController[] = [];
  #isBacklog = false;

  constructor(limits: HoldLimits, ended: AbortSignal) {
    this.#limits = limits;
    this.#ended = ended;
  }

  fetchBegins(): void {
    this.#running = [];
    this.#isBacklog = false;
  }

  /** There is more where this came from. */
  backlog(): void {
    this.#isBacklog = true;
    for (const hold of this.#running.splice(0)) hold.abort();
  }

  /** Resolves when the next may be fetched. */
  async until(handled: Promise<void>): Promise<void> {
    if (this.#isBacklog || this.#ended.aborted) return;
    const { maxHoldMs = MAX_HOLD_MS, fetchEveryMs = 0 } = this.#limits;
    const hold = new AbortController();
    this.#running.push(hold);
    this.#ended.addEventListener('abort', () => hold.abort(), { signal: hold.signal });
    const atLeast = fetchEveryMs > 0 ? waitFor(fetchEveryMs, hold.signal) : undefined;
    await Promise.race([handled, waitFor(maxHoldMs, hold.signal)]);
    await atLeast;
    hold.abort();
  }
}
