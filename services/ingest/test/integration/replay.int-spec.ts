import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Directory } from '@trackline/directory';
import { createPool, type Database } from '@trackline/postgres';
import { eventually, uniqueName } from '@trackline/testkit';
import { replay } from '../../src/index.ts';
import { ADMIN_TOKEN, startHarness, type Harness, type Organization } from './harness.ts';
import { connectMeta, lead, message, purchase, type Meta } from './meta.ts';

/** Real work on a machine that may be busy with other things. */
jest.setTimeout(30_000);

let door: Harness;
let org: Organization;
let database: Database;
beforeAll(async () => {
  door = await startHarness();
  org = await door.organization();
  database = createPool({ databaseUrl: door.config.databaseUrl, max: 2, applicationName: 'test' });
}, 60_000);
afterAll(async () => {
  await database?.close();
  await door?.stop();
}, 60_000);

const wamid = () => `wamid.${uniqueName('HBgL')}`;
const run = (meta: Meta, ...argv: string[]) =>
  replay(['--channel', meta.channelId, ...argv], {
    DATABASE_URL: door.config.databaseUrl,
    KAFKA_BROKERS: door.config.kafkaBrokers,
    TOPIC_PREFIX: door.config.topicPrefix,
    CONTACT_PARTITIONS: String(door.config.contactPartitions),
  });
const eventsOf = (id: string) =>
  door.backstage.received.filter(({ clientId }) => clientId?.includes(`:${id}:`));
const touchesOf = (id: string) => door.backstage.touches.filter(({ messageId }) => messageId === id);
const bodiesOf = async ({ channelId }: Meta): Promise<number> => {
  const text = 'SELECT count(*) AS count FROM ingest.webhook_body WHERE channel_id = $1';
  return (await database.query<{ count: number }>({ text, values: [channelId] })).rows[0]!.count;
};
const tellMeta = async ({ channelId }: Meta) => {
  const body = { conversionFeedback: true, datasetId: '77', accessToken: 'EAAG-an-access-token' };
  const path = `/v1/admin/organizations/${org.id}/channels/${channelId}`;
  expect((await door.call('PATCH', path, { key: ADMIN_TOKEN, body })).status).toBe(200);
};
/** A message that came by a click on an ad. */
const clicked = (ctwa_clid: string, phone: string) =>
  message(wamid(), phone, { referral: { ctwa_clid, source_id: '120', source_type: 'ad' } });
const clicksOf = async ({ phoneNumberId }: Meta): Promise<string[]> => {
  const { rows } = await database.query<{ ctwa_clid: string }>({
    text: 'SELECT ctwa_clid FROM directory.ad_click WHERE phone_number_id = $1 ORDER BY 1',
    values: [phoneNumberId],
  });
  return rows.map(({ ctwa_clid }) => ctwa_clid);
};

