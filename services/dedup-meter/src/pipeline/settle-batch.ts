import { candidatesOf, type Candidate } from '../domain/candidate.ts';
import { toLedgerBatch, type Decided } from '../domain/ledger-batch.ts';
import { noticesOf, type RaisedNotice } from '../domain/usage-notice.ts';
import { isEvent, type Decision, type Reading, type Verdict } from '../domain/verdict.ts';
import type { Clock } from '@trackline/kernel';
import type { KnownIdentities, Organization } from '../ports.ts';
import { judgeBatch, StandingLost, type JudgeBatchTools } from './judge-batch.ts';
import type { NoticeMemory } from './notice-memory.ts';
import type { OwnedSource } from './owned-source.ts';

export interface SettleTools extends JudgeBatchTools {
  readonly notices: NoticeMemory;
  readonly clock: Clock;
}

export interface Unsettled {
  readonly month: string;
  readonly readings: readonly Reading[];
  readonly organizations: ReadonlyMap<string, Organization>;
  readonly committedOffset: number;
}

export interface Settled {
  readonly decisions: readonly Decision[];
  readonly notices: readonly RaisedNotice[];
  /** What Redis is to be told, now that the ledger has it. */
  readonly known: KnownIdentities;
}

/** The ledger may know identities that Redis does not; the next round has looked them up. More rounds only lose races. */
const MAX_ROUNDS = 6;

/** Judges a batch of one month and commits the verdicts. When it resolves they stand, whatever happens next. */
export function settleBatch(tools: SettleTools) {
  const { judge, ledger, observer, notices, clock } = tools;
  const judgeOneMonth = judgeBatch(tools);
  return async function settle(source: OwnedSource, batch: Unsettled, topic: string): Promise<Settled> {
    const byOrganization = candidatesOf(batch.readings);
    const candidates = new Map(
      [...byOrganization.values()].flat().map((candidate) => [candidate.offset, candidate]),
    );
    const asked = new Set<Candidate>();
    /** Tells Redis what the ledger knows of these; true when that was anything. */
    const lookUp = async (unsure: readonly Candidate[]): Promise<boolean> => {
      const unasked = unsure.filter((candidate) => !asked.has(candidate));
      if (unasked.length === 0) return false;
      for (const candidate of unasked) asked.add(candidate);
      return observer.timed(topic, 'look_up', async () => {
        const known = await ledger.lookUp(unasked);
        await judge.remember(known);
        return known.events.length + known.uniques.length > 0;
      });
    };
    for (let round = 1; round <= MAX_ROUNDS; round++) {
      if (source.looksUpFirst(clock.now())) {
        asked.clear();
        await lookUp([...candidates.values()]);
      }
      const verdicts = await observer.timed(topic, 'judge', () =>
        judgeOneMonth({
          source,
          month: batch.month,
          candidates: byOrganization,
          organizations: batch.organizations,
        }),
      );
      if (await lookUp(unsureOf(candidates, verdicts))) continue;
      const decisions = decide(batch.readings, verdicts);
      const raised = raise(batch, decisions, notices);
      const decided: Decided = { decisions, candidates, notices: raised };
      const { sourceId, term } = source.standing;
      const outcome = await observer.timed(topic, 'commit', () =>
        ledger.commit(toLedgerBatch({ sourceId, term }, decided, source.trimBelow(batch.committedOffset))),
      );
      switch (outcome.kind) {
        case 'committed':
          source.committed(batch.month, admittedByOrganization(decisions), decisions.at(-1)!.offset);
          for (const notice of raised) notices.add(notice);
          return { decisions, notices: outcome.notices, known: identitiesOf(decisions, candidates) };
        case 'fenced':
          observer.noticed('fenced');
          throw new StandingLost('fenced', 'The term of this source is over, or the batch has been judged.');
        case 'identity_known':
          observer.noticed('identity_known_to_ledger');
          source.identityWasUnknown(clock.now());
      }
    }
    // Not a fault of a dependency: handed over in halves, the one that cannot be settled is found.
    throw new Error(`Identities were known to the ledger and to nobody else, ${MAX_ROUNDS} times in a row.`);
  };
}

/**
 * Verdicts that Redis alone must not give, because it may have forgotten an identity and no insert would notice: that an event is over the
 * cap (it may be a resend or a duplicate, and is to hear so), and that it is a duplicate of itself (it is a resend).
 */
function unsureOf(
  candidates: ReadonlyMap<number, Candidate>,
  verdicts: ReadonlyMap<number, Verdict>,
): Candidate[] {
  return [...candidates.values()].filter(({ offset, event }) => {
    const verdict = verdicts.get(offset)!;
    return verdict.kind === 'over_limit' || (verdict.kind === 'duplicate' && verdict.of === event.eventId);
  });
}

const decide = (readings: readonly Reading[], verdicts: ReadonlyMap<number, Verdict>): Decision[] =>
  readings.map((reading): Decision =>
    isEvent(reading)
      ? { offset: reading.offset, event: reading.event, outcome: verdicts.get(reading.offset)! }
      : (reading as Extract<Decision, { event?: undefined }>),
  );

function raise(batch: Unsettled, decisions: readonly Decision[], notices: NoticeMemory): RaisedNotice[] {
  const limited = new Map(
    [...batch.organizations.values()]
      .filter(({ monthlyLimit }) => monthlyLimit !== null)
      .map((one) => [one.id, one]),
  );
  if (limited.size === 0) return [];
  const admitted = new Map<string, Decision[]>();
  for (const decision of decisions) {
    if (decision.outcome.kind !== 'admitted' || !decision.event) continue;
    const { organizationId } = decision.event;
    const others = admitted.get(organizationId);
    if (others) others.push(decision);
    else if (limited.has(organizationId)) admitted.set(organizationId, [decision]);
  }
  return [...admitted].flatMap(([id, ofOne]) => {
    const monthlyLimit = limited.get(id)?.monthlyLimit ?? null;
    return noticesOf(id, batch.month, monthlyLimit, ofOne, (threshold) =>
      notices.has(id, batch.month, threshold),
    );
  });
}

function admittedByOrganization(decisions: readonly Decision[]): Map<string, number> {
  const counted = new Map<string, number>();
  for (const { event, outcome } of decisions) {
    if (outcome.kind !== 'admitted' || !event) continue;
    counted.set(event.organizationId, (counted.get(event.organizationId) ?? 0) + 1);
  }
  return counted;
}

function identitiesOf(
  decisions: readonly Decision[],
  candidates: ReadonlyMap<number, Candidate>,
): KnownIdentities {
  const events: KnownIdentities['events'][number][] = [];
  const uniques: KnownIdentities['uniques'][number][] = [];
  for (const { offset, event, outcome } of decisions) {
    if (outcome.kind !== 'admitted' || !event) continue;
    const { organizationId, eventId, contactId, position } = event;
    events.push({ organizationId, eventId, contactId, first: position });
    const identity = candidates.get(offset)?.unique;
    // It expires in 24 months; Redis forgets it long before.
    if (identity !== undefined) uniques.push({ organizationId, identity, eventId, expiresAtMs: Infinity });
  }
  return { events, uniques };
}
