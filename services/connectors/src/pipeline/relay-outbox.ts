import type { Message, Outbox } from '../ports.ts';

export interface RelayDependencies {
  readonly outbox: Outbox;
  readonly publish: (messages: readonly Message[]) => Promise<void>;
  readonly onFault: (error: unknown) => void;
  readonly pollMs: number;
}

const CHUNK = 500;

/**
 * Publishes what endings have left in the outbox, woken by each ending. Looks every `pollMs` too, for what a process that died left
 * behind.
 */
export class OutboxRelay {
  private readonly use: RelayDependencies;
  private running: Promise<void> | undefined;
  private stopped = false;
  private awake = false;
  private wakeUp: () => void = () => undefined;

  constructor(use: RelayDependencies) {
    this.use = use;
  }

  start(): void {
    this.running ??= this.run();
  }

  wake(): void {
    this.awake = true;
    this.wakeUp();
  }

  /** Resolves once what was there has been tried once more. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.wake();
    await this.running;
  }

  private async run(): Promise<void> {
    for (;;) {
      this.awake = false;
      const isLast = this.stopped;
      const relayed = await this.relay();
      if (isLast && relayed < CHUNK) return;
      if (relayed < CHUNK) await this.rest();
    }
  }

  private async relay(): Promise<number> {
    try {
      return await this.use.outbox.relay(CHUNK, this.use.publish);
    } catch (error) {
      this.use.onFault(error);
      this.awake = false;
      return 0;
    }
  }

  private async rest(): Promise<void> {
    if (this.awake || this.stopped) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.use.pollMs);
      this.wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
