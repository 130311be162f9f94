import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { uuidv7 } from '@trackline/kernel';
import { monthKey } from '../../src/adapters/redis/keys.ts';
import { FAULTS, FlowRig, struck, type Fault, type Instance, type Interference } from './flow-rig.ts';

jest.setTimeout(30_000);

let rig: FlowRig;
let nextPartition = 0;
let partition: number;

beforeAll(async () => {
  rig = await FlowRig.open();
});

afterAll(() => rig?.close());

beforeEach(() => {
  rig.forget();
  partition = nextPartition;
  nextPartition += 10;
});

/** Strikes once, at the given point. */
const once = (point: Fault): Interference => {
  let isDue = true;
  return {
    at: async (where) => {
      if (where !== point || !isDue) return;
      isDue = false;
      throw struck(point);
    },
  };
};

/** Runs `meanwhile` once, at the given point, and lets things go on. */
const meanwhile = (point: Fault, work: () => Promise<void>): Interference => {
  let isDue = true;
  return {
    at: async (where) => {
      if (where !== point || !isDue) return;
      isDue = false;
      await work();
    },
  };
};

const verdicts = () => rig.published.map(({ position, verdict }) => `${position.split('@')[1]} ${verdict}`);
const verdictsFrom = (at: number) =>
  rig.published.slice(at).map(({ verdict }) => {
    const { verdict: kind, replayOf } = JSON.parse(verdict);
    return replayOf ? 'replay' : kind;
  });
const admittedOnce = () =>
  new Set(
    rig.published
      .filter(({ verdict }) => JSON.parse(verdict).verdict === 'admitted')
      .map(({ position }) => position),
  );

describe('a batch that fails somewhere', () => {
  it.each(FAULTS)(
    'at "%s" counts once when it is handed over again, to the same process or another',
    async (point) => {
      for (const successor of ['the same', 'another']) {
        rig.forget();
        partition += 1;
        const { id } = rig.organization(3);
        const event = (uniqueId: string) => ({ organizationId: id, uniqueId });
        rig.append(partition, event('a'), event('b'), event('a'), event('c'), event('d'));
        const first = rig.instance(once(point));
        await rig.admit(first, partition, 0, 5).catch(() => undefined);
        await rig.admit(successor === 'the same' ? first : rig.instance(), partition, 0, 5);
        const said = new Set(verdicts());
        expect(said.size).toBe(5);
        expect([...admittedOnce()]).toHaveLength(3);
        expect(await rig.used(id)).toBe(3);
        // And what was reserved and not committed has vanished.
        expect(await rig.redis.hget(monthKey(id, '2026-11'), 'total')).toBe('3');
      }
    },
  );

  it('is repeated word for word once it stands, whatever has changed since', async () => {
    const { id } = rig.organization(1);
    rig.append(
      partition,
      { organizationId: id, uniqueId: 'a' },
      { organizationId: id },
      { organizationId: id, uniqueId: 'a' },
    );
    await rig.admit(rig.instance(once('publish lost')), partition, 0, 3).catch(() => undefined);
    const before = verdicts();
    rig.organization(100, id);
    await rig.admit(rig.instance(), partition, 0, 3);
    expect(verdicts()).toEqual([...before, ...before]);
    expect(await rig.used(id)).toBe(1);
  });

  it('is passed over in silence once its offsets were committed and its journal is trimmed', async () => {
    const { id } = rig.organization(null);
    rig.append(partition, { organizationId: id }, { organizationId: id }, { organizationId: id });
    const instance = rig.instance();
    await rig.admit(instance, partition, 0, 2);
    await rig.admit(instance, partition, 2, 1, 2);
    const before = verdicts();
    expect(before).toHaveLength(3);
    // The group's offset was set back by hand.
    await rig.admit(rig.instance(), partition, 0, 2);
    expect(verdicts()).toEqual(before);
    expect(await rig.used(id)).toBe(3);
  });
});

