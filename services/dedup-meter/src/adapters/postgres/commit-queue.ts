import type { LedgerBatch } from '../../domain/ledger-batch.ts';
import type { CommitOutcome } from '../../ports.ts';

/** Commits all of the batches or none of them. */
export type CommitTogether = (batches: readonly LedgerBatch[]) => Promise<CommitOutcome[]>;

export interface CommitQueueLimits {
  /** Rows of events that share a transaction; a batch that is larger goes alone. */
  readonly maxRows: number;
  readonly inFlight: number;
}

const LIMITS: CommitQueueLimits = { maxRows: 1_000, inFlight: 2 };

interface Waiting {
  readonly batch: LedgerBatch;
  resolve(outcome: CommitOutcome): void;
  reject(error: unknown): void;
}

/**
 * Batches of several source partitions that come in the same turn of the event loop, or wait at the same moment, share a transaction, and
 * with it the wait for the disk. When such a transaction is refused, each batch goes alone, so that none pays for another.
 */
export class CommitQueue {
  private readonly waiting: Waiting[] = [];
  private readonly commitTogether: CommitTogether;
  private readonly limits: CommitQueueLimits;
  private inFlight = 0;
  private isGathering = false;

  constructor(commitTogether: CommitTogether, limits: CommitQueueLimits = LIMITS) {
    this.commitTogether = commitTogether;
    this.limits = limits;
  }

  commit(batch: LedgerBatch): Promise<CommitOutcome> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ batch, resolve, reject });
      if (!this.isGathering) setImmediate(() => this.gathered());
      this.isGathering = true;
    });
  }

  private gathered(): void {
    this.isGathering = false;
    this.next();
  }

  private next(): void {
    while (this.inFlight < this.limits.inFlight && this.waiting.length > 0) {
      this.inFlight += 1;
      void this.run(this.take()).finally(() => {
        this.inFlight -= 1;
        this.next();
      });
    }
  }

  private take(): Waiting[] {
    const taken = [this.waiting.shift()!];
    let rows = taken[0]!.batch.events.length;
    for (;;) {
      const more = this.waiting[0];
      if (!more || rows + more.batch.events.length > this.limits.maxRows) return taken;
      rows += more.batch.events.length;
      taken.push(this.waiting.shift()!);
    }
  }

  private async run(group: readonly Waiting[]): Promise<void> {
    if (group.length > 1 && (await this.together(group))) return;
    for (const { batch, resolve, reject } of group) {
      await this.commitTogether([batch]).then(([outcome]) => resolve(outcome!), reject);
    }
  }

  /** False when they must be tried one by one: nothing of them was written. */
  private async together(group: readonly Waiting[]): Promise<boolean> {
    try {
      const outcomes = await this.commitTogether(group.map(({ batch }) => batch));
      if (outcomes.some(({ kind }) => kind !== 'committed')) return false;
      group.forEach(({ resolve }, at) => resolve(outcomes[at]!));
      return true;
    } catch (error) {
      if (hasSqlState(error)) return false;
      // No answer from the server: it may have committed. Each owner raises its term and finds out.
      for (const { reject } of group) reject(error);
      return true;
    }
  }
}

/** The server itself refused the statement, so it has rolled back; class 08 tells of the connection, 57 of a server that goes away. */
const hasSqlState = (error: unknown): boolean => {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^(?!08|57)[0-9A-Z]{5}$/.test(code);
};
