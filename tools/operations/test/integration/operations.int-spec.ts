import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { INBOUND, monthOf, type EncodedMessage } from '@trackline/contracts';
import type { Organization } from '@trackline/directory';
import { eventually, uniqueName } from '@trackline/testkit';
import { OperationsRig } from './operations-rig.ts';

let rig: OperationsRig;
let organization: Organization;

beforeAll(async () => {
  rig = await OperationsRig.open();
  await Promise.all([rig.start('dedup-meter'), rig.start('timeline')]);
  organization = await rig.organization();
}, 60_000);

afterAll(() => rig?.close(), 30_000);

const inbound = (contactExternalId: string, name = 'order'): EncodedMessage => ({
  topic: INBOUND,
  key: `${organization.id}:${contactExternalId}`,
  value: JSON.stringify({ name, contactExternalId }),
  headers: {
    ce_specversion: '1.0',
    ce_id: uniqueName('id'),
    ce_source: `/organizations/${organization.id}/warehouse`,
    ce_type: 'com.trackline.event.track',
    'content-type': 'application/json',
  },
});

const used = async (): Promise<number> => {
  const { rows } = await rig.database.query<{ used: number }>({
    text: 'SELECT coalesce(sum(used), 0)::bigint AS used FROM dedup_meter.usage',
  });
  return rows[0]!.used;
};

const events = async (): Promise<number> => {
  const { rows } = await rig.database.query<{ count: number }>({
    text: 'SELECT count(*) FROM timeline.event',
  });
  return rows[0]!.count;
};

const report = async (...args: string[]) => {
  const { out } = await rig.command('redrive', '--topic', INBOUND, '--json', ...args);
  return JSON.parse(out) as { letters: number; sent: number; sentBefore: number; counts: object[] };
};

describe('npm run redrive', () => {
  it('refuses a topic that has no dead letters, and names those that have', async () => {
    const { code, out } = await rig.command('redrive', '--topic', 'events.v1');
    expect(code).toBe(1);
    expect(out).toContain('events.inbound.v1');
  });

  it('says so when there is nothing', async () => {
    const { code, out } = await rig.command('redrive', '--topic', 'events.admitted.v1');
    expect({ code, out: out.trim() }).toEqual({
      code: 0,
      out: 'No dead letters of events.admitted.v1 that are to be sent back.',
    });
  });

  it('lists by reason, sends back what has become right, and meters each event once', async () => {
    const names = [uniqueName('ext'), uniqueName('ext'), uniqueName('ext')];
    await rig.publish([...names.map((name) => inbound(name)), { ...inbound('x'), value: '{' }]);
    await eventually(async () => (await report('--dry-run')).letters === 4, {
      everyMs: 500,
      withinMs: 20_000,
    });
    expect((await report('--dry-run')).counts).toEqual([
      expect.objectContaining({ reason: 'contact_not_found', group: 'dedup-meter', letters: 3 }),
      expect.objectContaining({ reason: 'undecodable', letters: 1 }),
    ]);
    expect(await used()).toBe(0);

    for (const externalId of names) await rig.directory.createContact(organization.id, { externalId });
    expect(await report('--reason', 'contact_not_found', '--limit', '2')).toMatchObject({
      letters: 3,
      sent: 2,
    });
    await eventually(async () => (await used()) === 2);
    const { code, out } = await rig.command('redrive', '--topic', INBOUND, '--reason', 'contact_not_found');
    expect(code).toBe(0);
    expect(out).toContain('1 of 1 dead letters were sent back');
    expect(out).toContain('2 were sent back before');
    await eventually(async () => (await used()) === 3);

    // Once more, as after a command that died before it could mark them: resends, which are not metered.
    expect(await report('--reason', 'contact_not_found', '--again')).toMatchObject({ sent: 3 });
    await rig.publish([inbound(names[0]!, 'later')]);
    await eventually(async () => (await used()) === 4);
    await eventually(async () => (await events()) === 4);
  }, 60_000);

  it('brings a letter back that is still not right, and it is a letter again', async () => {
    expect(await report('--reason', 'undecodable')).toMatchObject({ letters: 1, sent: 1 });
    await eventually(async () => (await report('--dry-run', '--reason', 'undecodable')).letters === 1, {
      everyMs: 500,
    });
  }, 30_000);
});

describe('npm run drift', () => {
  const month = monthOf(Date.now());
  const drift = async (...args: string[]) => {
    const { code, out } = await rig.command('drift', '--json', ...args);
    const outcome = JSON.parse(out) as {
      organizations: number;
      notInRedis: number;
      differences: Record<string, unknown>[];
      repaired?: boolean;
    };
    return { code, ...outcome };
  };

  it('finds none where all agree', async () => {
    expect(await drift()).toMatchObject({ code: 0, organizations: 1, notInRedis: 0, differences: [] });
    const { out } = await rig.command('drift', '--month', month, '--organization', organization.id);
    expect(out).toContain(`${month}: 1 organisations, 0 differ.`);
  }, 30_000);

  it('finds a Redis that differs, and repairs it beneath a running judge', async () => {
    const key = `tl:{${organization.id}}:m:${month}`;
    await rig.redis.hincrby(key, 'total', 5);
    expect(await drift()).toMatchObject({
      code: 1,
      differences: [{ organizationId: organization.id, redisDifference: 5, timelineDifference: 0 }],
    });
    expect(await drift('--repair')).toMatchObject({ code: 0, repaired: true });
    expect(await drift('--repair')).toMatchObject({
      code: 0,
      repaired: false,
      notInRedis: 1,
      differences: [],
    });
    const externalId = uniqueName('ext');
    await rig.directory.createContact(organization.id, { externalId });
    await rig.publish([inbound(externalId)]);
    await eventually(async () => (await used()) === 5, { withinMs: 20_000 });
    expect(Number(await rig.redis.hget(key, 'total'))).toBe(5);
    await eventually(async () => (await events()) === 5);
    expect(await drift()).toMatchObject({ code: 0, notInRedis: 0, differences: [] });
  }, 60_000);

  it('finds a timeline that lacks an event, and does not call it late', async () => {
    await rig.database.query({
      text: 'DELETE FROM timeline.event WHERE id = (SELECT id FROM timeline.event LIMIT 1)',
    });
    const { code, differences } = await drift();
    expect(code).toBe(1);
    expect(differences).toEqual([expect.objectContaining({ redisDifference: 0, timelineDifference: -1 })]);
  }, 30_000);
});
