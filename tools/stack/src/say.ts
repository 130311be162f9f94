/** The voice of `say.mjs`, handed in by the scripts that start us: it speaks before anything is built. */
export interface Say {
  title(text: string): void;
  plain(text?: string): void;
  done(label: string, text: string, elapsedMs?: number): void;
  doing(label: string, text: string): void;
  notice(label: string, text: string): void;
  wrong(label: string, text: string, elapsedMs?: number): void;
  detail(text: string): void;
  /** Why nothing further happens. */
  fault(error: unknown): void;
  bold(text: string): string;
  dim(text: string): string;
}

/** What the scripts hand in. */
export interface Invocation {
  /** The checkout. */
  readonly root: string;
  readonly argv: readonly string[];
  readonly say: Say;
}
