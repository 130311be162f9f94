import type { Logger } from '@trackline/observability';

type Close = () => Promise<unknown>;

/** What was opened, to be closed in the opposite order: each may need what was opened before it. */
export class Opened {
  readonly #closes: Close[] = [];

  add(close: Close): void {
    this.#closes.push(close);
  }

  /** One after another, each once, also when some fail: nobody calls a second time. Throws what failed at the end. */
  async close(): Promise<void> {
    const faults: unknown[] = [];
    for (let close = this.#closes.pop(); close !== undefined; close = this.#closes.pop()) {
      try {
        await close();
      } catch (error) {
        faults.push(error);
      }
    }
    if (faults.length === 1) throw faults[0];
    if (faults.length > 1) throw new AggregateError(faults, `${faults.length} parts could not be closed.`);
  }

  /** After a start that failed: closes what was open, and throws what the start failed of. */
  async abandon(failure: unknown, logger: Logger): Promise<never> {
    await this.close().catch((err: unknown) =>
      logger.error({ err }, 'not all that was open could be closed'),
    );
    throw failure;
  }
}
