import type { Logger } from '@trackline/observability';
import { buildEditions, noticeChanges } from '../../pipeline/keep-editions.ts';
import type { AttributionTerms, EditionStore } from '../../ports.ts';

export interface EditionKeeping {
  readonly store: EditionStore;
  readonly terms: AttributionTerms;
  readonly logger: Logger;
  readonly everyMs: number;
  readonly leaseMs: number;
}

/** Looks every so often whether settings have changed, and makes new figures where they have, until it is stopped. */
export class EditionKeeper {
  private readonly keeping: EditionKeeping;
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();
  private isRunning = false;
  private again = false;
  private stopped = false;

  constructor(keeping: EditionKeeping) {
    this.keeping = keeping;
  }

  start(): void {
    this.hurry();
  }

  /** Looks now: somebody has seen that settings changed. */
  readonly hurry = (): void => {
    if (this.stopped) return;
    if (this.isRunning) {
      this.again = true;
      return;
    }
    clearTimeout(this.timer);
    this.isRunning = true;
    this.running = this.run();
  };

  /** Resolves once the step that is being taken has ended. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.running;
  }

  private async run(): Promise<void> {
    do {
      this.again = false;
      await this.keep();
    } while (this.again && !this.stopped);
    this.isRunning = false;
    if (!this.stopped) this.timer = setTimeout(this.hurry, this.keeping.everyMs);
  }

  private async keep(): Promise<void> {
    const { store, terms, logger, leaseMs } = this.keeping;
    try {
      const begun = await noticeChanges(store, terms);
      if (begun > 0) logger.info({ begun }, 'attribution settings changed: new figures are being made');
      await buildEditions({
        store,
        leaseMs,
        isStopped: () => this.stopped,
        onComplete: ({ organizationId, edition }) =>
          logger.info({ organizationId, edition }, 'new figures are complete'),
      });
    } catch (err) {
      logger.error({ err }, 'figures could not be made; trying again');
    }
  }
}
