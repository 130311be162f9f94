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

/** A pause that ends early when somebody has something to do, or when the signal is raised. */
export class WakeablePause {
  private end: (() => void) | undefined;
  private isWoken = false;

  wake(): void {
    this.isWoken = true;
    this.end?.();
  }

  wait(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
        this.end = undefined;
        this.isWoken = false;
        resolve();
      };
      const timer = setTimeout(end, ms);
      this.end = end;
      if (signal.aborted || this.isWoken) return end();
      signal.addEventListener('abort', end, { once: true });
    });
  }
}
