import type { SourceProgress } from '@trackline/contracts';

/** More unread steps of one source than this are joined: the frontier then moves in larger strides, never too far. */
const MAX_PENDING = 256;

interface Step {
  /** All that was received up to this moment … */
  readonly decidedUpToMs: number;
  /** … has been read once the own partition is read up to this offset. */
  readonly end: number;
}

/**
 * Up to which moment everything that was received has been decided and read, for one partition of the admitted events.
 * A timeout with a later deadline must wait: an event that was received before it may still come.
 */
export class Frontier {
  private readonly partition: number;
  private readonly pending = new Map<string, Step[]>();
  private readonly readUpToMs = new Map<string, number>();
  private readonly ends = new Map<string, number>();
  private handledOffset: number;

  /** `handledOffset`: every message below it has been handled, by whichever instance. */
  constructor(partition: number, sources: readonly string[], handledOffset: number) {
    this.partition = partition;
    this.handledOffset = handledOffset;
    for (const source of sources) {
      this.pending.set(source, []);
      this.readUpToMs.set(source, Number.NEGATIVE_INFINITY);
    }
  }

  /** What a source says of itself. Of sources that are not asked about (another generation) nothing is kept. */
  learn({ source, decidedUpToMs, admittedEnds }: SourceProgress): void {
    const steps = this.pending.get(source);
    if (!steps) return;
    // A new owner of the source may not know yet how far its predecessor had got.
    const end = Math.max(admittedEnds[this.partition] ?? 0, this.ends.get(source) ?? 0);
    this.ends.set(source, end);
    const step = { decidedUpToMs, end };
    if (step.end <= this.handledOffset) {
      this.raise(source, decidedUpToMs);
      return;
    }
    if (steps.length === MAX_PENDING) steps.pop();
    steps.push(step);
  }

  /** The own partition has been handled up to here. */
  handled(offset: number): void {
    if (offset <= this.handledOffset) return;
    this.handledOffset = offset;
    for (const [source, steps] of this.pending) {
      let read = 0;
      while (read < steps.length && steps[read]!.end <= this.handledOffset) read += 1;
      if (read > 0) this.raise(source, steps[read - 1]!.decidedUpToMs);
      steps.splice(0, read);
    }
  }

  /** Every event received before this moment has taken effect. Minus infinity while a source has not been heard of. */
  atMs(): number {
    let least = Number.POSITIVE_INFINITY;
    for (const ms of this.readUpToMs.values()) least = Math.min(least, ms);
    return least;
  }

  /** The source that holds the frontier back, for whoever asks why a timeout does not fire. */
  laggard(): string | undefined {
    let laggard: [source: string, ms: number] | undefined;
    for (const entry of this.readUpToMs) if (!laggard || entry[1] < laggard[1]) laggard = entry;
    return laggard?.[0];
  }

  private raise(source: string, ms: number): void {
    if (ms > this.readUpToMs.get(source)!) this.readUpToMs.set(source, ms);
  }
}
