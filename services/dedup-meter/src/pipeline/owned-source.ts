import type { Position } from '@trackline/contracts';
import type { Ledger, Standing, Token } from '../ports.ts';

/** Bounds what a source remembers of organisations; past it all is forgotten and read again. */
const MAX_SHARES = 100_000;

/** After an identity was found in the ledger that Redis did not know: they come in runs. */
const LOOK_UP_FIRST_MS = 60_000;

const MARK_EVERY_MS = 60_000;

/** How far a source partition has been decided, and up to where its admitted events stand in their partitions. */
export interface Decided {
  decidedUpToMs: number;
  readonly admittedEnds: Map<number, number>;
}

/**
 * A source partition as its owner knows it, from the raising of its term until the first doubt: then it is thrown away, and the term raised
 * again. Everything in here is true under that term only.
 */
export class OwnedSource {
  readonly name: Position['source'];
  readonly assignment: number;
  readonly standing: Standing;
  readonly decided: Decided = { decidedUpToMs: 0, admittedEnds: new Map() };
  private readonly shares = new Map<string, number>();
  private attempt = 0;
  private lookUpUntilMs = 0;
  private trimmedBelow = 0;
  private lastCommitted: number;
  private markDueMs = 0;

  constructor(name: string, assignment: number, standing: Standing) {
    this.name = name;
    this.assignment = assignment;
    this.standing = standing;
    this.lastCommitted = standing.done;
  }

  /** Every call to the judge takes a new one, also one that only repeats another. */
  nextToken(): Token {
    const { epoch, sourceId, term } = this.standing;
    this.attempt += 1;
    return { epoch, sourceId, term, attempt: this.attempt };
  }

  /** The committed counts of these organisations in the month, from the ledger when first asked for. */
  async committedShares(
    ledger: Ledger,
    month: string,
    organizationIds: readonly string[],
  ): Promise<(id: string) => number> {
    const unknown = organizationIds.filter((id) => !this.shares.has(month + id));
    if (unknown.length > 0) {
      if (this.shares.size + unknown.length > MAX_SHARES) this.shares.clear();
      const missing = organizationIds.filter((id) => !this.shares.has(month + id));
      const found = await ledger.committedShares(this.standing.sourceId, month, missing);
      for (const id of missing) this.shares.set(month + id, found.get(id) ?? 0);
    }
    return (id) => this.shares.get(month + id)!;
  }

  /** Last offset that has been judged. */
  get done(): number {
    return this.lastCommitted;
  }

  /** To be called with every commit, and with nothing else. */
  committed(month: string, counted: ReadonlyMap<string, number>, lastOffset: number): void {
    this.lastCommitted = lastOffset;
    for (const [id, count] of counted)
      this.shares.set(month + id, (this.shares.get(month + id) ?? 0) + count);
  }

  identityWasUnknown(nowMs: number): void {
    this.lookUpUntilMs = nowMs + LOOK_UP_FIRST_MS;
  }

  looksUpFirst(nowMs: number): boolean {
    return nowMs < this.lookUpUntilMs;
  }

  /** True now and then: that a mark is old makes it no worse, only that there is none. */
  isMarkDue(nowMs: number): boolean {
    if (nowMs < this.markDueMs) return false;
    this.markDueMs = nowMs + MARK_EVERY_MS;
    return true;
  }

  /** Below which the journal may be trimmed, when that has moved since it was asked last: a delete per batch would find nothing. */
  trimBelow(committedOffset: number): number | undefined {
    if (committedOffset <= this.trimmedBelow) return undefined;
    this.trimmedBelow = committedOffset;
    return committedOffset;
  }
}
