import type { Clock } from '@trackline/kernel';

export interface BypassSettings {
  readonly clock: Clock;
  /** Called for each call that went on without Redis. */
  readonly onBypass: (use: string) => void;
}

/** After a failure nobody waits for a timeout again for so long. */
const PAUSE_MS = 1_000;

/**
 * Redis where it is not needed for being right: a call that fails, or comes shortly after one that did, gives
 * `undefined`, and its caller goes on without. A Redis that hangs would otherwise cost every request its timeout.
 */
export class Bypass {
  private readonly settings: BypassSettings;
  private closedUntilMs = 0;

  constructor(settings: BypassSettings) {
    this.settings = settings;
  }

  async attempt<Result>(use: string, work: () => Promise<Result>): Promise<Result | undefined> {
    const { clock, onBypass } = this.settings;
    if (clock.now() >= this.closedUntilMs) {
      try {
        return await work();
      } catch {
        this.closedUntilMs = clock.now() + PAUSE_MS;
      }
    }
    onBypass(use);
    return undefined;
  }
}
