/** Something that the reader can put right. Shown without a stack trace; `remedy` says how. */
export class Fault extends Error {
  override readonly name = 'Fault';
  readonly remedy: string | undefined;

  constructor(message: string, remedy?: string, cause?: unknown) {
    super(message, { cause });
    this.remedy = remedy;
  }
}
