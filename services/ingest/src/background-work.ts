import type { Logger } from '@trackline/observability';

/** Loops that run beside the requests, and end with the process: each gets a signal, and is waited for once it is raised. */
export class BackgroundWork {
  private readonly stopping = new AbortController();
  private readonly running: Promise<void>[] = [];
  private readonly logger: Logger;

  constructor(logger: Logger) {
    this.logger = logger;
  }

  run(name: string, work: (signal: AbortSignal) => Promise<void>): void {
    const done = work(this.stopping.signal).catch((err: unknown) =>
      this.logger.error({ err, name }, 'background work ended'),
    );
    this.running.push(done);
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await Promise.all(this.running);
  }
}
