import type { EncodedMessage, Position, PlanName, RawMessage } from '@trackline/contracts';
import type { Candidate } from './domain/candidate.ts';
import type { ContactClaim } from './domain/inbound-event.ts';
import type { JournalEntry } from './domain/journal.ts';
import type { LedgerBatch } from './domain/ledger-batch.ts';
import type { LogMark } from './domain/log-mark.ts';
import type { RaisedNotice } from './domain/usage-notice.ts';
import type { DeadLetter, Verdict } from './domain/verdict.ts';

/** Something that we need is away, or a fence closed under us: the batch is to be handed over again, no message is to blame. */
export class Unavailable extends Error {
  override readonly name = 'Unavailable';
}

/** Messages of one source partition, in order of offset. */
export interface SourceBatch {
  readonly topic: string;
  readonly partition: number;
  readonly messages: readonly RawMessage[];
  readonly highWatermark: number;
  readonly assignment: number;
  readonly committedOffset: number;
  isStale(): boolean;
}

// ── organisations and contacts ────────────────────────────────────────────────────────────────────────────────────────────

export interface Organization {
  readonly id: string;
  readonly plan: PlanName;
  readonly monthlyLimit: number | null;
  readonly hardCap: number | null;
  /** Moves with each change. */
  readonly version: number;
}

export interface Organizations {
  /** As they stand now; those that do not exist are missing. */
  find(ids: readonly string[]): Promise<ReadonlyMap<string, Organization>>;
  /** The organisation for which a key may write events, or why it may not. */
  writerOf(bearer: string): Promise<{ readonly organizationId: string } | { readonly refused: string }>;
}

export interface Contacts {
  /** In the order of the claims. */
  resolve(
    claims: readonly (ContactClaim & { readonly organizationId: string })[],
  ): Promise<readonly ({ readonly contactId: string } | { readonly notFound: string })[]>;
}

// ── the judge ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Under what a source partition's owner judges. The judge takes no token twice and none below the last. */
export interface Token {
  readonly epoch: number;
  readonly sourceId: number;
  readonly term: number;
  readonly attempt: number;
}

export interface Question {
  readonly organizationId: string;
  readonly month: string;
  readonly candidates: readonly Candidate[];
  /** `null`: none. */
  readonly hardCap: number | null;
  readonly planVersion: number;
  /** What the ledger has counted for this organisation and month from this source. */
  readonly committedShare: number;
}

export type Answer =
  /** One verdict per candidate. */
  | { readonly kind: 'judged'; readonly verdicts: readonly Verdict[] }
  /** Redis does not have the month, or has it of an older epoch. */
  | { readonly kind: 'unseeded' }
  /** Redis is of a newer epoch than the token. */
  | { readonly kind: 'behind' }
  /** Redis is not the one that was seeded: it was restarted, or a replica took over. */
  | { readonly kind: 'lost' }
  /** A newer token has judged: somebody else owns the source, or a call of ours came late. */
  | { readonly kind: 'fenced' }
  /** The judge has seen a newer plan. */
  | { readonly kind: 'stale_plan' };

export interface KnownEvent {
  readonly organizationId: string;
  readonly eventId: string;
  readonly contactId: string;
  readonly first: Position;
}

export interface KnownUnique {
  readonly organizationId: string;
  readonly identity: string;
  readonly eventId: string;
  /** After which it may be used again. */
  readonly expiresAtMs: number;
}

export interface KnownIdentities {
  readonly events: readonly KnownEvent[];
  readonly uniques: readonly KnownUnique[];
}

export interface Judge {
  /** One answer per question; each question is of another organisation or month. */
  judge(questions: readonly Question[], token: Token): Promise<Answer[]>;
  /** Identities that the ledger has. Redis is a cache of them: what it forgets is found out at the commit. */
  remember(known: KnownIdentities): Promise<void>;
  /** Gives months to Redis; `used` is by source id. */
  seed(months: readonly SeededMonth[], epoch: number): Promise<void>;
}

export interface SeededMonth {
  readonly organizationId: string;
  readonly month: string;
  readonly used: ReadonlyMap<number, number>;
}

// ── the ledger ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** What the owner of a source partition knows of it since it raised its term. */
export interface Standing {
  readonly sourceId: number;
  readonly term: number;
  readonly epoch: number;
  /** Last offset that has been judged; -1: none. */
  readonly done: number;
  /** A record by which the log is known again. */
  readonly mark?: LogMark;
}

export type CommitOutcome =
  /** With the notices that nobody had raised before. */
  | { readonly kind: 'committed'; readonly notices: readonly RaisedNotice[] }
  /** Our term is over, or these offsets have been judged. Nothing was written. */
  | { readonly kind: 'fenced' }
  /** An identity is there already that the judge did not know. Nothing was written. */
  | { readonly kind: 'identity_known' };

