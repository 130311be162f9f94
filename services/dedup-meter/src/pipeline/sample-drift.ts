import { monthOf } from '@trackline/contracts';
import type { Clock } from '@trackline/kernel';
import type { CountedMonths, HeldMonths } from '../ports.ts';

export interface DriftTools {
  readonly counted: CountedMonths;
  readonly held: HeldMonths;
  readonly clock: Clock;
  readonly pause: (ms: number) => Promise<unknown>;
}

export interface Drift {
  /** By how much Redis and the ledger differ, over all organisations that do. */
  readonly events: number;
  /** The first few of them. */
  readonly organizationIds: readonly string[];
}

/** New ones a round; with those that differed before, what a round costs is bounded. */
export const ORGANIZATIONS_PER_ROUND = 200;
const MAX_DIFFERING = 1_000;
/** What is on its way to the ledger is there a moment later: only what each look sees is a difference. */
const LOOKS = 4;
const BETWEEN_LOOKS_MS = 250;
const NAMED = 10;
const FIRST_ID = '00000000-0000-0000-0000-000000000000';

/** Goes round the organisations of the present month, and comes back each time to those that differed. */
export class DriftSampler {
  private month = '';
  private afterId = FIRST_ID;
  private readonly differing = new Map<string, number>();
  private readonly tools: DriftTools;

  constructor(tools: DriftTools) {
    this.tools = tools;
  }

  async sample(): Promise<Drift> {
    const { counted, clock } = this.tools;
    const month = monthOf(clock.now());
    if (month !== this.month) {
      this.month = month;
      this.afterId = FIRST_ID;
      this.differing.clear();
    }
    const next = await counted.seeded(month, this.afterId, ORGANIZATIONS_PER_ROUND);
    const asked = [...new Set([...this.differing.keys(), ...next])];
    const found = await this.lasting(asked);
    this.afterId = next.length < ORGANIZATIONS_PER_ROUND ? FIRST_ID : next.at(-1)!;
    for (const id of asked) {
      const difference = found.get(id);
      if (difference === undefined) this.differing.delete(id);
      else if (this.differing.has(id) || this.differing.size < MAX_DIFFERING)
        this.differing.set(id, difference);
    }
    let events = 0;
    for (const difference of this.differing.values()) events += Math.abs(difference);
    return { events, organizationIds: [...this.differing.keys()].slice(0, NAMED) };
  }

  /** Those that differ in every look. */
  private async lasting(organizationIds: readonly string[]): Promise<Map<string, number>> {
    let found = await this.look(organizationIds);
    for (let looks = 1; looks < LOOKS && found.size > 0; looks++) {
      await this.tools.pause(BETWEEN_LOOKS_MS);
      found = await this.look([...found.keys()]);
    }
    return found;
  }

  private async look(organizationIds: readonly string[]): Promise<Map<string, number>> {
    const { counted, held } = this.tools;
    const found = new Map<string, number>();
    if (organizationIds.length === 0) return found;
    const before = await counted.used(this.month, organizationIds);
    const totals = await held.totals(this.month, organizationIds, await counted.epoch());
    const after = await counted.used(this.month, organizationIds);
    for (const [id, total] of totals) {
      const difference = outside(total, before.get(id) ?? 0, after.get(id) ?? 0);
      if (difference !== 0) found.set(id, difference);
    }
    return found;
  }
}

/** The ledger moves while Redis is asked: what lies between its two answers is right. */
function outside(value: number, from: number, to: number): number {
  if (value < from) return value - from;
  return value > to ? value - to : 0;
}
