import type { IncomingMessage } from './message.ts';
import { PartitionBuffer, type Chunk } from './partition-buffer.ts';

export interface WorkerLimits {
  maxBatchMessages: number;
  /** The partition is paused at so many messages or bytes, and resumed below half of both. */
  maxBufferedMessages: number;
  maxBufferedBytes: number;
}

/** What a worker needs of its server. */
export interface WorkerDesk {
  /** Resolves to true when the effects are durable, to false when the delivery was abandoned. */
  deliver(worker: PartitionWorker, messages: IncomingMessage[]): Promise<boolean>;
  pause(worker: PartitionWorker): void;
  resume(worker: PartitionWorker): void;
}

interface Errand {
  run(): Promise<void>;
  refuse(error: Error): void;
}

/**
 * One assignment of one partition: hands its batches over strictly one after another, while the next are fetched into
 * a bounded buffer. Retired for good when the partition goes; a new assignment gets a new worker, which waits for the
 * last batch of the old one.
 */
export class PartitionWorker {
  /** Raised when the partition is lost or the process drains. */
  readonly #retirement = new AbortController();
  readonly #buffer = new PartitionBuffer();
  readonly #errands: Errand[] = [];
  #wake: (() => void) | undefined;
  #whenIdle: (() => void)[] = [];
  #paused = false;
  #started = false;
  #isHanding = false;
  /** Passed over while the last buffered batch was being handled: done once that is. */
  #skippedTo = -1;
  #stoppedBecause: string | undefined;

  /** Offset that the next chunk must begin with; anything else would leave a gap or repeat. */
  expectedOffset = -1;
  /** Everything below is done. */
  doneOffset = -1;
  /** Next offset that Kafka has, as far as known; -1: unknown. */
  committedOffset = -1;
  highWatermark = 0;
  /** True while the position is being found out again: what comes in meanwhile is left. */
  isLocating = true;
  /** Resolves once nothing of this assignment runs any more. */
  readonly finished: Promise<void>;
  #finish!: () => void;

  constructor(
    /** The broker's name. */
    readonly topic: string,
    readonly partition: number,
    readonly assignment: number,
    private readonly limits: WorkerLimits,
    private readonly desk: WorkerDesk,
  ) {
    this.finished = new Promise((resolve) => (this.#finish = resolve));
  }

  get signal(): AbortSignal {
    return this.#retirement.signal;
  }

  get isRetired(): boolean {
    return this.#retirement.signal.aborted;
  }

  get stoppedBecause(): string | undefined {
    return this.#stoppedBecause;
  }

  get lag(): number {
    return Math.max(0, this.highWatermark - Math.max(this.doneOffset, 0));
  }

  start(committedOffset: number | undefined, startOffset: number, highWatermark: number): void {
    this.committedOffset = committedOffset ?? -1;
    this.expectedOffset = startOffset;
    this.doneOffset = startOffset;
    this.highWatermark = highWatermark;
    this.isLocating = false;
    this.#started = true;
    void this.#work();
  }

  offer(chunk: Chunk, highWatermark: number): void {
    this.highWatermark = highWatermark;
    this.expectedOffset = chunk.nextOffset;
    this.#buffer.push(chunk);
    this.#balance();
    this.#wakeUp();
  }

  /** Resolves when nothing is left to hand over, or nothing more will be. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      if (this.isRetired || this.#stoppedBecause !== undefined) resolve();
      else this.#whenIdle.push(resolve);
    });
  }

  /** Records without a message lie between the last chunk and this offset. */
  skipTo(nextOffset: number): void {
    this.expectedOffset = nextOffset;
    if (this.#buffer.skipTo(nextOffset)) return;
    if (this.#isHanding) this.#skippedTo = nextOffset;
    else this.doneOffset = nextOffset;
  }

  /** Runs between two batches, or at once when none is running; never beside one. Rejects when the partition goes first. */
  between<Result>(work: () => Promise<Result>): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      if (this.isRetired || this.#stoppedBecause !== undefined) return reject(new Error(this.#goneText()));
      const run = async () => {
        try {
          resolve(await work());
        } catch (error) {
          reject(error as Error);
        }
      };
      this.#errands.push({ run, refuse: reject });
      this.#wakeUp();
    });
  }

  /** Hands out nothing more and keeps the partition from anyone else, until it is assigned anew. */
  stop(because: string): void {
    this.#stoppedBecause = because;
    this.#buffer.clear();
    this.#tellIdle();
    this.#refuseErrands();
    this.desk.pause(this);
  }

  /** Nothing new is handed out. What is running runs to its end. */
  retire(): void {
    if (this.isRetired) return;
    this.#retirement.abort();
    this.#buffer.clear();
    this.#tellIdle();
    this.#refuseErrands();
    this.#wakeUp();
    if (!this.#started) this.#finish();
  }

  async #work(): Promise<void> {
    let wasErrand: boolean = false;
    while (!this.isRetired) {
      // In turns: errands that bring errands must not keep the batches waiting.
      const isErrandsTurn: boolean = !wasErrand || this.#buffer.messages === 0;
      const errand: Errand | undefined = isErrandsTurn ? this.#errands.shift() : undefined;
      wasErrand = errand !== undefined;
      if (errand) {
        await errand.run();
        continue;
      }
      const taken =
        this.#stoppedBecause === undefined ? this.#buffer.take(this.limits.maxBatchMessages) : undefined;
      if (taken === undefined) {
        this.#tellIdle();
        await new Promise<void>((resolve) => (this.#wake = resolve));
        continue;
      }
      this.#balance();
      this.#isHanding = true;
      const done = await this.desk.deliver(this, taken.messages);
      this.#isHanding = false;
      if (!done) break;
      this.doneOffset =
        this.#buffer.messages === 0 ? Math.max(taken.nextOffset, this.#skippedTo) : taken.nextOffset;
    }
    this.retire();
    this.#finish();
  }

  #balance(): void {
    const { maxBufferedMessages, maxBufferedBytes } = this.limits;
    const { messages, bytes } = this.#buffer;
    if (!this.#paused && (messages >= maxBufferedMessages || bytes >= maxBufferedBytes)) {
      this.#paused = true;
      this.desk.pause(this);
    } else if (this.#paused && messages < maxBufferedMessages / 2 && bytes < maxBufferedBytes / 2) {
      this.#paused = false;
      if (this.#stoppedBecause === undefined && !this.isLocating) this.desk.resume(this);
    }
  }

  #wakeUp(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  #tellIdle(): void {
    for (const tell of this.#whenIdle.splice(0)) tell();
  }

  #refuseErrands(): void {
    for (const errand of this.#errands.splice(0)) errand.refuse(new Error(this.#goneText()));
  }

  #goneText(): string {
    if (this.#stoppedBecause !== undefined) return `Partition stopped: ${this.#stoppedBecause}`;
    return `Partition ${this.topic}[${this.partition}] is not assigned to this process any more`;
  }
}
