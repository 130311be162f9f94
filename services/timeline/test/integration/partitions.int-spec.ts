import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ADMITTED } from '@trackline/contracts';
import type { Organization } from '@trackline/directory';
import { createPool, type Database } from '@trackline/postgres';
import { eventually, type Call } from '@trackline/testkit';
import { admittedWriter } from '../../src/adapters/postgres/judged-event-writer.ts';
import { partitionInventory } from '../../src/adapters/postgres/partition-inventory.ts';
import { addMonths } from '../../src/domain/calendar-month.ts';
import { partitionName } from '../../src/domain/retention.ts';
import type { RunningTimeline } from '../../src/start-timeline.ts';
import { anEvent, TimelineRig } from './timeline-rig.ts';

let rig: TimelineRig;
let timeline: RunningTimeline;
let organization: Organization;
let call: Call;
const nowMs = Date.now();

beforeAll(async () => {
  rig = await TimelineRig.open();
  timeline = await rig.start();
  ({ organization, call } = await rig.organization(timeline));
}, 30_000);

afterAll(() => rig.close(), 20_000);

const partitions = async (): Promise<string[]> => {
  const { rows } = await rig.database.query<{ name: string }>({
    text: `SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'timeline.event'::regclass`,
  });
  return rows.map((row) => row.name.replace('timeline.', ''));
};
const eventMonth = (ms: number) => partitionName('event', ms);
const dropMonth = (ms: number) => partitionInventory(rig.database).drop('event', addMonths(ms, 0));

describe('partitions', () => {
  it('are there before they are needed: 24 months back, two ahead, with their indexes', async () => {
    const there = await partitions();
    expect(there.sort()).toEqual(
      Array.from({ length: 27 }, (_, i) => eventMonth(addMonths(nowMs, i - 24))).sort(),
    );
    const { rows } = await rig.database.query<{ indexes: number }>({
      text: `SELECT count(*) AS indexes FROM pg_indexes WHERE schemaname = 'timeline' AND tablename = $1`,
      values: [eventMonth(nowMs)],
    });
    expect(rows).toEqual([{ indexes: 3 }]);
  });

  it('are made on demand: an event of a month that is missing waits for nobody', async () => {
    const contactId = await rig.contact(organization);
    const at = { organizationId: organization.id, contactId };
    const missing = [5, 6, 17].map((count) => addMonths(nowMs, -count));
    for (const month of missing) await dropMonth(month);
    const moments = [nowMs, ...missing.map((month) => month + 86_400_000), nowMs];
    await rig.admitted(...moments.map((occurredAtMs) => anEvent({ ...at, occurredAtMs })));
    await eventually(async () => {
      const { json } = await call('GET', `/v1/contacts/${contactId}/events`);
      return json.items.length === 5;
    });
    expect(await partitions()).toEqual(expect.arrayContaining(missing.map(eventMonth)));
  });

  it('are made on demand though another event of the batch can never be put down: that one alone is to blame', async () => {
    const month = addMonths(nowMs, -7);
    await dropMonth(month);
    const at = { organizationId: organization.id, contactId: await rig.contact(organization) };
    const events = [
      anEvent({ ...at, occurredAtMs: month + 86_400_000 }),
      anEvent({ ...at, properties: '{"note":' }),
      anEvent(at),
    ];
    const writer = admittedWriter(rig.database, partitionInventory(rig.database), rig.orderRecorder());
    const commit = await writer.commit({ topic: ADMITTED, partition: 78 }, [], events);
    expect(commit).toMatchObject({ kind: 'unstorable', index: 1 });
    expect(await partitions()).toContain(eventMonth(month));
  });

  it('are made by whoever comes first when several need one', async () => {
    const month = addMonths(nowMs, -30);
    const inventory = partitionInventory(rig.database);
    const made = await Promise.all(Array.from({ length: 8 }, () => inventory.make('event', [month])));
    expect(made.flat()).toEqual([eventMonth(month)]);
  });

  it('are dropped when their youngest row is 24 months old, with those of other tables after their time', async () => {
    const later = addMonths(nowMs, 3) + 15 * 86_400_000;
    const { made, dropped, failed } = await rig.keepPartitions(later);
    expect(failed).toEqual([]);
    expect(made).toContain(eventMonth(addMonths(later, 2)));
    const there = await partitions();
    expect(there).not.toContain(eventMonth(addMonths(later, -25)));
    expect(there).toContain(eventMonth(addMonths(later, -24)));
    expect(dropped).toContainEqual({ table: 'refusal', monthMs: addMonths(nowMs, 0) });
    expect(dropped.filter(({ table }) => table === 'execution_effect')).toEqual([]);
  });

  it('that someone reads are dropped in a later run, and keep nobody from writing meanwhile', async () => {
    const month = addMonths(nowMs, -31);
    await partitionInventory(rig.database).make('event', [month]);
    const contactId = await rig.contact(organization);
    let release = () => {};
    const released = new Promise<void>((resolve) => (release = resolve));
    let holding = () => {};
    const held = new Promise<void>((resolve) => (holding = resolve));
    const reader = rig.database.transaction(async (tx) => {
      await tx.query({ text: `SELECT count(*) FROM timeline.${eventMonth(month)}` });
      holding();
      await released;
    });
    await held;
    try {
      const { failed } = await rig.keepPartitions(nowMs);
      expect(failed).toMatchObject([{ table: 'event', monthMs: month, error: { code: '55P03' } }]);
      await rig.admitted(anEvent({ organizationId: organization.id, contactId }));
      await eventually(async () => {
        const { json } = await call('GET', `/v1/contacts/${contactId}/events`);
        return json.items.length === 1;
      });
    } finally {
      release();
      await reader;
    }
    const { dropped } = await rig.keepPartitions(nowMs);
    expect(dropped).toEqual([{ table: 'event', monthMs: month }]);
    expect(await partitions()).not.toContain(eventMonth(month));
  }, 15_000);

  it('whose removal was interrupted are removed by the next run', async () => {
    const month = addMonths(nowMs, -32);
    const inventory = partitionInventory(rig.database);
    await inventory.make('event', [month]);
    // A second's work of DETACH … CONCURRENTLY, cut off while it waits for a transaction that uses the table.
    const impatient: Database = createPool({
      databaseUrl: rig.databaseUrl,
      max: 1,
      applicationName: 'impatient',
      statementTimeoutMs: 300,
    });
    await rig.database.transaction(async (tx) => {
      await tx.query({ text: `SELECT count(*) FROM timeline.event` });
      await expect(partitionInventory(impatient).drop('event', month)).rejects.toMatchObject({
        code: '57014',
      });
    });
    await impatient.close();
    expect(await inventory.months('event')).toContain(month);
    const { dropped } = await rig.keepPartitions(nowMs);
    expect(dropped).toEqual([{ table: 'event', monthMs: month }]);
    expect(await inventory.months('event')).not.toContain(month);
  });
});
