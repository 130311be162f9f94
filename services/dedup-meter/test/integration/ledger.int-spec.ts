import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { JudgedEvent } from '@trackline/contracts';
import { uuidv7 } from '@trackline/kernel';
import { createPool, type Database } from '@trackline/postgres';
import { createTestDatabase, dependenciesFromEnv, uniqueName, type TestDatabase } from '@trackline/testkit';
import { expiryBook } from '../../src/adapters/postgres/expiry.ts';
import { PostgresLedger } from '../../src/adapters/postgres/postgres-ledger.ts';
import { migrateLedger } from '../../src/adapters/postgres/schema.ts';
import type { LedgerBatch } from '../../src/domain/ledger-batch.ts';
import { sweepExpired } from '../../src/pipeline/sweep-expired.ts';
import { Unavailable, type SeededMonth, type Standing } from '../../src/ports.ts';

jest.setTimeout(30_000);

let testDatabase: TestDatabase;
let database: Database;
let ledger: PostgresLedger;

beforeAll(async () => {
  testDatabase = await createTestDatabase(dependenciesFromEnv().databaseUrl, 'ledger');
  await migrateLedger(testDatabase.databaseUrl);
  database = createPool({ databaseUrl: testDatabase.databaseUrl, max: 8, applicationName: 'ledger-test' });
  ledger = new PostgresLedger(database);
});

afterAll(async () => {
  await database?.close();
  await testDatabase?.drop();
});

const NOW = Date.parse('2026-11-20T10:00:00Z');
const organizationId = uuidv7();
const newSource = () => uniqueName('received');

/** A batch of one admitted event at `offset`, but for what is said. */
const batch = (
  { sourceId, term }: Standing,
  offset: number,
  more: Partial<LedgerBatch> = {},
): LedgerBatch => ({
  sourceId,
  term,
  firstOffset: offset,
  lastOffset: offset,
  trimBelow: undefined,
  journal: Buffer.from([0, 4]),
  events: [{ eventId: uuidv7(), contactId: uuidv7(), offset }],
  uniques: [],
  usage: [{ organizationId, day: '2026-11-20', used: 1 }],
  notices: [],
  deadLetters: [],
  ...more,
});

const scalar = async (text: string, values: unknown[] = []) =>
  Object.values((await database.query({ text, values })).rows[0] as object)[0] as number;

const unique = (receivedAtMs: number, identity = uuidv7()) => ({ identity, eventId: uuidv7(), receivedAtMs });

describe('the fence of a source', () => {
  it('begins before the first offset, and raises the term each time it is asked', async () => {
    const source = newSource();
    const first = await ledger.raiseTerm(source);
    expect(first).toMatchObject({ term: 1, done: -1 });
    expect(await ledger.raiseTerm(source)).toEqual({ ...first, term: 2 });
  });

  it('lets only the newest term commit', async () => {
    const source = newSource();
    const old = await ledger.raiseTerm(source);
    const standing = await ledger.raiseTerm(source);
    expect(await ledger.commit(batch(old, 0))).toEqual({ kind: 'fenced' });
    expect(await ledger.commit(batch(standing, 0))).toEqual({ kind: 'committed', notices: [] });
    expect((await ledger.raiseTerm(source)).done).toBe(0);
  });

  it('lets no offset be judged twice, also under the right term', async () => {
    const standing = await ledger.raiseTerm(newSource());
    await ledger.commit(batch(standing, 7));
    expect(await ledger.commit(batch(standing, 7))).toEqual({ kind: 'fenced' });
    expect(await ledger.commit(batch(standing, 6))).toEqual({ kind: 'fenced' });
    expect(await ledger.commit(batch(standing, 8))).toMatchObject({ kind: 'committed' });
  });

  it('ends all terms with the epoch, once', async () => {
    const source = newSource();
    const standing = await ledger.raiseTerm(source);
    const ended = await Promise.all([1, 2, 3, 4].map(() => ledger.endEpoch(standing.epoch)));
    expect(ended.filter(Boolean)).toHaveLength(1);
    expect(await ledger.commit(batch(standing, 0))).toEqual({ kind: 'fenced' });
    expect(await ledger.raiseTerm(source)).toMatchObject({
      epoch: standing.epoch + 1,
      term: standing.term + 2,
    });
  });
});

