import type { Candidate } from '../domain/candidate.ts';
import type { Verdict } from '../domain/verdict.ts';
import {
  Unavailable,
  type Answer,
  type Judge,
  type Ledger,
  type Observer,
  type Organization,
  type Organizations,
  type Question,
} from '../ports.ts';
import type { OwnedSource } from './owned-source.ts';

/** Our term is over, or the epoch: whoever still owns the partition raises its term and looks again at what is done. */
export class StandingLost extends Unavailable {
  readonly because: 'fenced' | 'behind' | 'redis_lost';

  constructor(because: StandingLost['because'], message: string) {
    super(message);
    this.because = because;
  }
}

export interface JudgeBatchTools {
  readonly judge: Judge;
  readonly ledger: Ledger;
  readonly organizations: Organizations;
  readonly observer: Observer;
}

export interface JudgeBatchInput {
  readonly source: OwnedSource;
  readonly month: string;
  readonly candidates: ReadonlyMap<string, readonly Candidate[]>;
  readonly organizations: ReadonlyMap<string, Organization>;
}

/** Each round settles at least seeding or plans for those that the last one left open. */
const MAX_ROUNDS = 6;

/**
 * Asks the judge about a batch of one month: one question per organisation, all in one round trip. Organisations that Redis does not have are
 * seeded and asked about again; so are those whose plan the judge has seen newer. Verdicts by offset.
 */
export function judgeBatch({ judge, ledger, organizations, observer }: JudgeBatchTools) {
  return async function judgeOneMonth(input: JudgeBatchInput): Promise<Map<number, Verdict>> {
    const { source, month } = input;
    const ids = [...input.candidates.keys()];
    const verdicts = new Map<number, Verdict>();
    if (ids.length === 0) return verdicts;
    const shareOf = await source.committedShares(ledger, month, ids);
    const plans = new Map(input.organizations);
    const seeded = new Set<string>();
    let open = ids;
    for (let round = 1; open.length > 0; round++) {
      if (round > MAX_ROUNDS)
        throw new Unavailable(`${open.length} organizations could not be judged in ${MAX_ROUNDS} rounds.`);
      const questions = open.map((id): Question => {
        const { hardCap, version } = plans.get(id)!;
        const candidates = input.candidates.get(id)!;
        return {
          organizationId: id,
          month,
          candidates,
          hardCap,
          planVersion: version,
          committedShare: shareOf(id),
        };
      });
      const answers = await judge.judge(questions, source.nextToken());
      const { unseeded, outdated } = sort(questions, answers, verdicts);
      if (unseeded.length > 0) {
        if (unseeded.some((id) => seeded.has(id))) throw redisLost('a month that was seeded is missing');
        await ledger.seedOnce(unseeded, month, source.standing.epoch, (months) => {
          observer.noticed('month_seeded', months.length);
          return judge.seed(months, source.standing.epoch);
        });
        for (const id of unseeded) seeded.add(id);
      }
      if (outdated.length > 0) {
        observer.noticed('stale_plan', outdated.length);
        for (const [id, organization] of await organizations.find(outdated)) plans.set(id, organization);
      }
      open = [...unseeded, ...outdated];
    }
    return verdicts;
  };
}

const redisLost = (why: string): StandingLost =>
  new StandingLost('redis_lost', `Redis is not the one that was seeded: ${why}.`);

/** Notes the verdicts that were given, and says which organisations are left and why. */
function sort(questions: readonly Question[], answers: readonly Answer[], verdicts: Map<number, Verdict>) {
  const unseeded: string[] = [];
  const outdated: string[] = [];
  answers.forEach((answer, at) => {
    const { organizationId, candidates } = questions[at]!;
    switch (answer.kind) {
      case 'judged':
        candidates.forEach(({ offset }, i) => verdicts.set(offset, answer.verdicts[i]!));
        return;
      case 'unseeded':
        return void unseeded.push(organizationId);
      case 'stale_plan':
        return void outdated.push(organizationId);
      case 'lost':
        throw redisLost('its replication id has changed');
      case 'behind':
        throw new StandingLost('behind', 'The epoch has ended: Redis was lost and seeded anew.');
      case 'fenced':
        throw new StandingLost('fenced', 'The judge has seen a newer token of this source.');
    }
  });
  return { unseeded, outdated };
}
