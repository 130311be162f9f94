import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { createPool, type Database } from '@trackline/postgres';
import { eventually, uniqueName } from '@trackline/testkit';
import { replay } from '../../src/index.ts';
import { startHarness, type Harness, type Organization } from './harness.ts';
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

  it('is forgotten after its time, and links after theirs', async () => {
    const meta = await connectMeta(door, org);
    await meta.send(meta.payload('messages', message(wamid(), '33612345678')));
    await meta.send(meta.payload('messages', message(wamid(), '33612345678')));
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
    await eventually(async () => {
      const { rows } = await database.query<{ count: number }>({
        text: 'SELECT count(*) AS count FROM ingest.link',
      });
      return rows[0]!.count === 0;
    });
  });
});