describe('a commit', () => {
  it('writes all or nothing', async () => {
    const standing = await ledger.raiseTerm(newSource());
    const known = batch(standing, 0);
    await ledger.commit(known);
    const org = uuidv7();
    const usage = [{ organizationId: org, day: '2026-11-20', used: 2 }];
    const again = batch(standing, 1, {
      usage,
      events: [...known.events, { eventId: uuidv7(), contactId: uuidv7(), offset: 1 }],
      deadLetters: [{ offset: 1, reason: 'invalid', detail: 'x' }],
    });
    expect(await ledger.commit(again)).toEqual({ kind: 'identity_known' });
    expect((await ledger.journal(standing.sourceId, 1, 1)).entries).toEqual([]);
    expect(await ledger.committedShares(standing.sourceId, '2026-11', [org])).toEqual(new Map());
    expect(
      (await ledger.lookUp([{ offset: 1, event: { eventId: again.events[1]!.eventId } as JudgedEvent }]))
        .events,
    ).toEqual([]);
  });

  it('adds up usage by day, and tells the share of a source by month', async () => {
    const one = await ledger.raiseTerm(newSource());
    const two = await ledger.raiseTerm(newSource());
    const org = uuidv7();
    const day = (date: string, used: number) => ({ usage: [{ organizationId: org, day: date, used }] });
    await ledger.commit(batch(one, 0, day('2026-11-01', 2)));
    await ledger.commit(batch(one, 1, day('2026-11-01', 3)));
    await ledger.commit(batch(one, 2, day('2026-11-30', 4)));
    await ledger.commit(batch(one, 3, day('2026-12-01', 50)));
    await ledger.commit(batch(two, 0, day('2026-11-30', 100)));
    expect(await ledger.committedShares(one.sourceId, '2026-11', [org, uuidv7()])).toEqual(
      new Map([[org, 9]]),
    );
  });

  it('takes a unique id once in 24 months', async () => {
    const standing = await ledger.raiseTerm(newSource());
    const monthsAgo = (months: number, days = 0) => {
      const date = new Date(NOW - days * 86_400_000);
      date.setUTCMonth(date.getUTCMonth() - months);
      return date.getTime();
    };
    const young = unique(monthsAgo(23));
    const old = unique(monthsAgo(24, 1));
    await ledger.commit(batch(standing, 0, { uniques: [young, old] }));
    const use = ({ identity }: { identity: string }) => ({ uniques: [unique(NOW, identity)] });
    expect(await ledger.commit(batch(standing, 1, use(young)))).toEqual({ kind: 'identity_known' });
    expect(await ledger.commit(batch(standing, 1, use(old)))).toMatchObject({ kind: 'committed' });
    // The one that took its place counts from its own receipt.
    expect(await ledger.commit(batch(standing, 2, use(old)))).toEqual({ kind: 'identity_known' });
  });

  it.each([
    ['2026-02-28T10:00:00Z', '2028-02-29T05:00:00Z'],
    ['2024-02-29T10:00:00Z', '2026-02-28T10:00:01Z'],
    ['2024-02-29T10:00:00Z', '2026-02-28T09:59:59Z'],
  ])('judges a unique id of %s at %s by one rule, whoever asks', async (first, again) => {
    const standing = await ledger.raiseTerm(newSource());
    const used = unique(Date.parse(first));
    await ledger.commit(batch(standing, 0, { uniques: [used] }));
    const receivedAtMs = Date.parse(again);
    const event = { eventId: uuidv7(), organizationId, receivedAtMs } as JudgedEvent;
    const { uniques } = await ledger.lookUp([{ offset: 1, event, unique: used.identity }]);
    const committed = await ledger.commit(
      batch(standing, 1, { uniques: [unique(receivedAtMs, used.identity)] }),
    );
    expect(committed.kind).toBe(uniques.length === 0 ? 'committed' : 'identity_known');
  });

  it('says which identities are known, and leaves out those that have expired', async () => {
    const source = newSource();
    const standing = await ledger.raiseTerm(source);
    const live = unique(NOW - 1_000);
    const expired = unique(Date.parse('2024-11-20T09:59:59Z'));
    const committed = batch(standing, 5, { uniques: [live, expired] });
    await ledger.commit(committed);
    const { eventId, contactId } = committed.events[0]!;
    const event = (id: string) => ({ eventId: id, organizationId, receivedAtMs: NOW }) as JudgedEvent;
    const found = await ledger.lookUp([
      { offset: 9, event: event(eventId) },
      { offset: 10, event: event(uuidv7()), unique: live.identity },
      { offset: 11, event: event(uuidv7()), unique: expired.identity },
    ]);
    expect(found).toEqual({
      events: [{ organizationId, eventId, contactId, first: { source, offset: 5 } }],
      uniques: [
        {
          organizationId,
          identity: live.identity,
          eventId: live.eventId,
          expiresAtMs: Date.parse('2028-11-20T09:59:59Z'),
        },
      ],
    });
  });

  it('raises each notice once', async () => {
    const one = await ledger.raiseTerm(newSource());
    const two = await ledger.raiseTerm(newSource());
    const notice = {
      organizationId: uuidv7(),
      month: '2026-11',
      thresholdPercent: 80 as const,
      used: 40,
      monthlyLimit: 50,
      atMs: NOW,
      offset: 0,
    };
    // Two go at once; the others share a transaction.
    const others = await Promise.all([1, 2].map(() => ledger.raiseTerm(newSource())));
    const outcomes = await Promise.all([
      ...others.map((standing) => ledger.commit(batch(standing, 0))),
      ledger.commit(batch(one, 0, { notices: [notice] })),
      ledger.commit(batch(two, 0, { notices: [notice] })),
    ]);
    const raised = outcomes.flatMap((outcome) => (outcome.kind === 'committed' ? outcome.notices : []));
    expect(raised).toEqual([notice]);
    const journalled = await Promise.all([one, two].map(({ sourceId }) => ledger.journal(sourceId, 0, 0)));
    expect(journalled.flatMap(({ notices }) => notices)).toEqual([notice]);
  });

  it('keeps the journal until its offsets are committed, and dead letters with their words', async () => {
    const standing = await ledger.raiseTerm(newSource());
    const letter = { offset: 11, reason: 'invalid' as const, detail: 'a "quoted" \\ {word}, ünd NULL' };
    await ledger.commit(batch(standing, 10));
    await ledger.commit(batch(standing, 11, { events: [], usage: [], deadLetters: [letter] }));
    const { entries, deadLetters } = await ledger.journal(standing.sourceId, 0, 100);
    expect(entries).toEqual([
      { offset: 10, kind: 'dead_letter' },
      { offset: 11, kind: 'dead_letter' },
    ]);
    expect(deadLetters.get(11)).toEqual({ kind: 'dead_letter', reason: 'invalid', detail: letter.detail });
    await ledger.commit(batch(standing, 12, { trimBelow: 11 }));
    expect((await ledger.journal(standing.sourceId, 0, 11)).entries.map(({ offset }) => offset)).toEqual([
      11,
    ]);
  });

  it('lets batches that wait share a transaction, and none pay for another', async () => {
    const standings = await Promise.all(Array.from({ length: 6 }, () => ledger.raiseTerm(newSource())));
    await ledger.raiseTerm(
      (
        await database.query<{ name: string }>({
          text: 'SELECT name FROM dedup_meter.source WHERE id = $1',
          values: [standings[2]!.sourceId],
        })
      ).rows[0]!.name,
    );
    const same = uuidv7();
    const org = uuidv7();
    const outcomes = await Promise.all(
      standings.map((standing, at) =>
        ledger.commit(
          batch(standing, 0, {
            usage: [{ organizationId: org, day: '2026-11-20', used: 1 }],
            uniques: at === 4 || at === 5 ? [unique(NOW, same)] : [],
          }),
        ),
      ),
    );
    const kinds = outcomes.map(({ kind }) => kind);
    expect(kinds.slice(0, 4)).toEqual(['committed', 'committed', 'fenced', 'committed']);
    expect(kinds.slice(4).sort()).toEqual(['committed', 'identity_known']);
    expect(
      await scalar('SELECT sum(used)::int FROM dedup_meter.usage WHERE organization_id = $1', [org]),
    ).toBe(4);
  });
});

