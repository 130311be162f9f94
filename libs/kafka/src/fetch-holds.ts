export interface HoldLimits {
  /** What was fetched and is not handled holds up the next fetch so long at most. */
  maxHoldMs?: number | undefined;
  /** The least time between a fetch that was held up and the next one. */
  fetchEveryMs?: number | undefined;
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
  /** Of the running fetch, and of all. */
  #running: Hold[] = [];
  readonly #held = new Set<Hold>();
  #isBacklog = false;

  constructor(limits: HoldLimits, ended: AbortSignal) {
    this.#limits = limits;
    this.#ended = ended;
    ended.addEventListener('abort', () => this.#held.forEach((hold) => hold.end()), { once: true });
  }

  fetchBegins(): void {
    this.#running = [];
    this.#isBacklog = false;
  }

  /** There is more where this came from. */
  backlog(): void {
    this.#isBacklog = true;
    for (const hold of this.#running.splice(0)) hold.end();
  }

  /** Resolves when the next may be fetched. */
  async until(handled: Promise<void>): Promise<void> {
    if (this.#isBacklog || this.#ended.aborted) return;
    const { maxHoldMs = MAX_HOLD_MS, fetchEveryMs = 0 } = this.#limits;
    const hold = new Hold(handled, maxHoldMs, fetchEveryMs);
    this.#running.push(hold);
    this.#held.add(hold);
    await hold.over;
    this.#held.delete(hold);
  }
}

/** Until `handled` settles, `mostMs` at most, and `leastMs` at least. One begins with each fetch of each partition: it costs a promise and two timers. */
class Hold {
  readonly over: Promise<void>;
  readonly #most: NodeJS.Timeout;
  readonly #least: NodeJS.Timeout | undefined;
  #isLongEnough: boolean;
  #isDone = false;
  #resolve!: () => void;

  constructor(handled: Promise<void>, mostMs: number, leastMs: number) {
    this.over = new Promise((resolve) => (this.#resolve = resolve));
    const done = (): void => {
      this.#isDone = true;
      if (this.#isLongEnough) this.end();
    };
    this.#isLongEnough = leastMs <= 0;
    if (!this.#isLongEnough) {
      this.#least = setTimeout(() => {
        this.#isLongEnough = true;
        if (this.#isDone) this.end();
      }, leastMs);
    }
    this.#most = setTimeout(done, mostMs);
    handled.then(done, done);
  }

  end(): void {
    clearTimeout(this.#most);
    clearTimeout(this.#least);
    this.#resolve();
  }
}
