/**
 * Turns calls that come while a read is under way into one read, which starts when that one is done. A call is never
 * answered by a read that had started before it came, so what it gets is as new as the call.
 */
export class Coalescer<Item, Answer> {
  private readonly read: (items: readonly Item[]) => Promise<Answer>;
  private readonly maxItems: number;
  private waiting: Call<Item, Answer>[] = [];
  private reading = false;

  constructor(read: (items: readonly Item[]) => Promise<Answer>, maxItems: number) {
    this.read = read;
    this.maxItems = maxItems;
  }

  /** The answer of a read that covers `items`, and perhaps those of other calls. */
  call(items: readonly Item[]): Promise<Answer> {
    return new Promise<Answer>((resolve, reject) => {
      this.waiting.push({ items, resolve, reject });
      if (!this.reading) void this.drain();
    });
  }

  private async drain(): Promise<void> {
    this.reading = true;
    // Calls made in the same turn of the event loop as the first share its read.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.waiting.length > 0) {
      const calls = this.takeCalls();
      try {
        const answer = await this.read(calls.flatMap((call) => call.items));
        for (const call of calls) call.resolve(answer);
      } catch (error) {
        for (const call of calls) call.reject(error);
      }
    }
    this.reading = false;
  }

  /** At least one call, and as many as fit. */
  private takeCalls(): Call<Item, Answer>[] {
    let items = 0;
    const fit = this.waiting.findIndex((call) => (items += call.items.length) > this.maxItems);
    return this.waiting.splice(0, fit === -1 ? this.waiting.length : Math.max(1, fit));
  }
}

interface Call<Item, Answer> {
  readonly items: readonly Item[];
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}