describe('seeding', () => {
  it('is done by one, while the others wait for it; and once more in the next epoch', async () => {
    const { epoch, ...standing } = await ledger.raiseTerm(newSource());
    const org = uuidv7();
    await ledger.commit(
      batch({ epoch, ...standing }, 0, { usage: [{ organizationId: org, day: '2026-11-20', used: 3 }] }),
    );
    let writing = 0;
    const written: SeededMonth[] = [];
    const write = async (months: readonly SeededMonth[]) => {
      writing += 1;
      await new Promise((resolve) => setTimeout(resolve, 50));
      written.push(...months);
      writing -= 1;
    };
    const others = Array.from({ length: 3 }, () => new PostgresLedger(database));
    await Promise.all(
      others.map((other) =>
        other
          .seedOnce([org], '2026-11', epoch, write)
          .then(() => expect([writing, written.length]).toEqual([0, 1])),
      ),
    );
    expect(written).toEqual([
      { organizationId: org, month: '2026-11', used: new Map([[standing.sourceId, 3]]) },
    ]);
    await ledger.seedOnce([org], '2026-11', epoch + 1, write);
    await ledger.seedOnce([org], '2026-11', epoch, write);
    expect(written).toHaveLength(2);
  });

  it('counts as done when the writer dies: what it left undone must look like a loss', async () => {
    const { epoch } = await ledger.raiseTerm(newSource());
    const org = uuidv7();
    const dies = ledger.seedOnce([org], '2026-11', epoch, () => Promise.reject(new Error('killed')));
    await expect(dies).rejects.toThrow('killed');
    const written: SeededMonth[] = [];
    await ledger.seedOnce([org], '2026-11', epoch, async (months) => void written.push(...months));
    expect(written).toEqual([]);
  });

  it('holds nobody up for long when the writer falls asleep', async () => {
    const { epoch } = await ledger.raiseTerm(newSource());
    const org = uuidv7();
    let wakeUp: () => void = () => undefined;
    let asleep: Promise<void> | undefined;
    await new Promise<void>((begun) => {
      asleep = ledger.seedOnce([org], '2026-11', epoch, () => {
        begun();
        return new Promise((resolve) => (wakeUp = resolve));
      });
    });
    const written: SeededMonth[] = [];
    const startedMs = Date.now();
    await new PostgresLedger(database).seedOnce([org], '2026-11', epoch, async (months) => {
      written.push(...months);
    });
    // It finds the month missing in Redis and ends the epoch; the sleeper cannot say that it has done it.
    expect(written).toEqual([]);
    expect(Date.now() - startedMs).toBeLessThan(15_000);
    wakeUp();
    await expect(asleep).rejects.toThrow(Unavailable);
  });
});

