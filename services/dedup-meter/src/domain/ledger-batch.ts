import { dayOf } from '@trackline/contracts';
import type { Candidate } from './candidate.ts';
import { encodeJournal } from './journal.ts';
import type { RaisedNotice } from './usage-notice.ts';
import type { DeadLetterReason, Decision } from './verdict.ts';

/** Everything that one batch of a source partition writes into the ledger, in one go or not at all. */
export interface LedgerBatch {
  readonly sourceId: number;
  readonly term: number;
  readonly firstOffset: number;
  readonly lastOffset: number;
  /** Journal entries below this offset are of no use any more; `undefined`: leave it. */
  readonly trimBelow: number | undefined;
  /** Empty when there is nothing to repeat. */
  readonly journal: Buffer;
  readonly events: readonly {
    readonly eventId: string;
    readonly contactId: string;
    readonly offset: number;
  }[];
  readonly uniques: readonly {
    readonly identity: string;
    readonly eventId: string;
    readonly receivedAtMs: number;
  }[];
  readonly usage: readonly { readonly organizationId: string; readonly day: string; readonly used: number }[];
  readonly notices: readonly RaisedNotice[];
  readonly deadLetters: readonly {
    readonly offset: number;
    readonly reason: DeadLetterReason;
    readonly detail: string;
  }[];
}

export interface Decided {
  readonly decisions: readonly Decision[];
  /** By offset: the candidates of events that were judged. */
  readonly candidates: ReadonlyMap<number, Candidate>;
  readonly notices: readonly RaisedNotice[];
}

export function toLedgerBatch(
  owner: { readonly sourceId: number; readonly term: number },
  { decisions, candidates, notices }: Decided,
  trimBelow: number | undefined,
): LedgerBatch {
  const events: LedgerBatch['events'][number][] = [];
  const uniques: LedgerBatch['uniques'][number][] = [];
  const deadLetters: LedgerBatch['deadLetters'][number][] = [];
  for (const { offset, event, outcome } of decisions) {
    if (outcome.kind === 'dead_letter') {
      deadLetters.push({ offset, reason: outcome.reason, detail: outcome.detail });
    } else if (outcome.kind === 'admitted' && event) {
      const { eventId, contactId, receivedAtMs } = event;
      events.push({ eventId, contactId, offset });
      const identity = candidates.get(offset)?.unique;
      if (identity !== undefined) uniques.push({ identity, eventId, receivedAtMs });
    }
  }
  const firstOffset = decisions[0]!.offset;
  return {
    ...owner,
    firstOffset,
    lastOffset: decisions.at(-1)!.offset,
    trimBelow,
    journal: encodeJournal(firstOffset, decisions),
    events,
    uniques,
    usage: usageOf(decisions),
    notices,
    deadLetters,
  };
}

const DAY_MS = 86_400_000;

function usageOf(decisions: readonly Decision[]): LedgerBatch['usage'] {
  const rows = new Map<string, { organizationId: string; day: string; used: number }>();
  for (const { event, outcome } of decisions) {
    if (outcome.kind !== 'admitted' || !event) continue;
    const { organizationId, receivedAtMs } = event;
    const key = `${Math.floor(receivedAtMs / DAY_MS)}/${organizationId}`;
    const row = rows.get(key);
    if (row) row.used += 1;
    else rows.set(key, { organizationId, day: dayOf(receivedAtMs), used: 1 });
  }
  return [...rows.values()];
}