describe('two owners of one source', () => {
  it.each(['judge', 'judge lost', 'commit', 'commit lost', 'publish'] as const)(
    'agree on every verdict when the second takes over at "%s"',
    async (point) => {
      const { id } = rig.organization(4);
      rig.append(
        partition,
        ...Array.from({ length: 6 }, (_, i) => ({ organizationId: id, uniqueId: `u${i % 4}` })),
      );
      const second = rig.instance();
      const first = rig.instance(meanwhile(point, () => rig.admit(second, partition, 0, 6)));
      await rig.admit(first, partition, 0, 6).catch(() => undefined);
      await rig.admit(second, partition, 0, 6);
      expect(new Set(verdicts()).size).toBe(6);
      expect(await rig.used(id)).toBe(4);
    },
  );

  it.each(['judge', 'commit'] as const)(
    'do not spoil the count when the former wakes up late, at "%s"',
    async (point) => {
      const { id } = rig.organization(3);
      const twoEvents = [{ organizationId: id }, { organizationId: id }];
      rig.append(partition, ...twoEvents);
      rig.append(partition + 1, ...twoEvents);
      const second = rig.instance();
      let isAsleep = true;
      const first = rig.instance({
        at: async (where) => {
          if (isAsleep && where === point) {
            isAsleep = false;
            await rig.admit(second, partition, 0, 2);
          } else if (!isAsleep && where === 'judge lost') {
            // The call of the old term has reached Redis: others judge right behind it.
            await rig.admit(second, partition + 1, 0, 2);
          }
        },
      });
      await rig.admit(first, partition, 0, 2).catch(() => undefined);
      await rig.admit(second, partition + 1, 0, 2);
      expect(await rig.used(id)).toBe(3);
      expect(await rig.redis.hget(monthKey(id, '2026-11'), 'total')).toBe('3');
    },
  );
});

describe('an identity that only the ledger knows', () => {
  it('is found at the commit, and the batch is judged again knowing it', async () => {
    const { id } = rig.organization(null);
    const eventId = uuidv7();
    rig.append(partition, { organizationId: id, eventId, uniqueId: 'a' }, { organizationId: id });
    await rig.admit(rig.instance(), partition, 0, 2);
    const keys = await rig.redis.keys(`tl:{${id}}:[eu]:*`);
    expect(keys).toHaveLength(3);
    await rig.redis.del(keys);
    rig.append(
      partition + 1,
      { organizationId: id },
      { organizationId: id, eventId },
      { organizationId: id, uniqueId: 'a' },
      { organizationId: id, uniqueId: 'b' },
    );
    await rig.admit(rig.instance(), partition + 1, 0, 4);
    const kinds = rig.published.slice(2).map(({ verdict }) => JSON.parse(verdict));
    expect(kinds.map(({ verdict, replayOf }) => (replayOf ? 'replay' : verdict))).toEqual([
      'admitted',
      'replay',
      'duplicate',
      'admitted',
    ]);
    expect(kinds[2].duplicateOf).toBe(eventId);
    expect(await rig.used(id)).toBe(4);
  });
});

describe('an identity that Redis has forgotten', () => {
  it('is told from an event over the cap: it gets the first answer, not a 429', async () => {
    const { id } = rig.organization(2);
    const eventId = uuidv7();
    const first = { organizationId: id, eventId, uniqueId: 'a' };
    rig.append(partition, first, { organizationId: id });
    await rig.admit(rig.instance(), partition, 0, 2);
    await rig.redis.del(await rig.redis.keys(`tl:{${id}}:[eu]:*`));
    const again = [
      { organizationId: id },
      first,
      { organizationId: id, uniqueId: 'a' },
      { organizationId: id },
    ];
    rig.append(partition, ...again);
    await rig.admit(rig.instance(), partition, 2, 4);
    expect(verdictsFrom(2)).toEqual(['over_limit', 'replay', 'duplicate', 'over_limit']);
  });

  it('is told from a duplicate when the event itself comes again and only its unique id is remembered', async () => {
    const { id } = rig.organization(null);
    const first = { organizationId: id, eventId: uuidv7(), uniqueId: 'a' };
    rig.append(partition, first, first);
    await rig.admit(rig.instance(), partition, 0, 1);
    await rig.redis.del(await rig.redis.keys(`tl:{${id}}:e:*`));
    await rig.admit(rig.instance(), partition, 1, 1);
    expect(verdictsFrom(0)).toEqual(['admitted', 'replay']);
  });
});