describe('expiry', () => {
  it('removes what has expired and nothing else, one instance at a time', async () => {
    const standing = await ledger.raiseTerm(newSource());
    await ledger.commit(
      batch(standing, 0, {
        events: Array.from({ length: 50 }, (_, offset) => ({
          eventId: uuidv7(),
          contactId: uuidv7(),
          offset,
        })),
        uniques: [unique(NOW), unique(Date.parse('2024-11-19T10:00:00Z'))],
      }),
    );
    await database.query({
      text: `UPDATE dedup_meter.event_identity SET decided_at = $1`,
      values: [new Date(NOW)],
    });
    const stale = uuidv7();
    await database.query({
      text: `INSERT INTO dedup_meter.event_identity (event_id, contact_id, source, source_offset, decided_at)
               VALUES ($1, $1, 1, 1, $2)`,
      values: [stale, new Date(NOW - 49 * 3_600_000)],
    });
    const before = await scalar('SELECT count(*) FROM dedup_meter.event_identity');
    const uniques = await scalar('SELECT count(*) FROM dedup_meter.unique_identity');
    const old = await scalar(
      `SELECT count(*) FROM dedup_meter.unique_identity WHERE received_at < '2024-11-20T10:00:00Z'`,
    );
    const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
    const sweep = () =>
      sweepExpired({
        book: expiryBook(database),
        clock: { now: () => NOW },
        log,
        hotWindowMs: 48 * 3_600_000,
        pause: async () => undefined,
      })(new AbortController().signal);
    await Promise.all([sweep(), sweep()]);
    expect(await scalar('SELECT count(*) FROM dedup_meter.event_identity')).toBe(before - 1);
    expect(await scalar('SELECT count(*) FROM dedup_meter.unique_identity')).toBe(uniques - old);
    expect(old).toBeGreaterThan(0);
    const isDue = await scalar('SELECT count(*) FROM dedup_meter.sweep WHERE due_at <= now()');
    expect(isDue).toBe(0);
  });
});
