type Close = () => Promise<unknown>;

/** What was opened, to be closed in the opposite order: each may need what was opened before it. */
export class Opened {
  readonly #closes: Close[] = [];

  add(close: Close): void {
    this.#closes.push(close);
  }

  /** One after another, each once. When one fails, those that it may need stay open for another call. */
  async close(): Promise<void> {
    for (let close = this.#closes.pop(); close !== undefined; close = this.#closes.pop()) await close();
  }
}