describe('a replay', () => {
  it('publishes what Meta sent under the names that it had, so that nothing counts twice', async () => {
    const meta = await connectMeta(door, org);
    const [one, other] = [wamid(), wamid()];
    await meta.send(meta.payload('automatic_events', purchase(one), lead(other)));
    await meta.send(meta.payload('messages', message(other, '33612345678')));
    await eventually(() => eventsOf(one).length + eventsOf(other).length === 2 && touchesOf(other)[0]);
    const used = door.backstage.used;

    const told = await run(meta);
    expect(told).toContain('2 webhooks with 3 changes. Published:');
    expect(told).toContain('whatsapp.lead_submitted  1\n  whatsapp.purchase  1\n  conversations  1');
    const events = await eventually(() => eventsOf(one).length === 2 && eventsOf(one));
    const { eventId, uniqueId, clientId, properties } = events[0]!;
    expect(events[1]).toMatchObject({ eventId, uniqueId, clientId, properties });
    expect(uniqueId).toBe(clientId);
    const touches = await eventually(() => touchesOf(other).length === 2 && touchesOf(other));
    expect(touches[0]!.id).toBe(touches[1]!.id);
    expect(door.backstage.used).toBe(used);
  });

  it('judges anew what the cap had refused', async () => {
    const meta = await connectMeta(door, org);
    const id = wamid();
    door.backstage.cap = 0;
    expect((await meta.send(meta.payload('automatic_events', lead(id)))).status).toBe(200);
    await eventually(() => eventsOf(id)[0]);
    door.backstage.cap = Number.POSITIVE_INFINITY;
    const used = door.backstage.used;
    await run(meta);
    await eventually(() => door.backstage.used === used + 1);
  });

  it('learns the clicks of the time before Meta was to be told', async () => {
    const meta = await connectMeta(door, org);
    await meta.send(meta.payload('messages', clicked('ARAk-early', '33612345670')));
    const contactId = (await org.get('/v1/contacts?phone=%2B33612345670')).json.items[0].id as string;
    await tellMeta(meta);
    expect(await clicksOf(meta)).toEqual([]);
    await run(meta, '--dry-run');
    expect(await clicksOf(meta)).toEqual([]);
    for (const _ of [1, 2]) await run(meta);
    expect(await clicksOf(meta)).toEqual(['ARAk-early']);
    const { phoneNumberId } = meta;
    const [click] = await new Directory(database).lastAdClicks([
      {
        organizationId: org.id,
        contactId,
        fromMs: Date.now() - 3_600_000,
        toMs: Date.now(),
        phoneNumberIds: [phoneNumberId],
      },
    ]);
    expect(click).toEqual({ ctwaClid: 'ARAk-early', phoneNumberId });
  });

  it('that is dry, or of another time, publishes nothing', async () => {
    const meta = await connectMeta(door, org);
    const id = wamid();
    await meta.send(meta.payload('automatic_events', lead(id)));
    await eventually(() => eventsOf(id)[0]);
    expect(await run(meta, '--dry-run')).toContain('Would be published:\n  whatsapp.lead_submitted  1');
    const now = Date.now();
    const soon = new Date(now + 3_600_000).toISOString();
    const ago = new Date(now - 3_600_000).toISOString();
    expect(await run(meta, '--from', soon)).toContain('0 webhooks');
    expect(await run(meta, '--to', ago)).toContain('0 webhooks');
    expect(await run(meta, '--from', ago, '--to', soon, '--dry-run')).toContain('1 webhooks');
    expect(eventsOf(id)).toHaveLength(1);
  });

  it('of a channel that there is not says so', async () => {
    await expect(
      replay(['--channel', 'nobody'], {
        DATABASE_URL: door.config.databaseUrl,
        KAFKA_BROKERS: door.config.kafkaBrokers,
      }),
    ).rejects.toThrow('no channel nobody');
  });
});

describe('what Meta sent', () => {
  it('is kept byte by byte, once however often it is sent, and not at all when it is not signed', async () => {
    const meta = await connectMeta(door, org);
    const text = `${JSON.stringify(meta.payload('account_alerts', { note: 'é' }), null, 2).replace('é', '\\u00e9')}\n`;
    await Promise.all(Array.from({ length: 5 }, () => meta.send(text)));
    await meta.send(`${text} `, { signature: null });
    const { rows } = await database.query<{ body: Buffer }>({
      text: 'SELECT body FROM ingest.webhook_body WHERE channel_id = $1',
      values: [meta.channelId],
    });
    expect(rows.map(({ body }) => body.toString())).toEqual([text]);
  });

  it('is forgotten after its time, and links and clicks after theirs', async () => {
    const meta = await connectMeta(door, org);
    await tellMeta(meta);
    await meta.send(meta.payload('messages', clicked('ARAk-old', '33612345678')));
    await meta.send(meta.payload('messages', clicked('ARAk-young', '33612345678')));
    const clicks = await database.query({
      text: `UPDATE directory.ad_click SET clicked_at = clicked_at - interval '91 days' WHERE ctwa_clid = 'ARAk-old'`,
    });
    expect([clicks.rowCount, await clicksOf(meta)]).toEqual([1, ['ARAk-old', 'ARAk-young']]);
    const { rowCount } = await database.query({
      text: `UPDATE ingest.webhook_body SET received_at = received_at - interval '31 days'
              WHERE id = (SELECT min(id::text)::uuid FROM ingest.webhook_body WHERE channel_id = $1)`,
      values: [meta.channelId],
    });
    expect(rowCount).toBe(1);
    const links = await database.query({ text: `UPDATE ingest.link SET at = at - interval '91 days'` });
    expect(links.rowCount).toBeGreaterThan(0);
    await door.another();
    await eventually(async () => (await bodiesOf(meta)) === 1);
    await eventually(async () => (await clicksOf(meta)).length === 1);
    expect(await clicksOf(meta)).toEqual(['ARAk-young']);
    await eventually(async () => {
      const { rows } = await database.query<{ count: number }>({
        text: 'SELECT count(*) AS count FROM ingest.link',
      });
      return rows[0]!.count === 0;
    });
  });
});