describe('losing Redis', () => {
  const losses: readonly [string, (id: string) => Promise<unknown>][] = [
    ['a flush', async (id) => rig.redis.del(await rig.redis.keys(`tl:{${id}}:*`))],
    [
      'a restart or failover',
      async (id) => rig.redis.hset(monthKey(id, '2026-11'), 'replid', 'f'.repeat(40)),
    ],
    [
      'a failover to a replica that lags behind',
      async (id) => {
        await rig.redis.del('no such key', ...(await rig.redis.keys(`tl:{${id}}:[eu]:*`)));
        await rig.redis.hset(monthKey(id, '2026-11'), 'replid', 'f'.repeat(40), 'total', 0);
      },
    ],
  ];

  it.each(losses)('by %s changes no verdict and no count', async (_, lose) => {
    const { id } = rig.organization(5);
    const unique = (uniqueId: string) => ({ organizationId: id, uniqueId });
    const instance = rig.instance();
    rig.append(partition, unique('a'), unique('b'), unique('c'));
    await rig.admit(instance, partition, 0, 3);
    await lose(id);
    rig.append(partition, unique('a'), unique('d'), unique('b'), unique('e'), unique('f'));
    await rig.admit(instance, partition, 3, 5);
    expect(rig.published.slice(3).map(({ verdict }) => JSON.parse(verdict).verdict)).toEqual([
      'duplicate',
      'admitted',
      'duplicate',
      'admitted',
      'over_limit',
    ]);
    expect(await rig.used(id)).toBe(5);
  });

  it.each(losses)('by %s voids what was judged before it and is not committed', async (_, lose) => {
    const { id } = rig.organization(3);
    const events = (count: number) => Array.from({ length: count }, () => ({ organizationId: id }));
    rig.append(partition, ...events(2));
    rig.append(partition + 1, ...events(2));
    const other = rig.instance();
    const instance = rig.instance(
      meanwhile('commit', async () => {
        await lose(id);
        // Seeded anew without the two that are on their way to the ledger: they must not arrive there.
        await rig.admit(other, partition + 1, 0, 2);
      }),
    );
    await rig.admit(instance, partition, 0, 2);
    expect(await rig.used(id)).toBe(3);
    expect([...admittedOnce()]).toHaveLength(3);
  });
});

describe('a source topic that was made anew', () => {
  const admitAll = (count: number) => rig.admit(rig.instance(), partition, 0, count);

  it('stops when it ends before what was judged, and says what to do', async () => {
    const { id } = rig.organization(null);
    const event = { organizationId: id };
    rig.append(partition, event, event, event);
    await admitAll(3);
    rig.log(partition).length = 0;
    rig.append(partition, event);
    await expect(admitAll(1)).rejects.toThrow(
      /ends at offset 1, but 2 has been judged.*raise SOURCE_GENERATION/,
    );
  });

  it('stops when its offsets hold other records: they must not pass for judged', async () => {
    const { id } = rig.organization(null);
    const event = { organizationId: id };
    rig.append(partition, event, event, event);
    await admitAll(3);
    rig.log(partition).length = 0;
    rig.append(partition, ...Array(6).fill(event));
    const log = rig.log(partition);
    log.forEach((message, at) => (log[at] = { ...message, timestampMs: message.timestampMs + 60_000 }));
    await expect(admitAll(2)).rejects.toThrow(
      /has at offset 0 a record that was received at .*raise SOURCE_GENERATION/,
    );
    expect(await rig.used(id)).toBe(3);
  });
});

