import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { RequestedAction } from '@trackline/contracts';
import { uuidv7 } from '@trackline/kernel';
import { eventually } from '@trackline/testkit';
import { AHEAD } from '../../src/adapters/postgres/contact-lines.ts';
import { ConnectorsRig, type Tenant } from '../connectors-rig.ts';
import { Receiver } from '../receiver.ts';

jest.setTimeout(120_000);

let rig: ConnectorsRig;
/** In the place of graph.facebook.com, and of a customer's server. */
let outside: Receiver;
let tenant: Tenant;

beforeAll(async () => {
  [rig, outside] = await Promise.all([ConnectorsRig.open(), Receiver.open()]);
  const service = await rig.start({
    WHATSAPP_API_URL: outside.url,
    RETRY_FIRST_MS: '400',
    DELIVERY_LEASE_MS: '30000',
  });
  await rig.start({ WHATSAPP_API_URL: outside.url, RETRY_FIRST_MS: '400', DELIVERY_LEASE_MS: '30000' });
  tenant = await rig.tenant(service);
  await tenant.call('PUT', '/v1/connectors/whatsapp', {
    body: { phoneNumberId: '106540352242922', accessToken: 'EAAG-a-token' },
  });
}, 60_000);
afterAll(async () => {
  await rig.close();
  await outside.close();
});

const accepted = JSON.stringify({ messages: [{ id: 'wamid.1' }] });
beforeEach(() => {
  outside.received.length = 0;
  outside.answer((_, response) => response.writeHead(200).end(accepted));
});

const textOf = (body: string): string => (JSON.parse(body) as { text: { body: string } }).text.body;
/** Of the messages that came so far, those that begin with one of these. */
const texts = (...beginnings: string[]): string[] =>
  outside.received
    .flatMap(({ body, path }) => (path.endsWith('/messages') ? textOf(body) : []))
    .filter((text) => beginnings.some((beginning) => text.startsWith(beginning)));
/** Of the calls that came so far. */
const calls = (): string[] => outside.received.filter(({ path }) => path === '/').map(({ body }) => body);
const completed = (action: RequestedAction) => rig.completion(action, 90_000);
const message = (contactId: string, body: string): RequestedAction => ({
  ...tenant.action('whatsapp', { to: '+4915112345678', body }),
  contactId,
});
const call = (contactId: string, body: string): RequestedAction => ({
  ...tenant.webhook(outside.url, { body }),
  contactId,
});
/** Fails so often for texts that begin like this. */
const failing = (beginning: string, times: number, status = 503) => {
  let left = times;
  outside.answer(({ body }, response) => {
    const fails = body.includes(beginning) && left-- > 0;
    response.writeHead(fails ? status : 200).end(fails ? '{}' : accepted);
  });
};

describe('messages of one contact', () => {
  it('go out in the order in which they were requested, also when the first is tried again, and others pass meanwhile', async () => {
    const ada = uuidv7();
    failing('again 1', 2);
    const mine = ['again 1', 'again 2', 'again 3'].map((text) => message(ada, text));
    const his = message(uuidv7(), 'again bob');
    await rig.request(...mine, his);
    for (const action of [...mine, his])
      expect(await completed(action)).toMatchObject({ status: 'delivered' });
    const came = texts('again');
    const hers = came.filter((text) => text !== 'again bob');
    expect(hers).toEqual(['again 1', 'again 1', 'again 1', 'again 2', 'again 3']);
    expect(came.indexOf('again bob')).toBeLessThan(came.indexOf('again 2'));
  });

  it('go on when one of them is given up', async () => {
    const ada = uuidv7();
    failing('given up', 1, 400);
    const [first, second] = [message(ada, 'given up'), message(ada, 'given on')];
    await rig.request(first, second);
    expect(await completed(first)).toMatchObject({ status: 'failed' });
    expect(await completed(second)).toMatchObject({ status: 'delivered' });
    expect(texts('given')).toEqual(['given up', 'given on']);
  });

  it('are never under way together, however many there are, and hold up nobody behind them', async () => {
    const ada = uuidv7();
    const many = Array.from({ length: 20 }, (_, n) => message(ada, `many ${n}`));
    await rig.request(...many, message(uuidv7(), 'many bob'));
    await completed(many.at(-1)!);
    const came = texts('many');
    expect(came.filter((text) => text !== 'many bob')).toEqual(many.map((_, n) => `many ${n}`));
    expect(came.indexOf('many bob')).toBeLessThan(10);
  });

  it('go on by themselves when the process died that was to have the next one begin', async () => {
    const ada = uuidv7();
    const [first, second] = [message(ada, 'died 1'), message(ada, 'died 2')];
    await rig.request(first);
    await completed(first);
    const set = (status: string, action: string | null, inSeconds: number | null) =>
      rig.database.query({
        text: `UPDATE connectors.delivery SET status = $2, action = $3::json, next_attempt_at = now() + $4 * interval '1 second'
               WHERE id = $1`,
        values: [first.id, status, action, inSeconds],
      });
    await set('pending', JSON.stringify(first), 30);
    await rig.request(second);
    await eventually(
      async () => {
        const { rows } = await rig.database.query({
          text: `SELECT FROM connectors.delivery WHERE id = $1 AND next_attempt_at > now() + interval '1 second'`,
          values: [second.id],
        });
        return rows.length > 0;
      },
      { withinMs: 60_000 },
    );
    expect(texts('died')).toEqual(['died 1']);
    // Its end was noted, and nobody was woken.
    await set('delivered', null, null);
    expect(await completed(second)).toMatchObject({ status: 'delivered' });
  });
});