export interface JournalledBatch {
  readonly entries: readonly JournalEntry[];
  readonly deadLetters: ReadonlyMap<number, DeadLetter>;
  readonly notices: readonly RaisedNotice[];
}

export interface Ledger {
  /** Makes the caller the owner of the source: what others judged and have not committed is void from here on. */
  raiseTerm(source: string): Promise<Standing>;
  commit(batch: LedgerBatch): Promise<CommitOutcome>;
  /** Sets the record by which the source's log is known again. */
  mark(sourceId: number, mark: LogMark): Promise<void>;
  /** What was decided at these offsets (inclusive), as far as it is still kept. */
  journal(sourceId: number, fromOffset: number, toOffset: number): Promise<JournalledBatch>;
  /** Events that the ledger has counted, by organisation, for one source and month. Missing: none. */
  committedShares(
    sourceId: number,
    month: string,
    organizationIds: readonly string[],
  ): Promise<ReadonlyMap<string, number>>;
  /** Which identities of the candidates the ledger has. */
  lookUp(candidates: readonly Candidate[]): Promise<KnownIdentities>;
  /**
   * Runs `write` with the usage of those months that nobody has seeded in this epoch, while others wait. Resolves once all of them have been
   * seeded, by us or by others.
   */
  seedOnce(
    organizationIds: readonly string[],
    month: string,
    epoch: number,
    write: (months: readonly SeededMonth[]) => Promise<void>,
  ): Promise<void>;
  /** Ends the epoch and the term of every source, unless somebody has done so. True when it was us. */
  endEpoch(epoch: number): Promise<boolean>;
}

export interface UsageBook {
  /** Events by day (`2026-11-20`), from `fromDay` on, in order. */
  usageByDay(
    organizationId: string,
    fromDay: string,
  ): Promise<readonly { readonly day: string; readonly used: number }[]>;
}

export type Expiring = 'event_identity' | 'unique_identity' | 'dead_letter';

/** Removal of what has expired, page by page. */
export interface ExpiryBook {
  /** True when it is due; the next turn is `everyMs` later, whoever takes it. */
  takeTurn(swept: Expiring, everyMs: number): Promise<boolean>;
  parts(swept: Expiring): Promise<readonly { readonly part: string; readonly blocks: number }[]>;
  /** How many were removed from these pages (the second is not one of them). */
  remove(swept: Expiring, part: string, fromBlock: number, toBlock: number, before: Date): Promise<number>;
}

/** What the ledger says of a month, for comparing it with Redis. */
export interface CountedMonths {
  epoch(): Promise<number>;
  /** Organisations whose month Redis was given, by id, those after `afterId`. */
  seeded(month: string, afterId: string, limit: number): Promise<readonly string[]>;
  /** Events counted; an organisation without any is missing. */
  used(month: string, organizationIds: readonly string[]): Promise<ReadonlyMap<string, number>>;
}

/** What Redis says of a month. */
export interface HeldMonths {
  /** Missing: what Redis does not hold, or holds from another epoch or server. */
  totals(
    month: string,
    organizationIds: readonly string[],
    epoch: number,
  ): Promise<ReadonlyMap<string, number>>;
}

// ── what goes out ─────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface PartitionedMessage extends EncodedMessage {
  readonly partition: number;
}

export interface Acknowledgement {
  readonly topic: string;
  readonly partition: number;
  readonly lastOffset: number;
}

export interface Outlet {
  /** Resolves when all are safe with the broker. */
  publish(messages: readonly PartitionedMessage[]): Promise<readonly Acknowledgement[]>;
  /** The message as it came, with what is wrong with it. */
  toDeadLetter(
    source: { readonly topic: string; readonly partition: number },
    message: RawMessage,
    letter: DeadLetter,
  ): PartitionedMessage;
}

// ── what is told about the work ───────────────────────────────────────────────────────────────────────────────────────────

export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface Observer {
  batch(topic: string, size: number): void;
  outcome(topic: string, outcome: string, count: number): void;
  timed<Result>(topic: string, stage: string, work: () => Promise<Result>): Promise<Result>;
  /** Something out of the ordinary happened: a term raised, an epoch ended, an identity known to the ledger only… */
  noticed(what: Incident, count?: number): void;
}

export type Incident =
  | 'term_raised'
  | 'repeated_from_journal'
  | 'fenced'
  | 'identity_known_to_ledger'
  | 'stale_plan'
  | 'month_seeded'
  | 'redis_lost'
  | 'epoch_ended'
  | 'remember_failed';
