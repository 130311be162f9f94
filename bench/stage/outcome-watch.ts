import { performance } from 'node:perf_hooks';
import { decodeOutcomes } from '@trackline/contracts';
import { PinnedReader } from '@trackline/kafka';
import type { Stage } from './stage.ts';

/** Reads answers as ingest does, and tells when each came. */
export class OutcomeWatch {
  private readonly waiting = new Map<string, (atMs: number) => void>();
  private readonly reader: PinnedReader;

  private constructor(stage: Stage, topic: string) {
    this.reader = new PinnedReader({
      connection: stage.kafka,
      topic,
      partitions: 'all',
      from: 'latest',
      onBatch: ({ messages }) => {
        const atMs = performance.now();
        for (const message of messages)
          for (const { correlation } of decodeOutcomes(message)) this.waiting.get(correlation)?.(atMs);
      },
    });
  }

  static async open(stage: Stage, topic: string): Promise<OutcomeWatch> {
    const watch = new OutcomeWatch(stage, topic);
    await watch.reader.start();
    return watch;
  }

  /** `performance.now()` at which its answer was read. */
  async answered(correlation: string, withinMs: number): Promise<number> {
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<number>((resolve, reject) => {
        this.waiting.set(correlation, resolve);
        timer = setTimeout(
          () => reject(new Error(`${correlation} was not answered within ${withinMs} ms.`)),
          withinMs,
        );
      });
    } finally {
      clearTimeout(timer);
      this.waiting.delete(correlation);
    }
  }

  close(): Promise<void> {
    return this.reader.stop();
  }
}