describe('a line, however long it is', () => {
  /** Pending for one contact, none of them due within the test. */
  const wait = async (kind: string, count: number): Promise<string> => {
    const contactId = uuidv7();
    await rig.database.query({
      text: `INSERT INTO connectors.delivery (id, organization_id, contact_id, kind, destination, next_attempt_at, source_partition,
               source_offset, redriven, event_id, accepted_at)
             SELECT $1 || n, $2, $1::text::uuid, $3, $3, now() + interval '1 day', 0, n, false, gen_random_uuid(),
               now() + n * interval '1 microsecond' FROM generate_series(1, $4::int) AS n`,
      values: [contactId, tenant.id, kind, count],
    });
    return contactId;
  };

  it('says in a few reads who is first in it', async () => {
    const contactId = await wait('whatsapp', 10_000);
    const { rows } = await rig.database.query<{ 'QUERY PLAN': [{ Plan: Record<string, number> }] }>({
      text: `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT ${AHEAD} FROM connectors.delivery d WHERE id = $1`,
      values: [`${contactId}9000`],
    });
    const { Plan: plan } = rows[0]!['QUERY PLAN'][0];
    expect(plan['Shared Hit Blocks']! + plan['Shared Read Blocks']!).toBeLessThan(50);
  });

  it('is none for what Meta is told of', async () => {
    const ahead = async (contactId: string) => {
      const { rows } = await rig.database.query<{ ahead: Date | null }>({
        text: `SELECT ${AHEAD} AS ahead FROM connectors.delivery d WHERE id = $1`,
        values: [`${contactId}2`],
      });
      return rows[0]!.ahead;
    };
    expect(await ahead(await wait('whatsapp', 2))).not.toBeNull();
    expect(await ahead(await wait('conversion', 2))).toBeNull();
  });
});

describe('webhooks of one contact to one server', () => {
  it('go out one after the other', async () => {
    const ada = uuidv7();
    let answer: () => void = () => undefined;
    outside.answer(({ body }, response) => {
      if (body === 'one') answer = () => response.end();
      else response.end();
    });
    const [one, two, other] = [call(ada, 'one'), call(ada, 'two'), call(uuidv7(), 'other')];
    await rig.request(one, two, other);
    await completed(other);
    await eventually(() => calls().includes('one'), { withinMs: 60_000 });
    expect(calls()).not.toContain('two');
    answer();
    await completed(two);
    expect(calls().at(-1)).toBe('two');
  });

  it('do not wait for one that the server chokes on', async () => {
    const ada = uuidv7();
    outside.answer(({ body }, response) => {
      response.writeHead(body === 'choke' ? 503 : 200, { 'retry-after': '3600' }).end();
    });
    const [first, second, third] = [call(ada, 'choke'), call(ada, 'two'), call(ada, 'three')];
    await rig.request(first, second, third);
    await completed(third);
    expect(calls()).toEqual(['choke', 'two', 'three']);
    expect(await rig.delivery(tenant, first)).toMatchObject({ status: 'pending', attempts: 1 });
  });
});