/** A small generator that gives the same numbers for the same seed. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Anything may happen at any point: faults, other owners, losses of Redis, offsets that are set back. */
async function mayhem(seed: number): Promise<void> {
  const next = random(seed);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(next() * items.length)]!;
  rig.forget();
  const partitions = [nextPartition++, nextPartition++, nextPartition++];
  const done = new Map(partitions.map((one) => [one, 0]));
  const organizations = [rig.organization(12), rig.organization(null)];
  const ids = new Map(organizations.map(({ id }) => [id, Array.from({ length: 20 }, () => uuidv7())]));
  let calm = false;
  let depth = 0;
  const instances: Instance[] = [];

  // The transport hands the batches of a partition over one after another, within a process.
  const busy = new Set<string>();
  const admitSome = async (instance: Instance): Promise<void> => {
    const one = pick(partitions);
    const lane = `${instances.indexOf(instance)} ${one}`;
    if (busy.has(lane)) return;
    busy.add(lane);
    await admitFrom(instance, one).finally(() => busy.delete(lane));
  };
  const admitFrom = async (instance: Instance, one: number): Promise<void> => {
    const committed = done.get(one)!;
    const from = next() < 0.15 ? Math.floor(next() * (committed + 1)) : committed;
    const count = 1 + Math.floor(next() * 8);
    // What is handed over ends here: of a batch that failed a part may still run when the next events are appended.
    const end = Math.min(from + count, rig.log(one).length);
    await rig.admit(instance, one, from, count, next() < 0.5 ? committed : 0);
    done.set(one, Math.max(done.get(one)!, end));
  };
  const interference: Interference = {
    at: async (point) => {
      if (calm) return;
      const dice = next();
      if (dice < 0.08) throw struck(point);
      if (dice < 0.12 && depth < 2) {
        depth += 1;
        await admitSome(pick(instances)).catch(() => undefined);
        depth -= 1;
      } else if (dice < 0.14) await pick([flush, failOver])();
    },
  };
  const flush = async () => {
    for (const { id } of organizations) {
      const keys = await rig.redis.keys(`tl:{${id}}:*`);
      if (keys.length > 0) await rig.redis.del(keys);
    }
  };
  const failOver = async () => {
    for (const { id } of organizations) {
      const key = monthKey(id, '2026-11');
      if (await rig.redis.exists(key)) await rig.redis.hset(key, 'replid', 'f'.repeat(40), 'total', 0);
    }
  };
  instances.push(rig.instance(interference), rig.instance(interference));
  for (let step = 0; step < 30; step++) {
    const events = Array.from({ length: Math.floor(next() * 5) }, () => {
      const { id } = pick(organizations);
      return {
        organizationId: id,
        ...(next() < 0.4 ? { uniqueId: `u${Math.floor(next() * 10)}` } : {}),
        ...(next() < 0.3 ? { eventId: pick(ids.get(id)!) } : {}),
      };
    });
    rig.append(pick(partitions), ...events);
    if (next() < 0.1) pick(instances).assignment += 1;
    await Promise.all([
      admitSome(instances[0]!).catch(() => undefined),
      next() < 0.5 ? admitSome(instances[1]!).catch(() => undefined) : undefined,
    ]);
  }
  calm = true;
  for (const one of partitions) await rig.admit(instances[0]!, one, done.get(one)!, 1_000);
  await checkInvariants(partitions, organizations);
}

async function checkInvariants(
  partitions: readonly number[],
  organizations: readonly { id: string; hardCap: number | null }[],
): Promise<void> {
  const verdictAt = new Map<string, string>();
  const admitted = new Map<string, { eventId: string; uniqueId: string | undefined; contact: string }>();
  const lastFirst = new Map<string, number>();
  for (const { position, partition: target, verdict, eventId, uniqueId } of rig.published) {
    const [source, offset] = position.split('@') as [string, string];
    if (verdictAt.has(position)) expect(verdict).toBe(verdictAt.get(position));
    else {
      verdictAt.set(position, verdict);
      // First appearances in a target partition come in the order of the source.
      const lane = `${source} ${target} ${JSON.parse(verdict).verdict === 'admitted'}`;
      expect(Number(offset)).toBeGreaterThan(lastFirst.get(lane) ?? -1);
      lastFirst.set(lane, Number(offset));
    }
    const said = JSON.parse(verdict);
    if (said.verdict === 'over_limit') {
      // Whoever was let in before, by the same source, is known for ever.
      const known = [...admitted].filter(([first]) => first.startsWith(`${source}@`)).map(([, one]) => one);
      expect(known.some((one) => one.eventId === eventId && one.contact === said.contact)).toBe(false);
      const isUniqueIdOf = (one: { uniqueId: string | undefined; contact: string }) =>
        uniqueId !== undefined && one.uniqueId === uniqueId && one.contact === said.contact;
      expect(known.some(isUniqueIdOf)).toBe(false);
    }
    if (said.verdict === 'admitted' && !said.replayOf)
      admitted.set(position, { eventId, uniqueId, contact: said.contact });
  }
  expect(verdictAt.size).toBe(partitions.reduce((sum, one) => sum + rig.log(one).length, 0));
  const all = [...admitted.values()];
  expect(new Set(all.map(({ eventId, contact }) => eventId + contact)).size).toBe(all.length);
  const uniques = all.flatMap(({ uniqueId, contact }) => (uniqueId ? [uniqueId + contact] : []));
  expect(new Set(uniques).size).toBe(uniques.length);
  for (const { id, hardCap } of organizations) {
    const used = await rig.used(id);
    expect(all.filter(({ contact }) => contact.startsWith(id.slice(0, -1)))).toHaveLength(used);
    if (hardCap !== null) expect(used).toBeLessThanOrEqual(hardCap);
  }
}

describe('anything at any time', () => {
  const runs = Number(process.env.MAYHEM_RUNS ?? 12);
  const firstSeed = Number(process.env.MAYHEM_SEED ?? 1);
  it.each(Array.from({ length: runs }, (_, i) => firstSeed + i))(
    'leaves one verdict per position and an exact count (seed %i)',
    (seed) => mayhem(seed),
  );
});
