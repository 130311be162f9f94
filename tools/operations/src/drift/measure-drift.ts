import { setTimeout as sleep } from 'node:timers/promises';
import { ADMITTED } from '@trackline/contracts';
import { groupPositions, type GroupPosition, type KafkaConnection } from '@trackline/kafka';
import { reach } from '../mistake.ts';
import { agree, compare, isLate, isZero, type Difference, type Look } from './compare.ts';
import type { RedisMonths } from './redis-months.ts';
import type { Scope, Stores } from './stores.ts';

export interface DriftSources {
  readonly stores: Stores;
  readonly redis: RedisMonths;
  readonly connection: KafkaConnection;
}

export interface DriftReport {
  readonly month: string;
  readonly organizations: number;
  /** What differs and has no other reason. */
  readonly differences: readonly Difference[];
  /** What the timeline has still to read, events at most, and the organisations that it is the reason for. */
  readonly timelineBehind: number;
  readonly late: readonly Difference[];
  /** Organisations whose month Redis does not hold: it is given them when they are needed. */
  readonly notInRedis: number;
}

/** A difference must be seen in each of so many looks: what is on its way between two stores is none. */
const LOOKS = 4;
const BETWEEN_LOOKS_MS = 500;
const TIMELINE_GROUP = 'timeline';
/** Offsets are committed once a second. */
const CATCH_UP_MS = 5_000;

export async function measureDrift(sources: DriftSources, scope: Scope): Promise<DriftReport> {
  let { looks, behind } = await look(sources, scope);
  let differences = new Map(looks.map((one) => [one.organizationId, compare(one)]));
  for (let count = 1; count < LOOKS && ![...differences.values()].every(isZero); count++) {
    await sleep(BETWEEN_LOOKS_MS);
    ({ looks, behind } = await look(sources, scope));
    const earlier = differences;
    differences = new Map(
      looks.map((one) => {
        const before = earlier.get(one.organizationId);
        return [one.organizationId, before ? agree(before, compare(one)) : compare(one)];
      }),
    );
  }
  const found = [...differences.values()]
    .filter((one) => !isZero(one))
    .sort((a, b) => (a.organizationId < b.organizationId ? -1 : 1));
  const isJustLate = (one: Difference) => one.redisDifference === 0 && isLate(one, behind);
  return {
    month: scope.month,
    organizations: looks.length,
    differences: found.filter((one) => !isJustLate(one)),
    late: found.filter(isJustLate),
    timelineBehind: behind,
    notInRedis: looks.filter(({ redis }) => !redis).length,
  };
}

/** The ledger is read first and last: both others lie between, unless something is wrong. */
async function look(
  { stores, redis, connection }: DriftSources,
  scope: Scope,
): Promise<{ readonly looks: Look[]; readonly behind: number }> {
  const [before, seeded, epoch] = await Promise.all([
    stores.ledger(scope),
    stores.seeded(scope),
    stores.epoch(),
  ]);
  const behind = await timelineBehind(connection);
  const timeline = await stores.timeline(scope);
  const ids = [...new Set([...before.keys(), ...seeded, ...timeline.keys()])];
  // Redis last, right before the ledger: it moves with every batch.
  const held = await redis.read(ids, scope.month, epoch);
  const after = await stores.ledger(scope);
  const looks = ids.map((organizationId) => ({
    organizationId,
    ledgerBefore: before.get(organizationId) ?? 0,
    ledgerAfter: after.get(organizationId) ?? 0,
    redis: held.get(organizationId),
    timeline: timeline.get(organizationId) ?? 0,
  }));
  return { looks, behind };
}

/** Waits a little for the timeline to have read what was there at the start; what it then still lacks. */
async function timelineBehind(connection: KafkaConnection): Promise<number> {
  const untilMs = Date.now() + CATCH_UP_MS;
  const ends = new Map<number, number>();
  for (;;) {
    const positions = await reach(`Kafka at ${connection.brokers.join(',')} could not be asked`, () =>
      groupPositions(connection, TIMELINE_GROUP, ADMITTED),
    );
    for (const { partition, end } of positions) if (!ends.has(partition)) ends.set(partition, end);
    const behind = lagOf(positions, ends);
    if (behind === 0 || Date.now() >= untilMs) return behind;
    await sleep(BETWEEN_LOOKS_MS);
  }
}

const lagOf = (positions: readonly GroupPosition[], ends: ReadonlyMap<number, number>): number =>
  positions.reduce((sum, { partition, committed }) => sum + Math.max(0, ends.get(partition)! - committed), 0);
