import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ACTION_KINDS, encodeRequestedAction } from '@trackline/contracts';
import { eventually } from '@trackline/testkit';
import { Webhook } from 'standardwebhooks';
import { ConnectorsRig, type Tenant } from '../connectors-rig.ts';
import { Receiver } from '../receiver.ts';
import type { RunningConnectors } from '../../src/start-connectors.ts';

jest.setTimeout(120_000);

const ROOT = join(import.meta.dirname, '../../../..');
let rig: ConnectorsRig;
let service: RunningConnectors;
let tenant: Tenant;
let receiver: Receiver;
const logged: Record<string, unknown>[] = [];

beforeAll(async () => {
  rig = await ConnectorsRig.open();
  const destination = { write: (line: string) => void logged.push(JSON.parse(line)) };
  service = await rig.start({ LOG_LEVEL: 'info', DELIVERY_ATTEMPTS: '3' }, { destination });
  tenant = await rig.tenant(service);
}, 60_000);
afterAll(() => rig.close());
beforeEach(async () => {
  receiver = await Receiver.open();
});
afterEach(() => receiver.close());

describe('a webhook', () => {
  it('arrives as the workflow wrote it, signed by the secret of the organisation', async () => {
    const { json, status } = await tenant.call('POST', '/v1/connectors/webhook/secret');
    expect(status).toBe(201);
    const action = tenant.webhook(`${receiver.url}/hook?x=1`, {
      headers: { 'X-Shop': 'one' },
      body: '{"name":"Zoë"}',
    });
    await rig.request(action);
    const completed = await rig.completion(action);
    expect(completed).toMatchObject({
      organizationId: tenant.id,
      executionId: action.executionId,
      stepId: 'step',
      kind: 'webhook',
      status: 'delivered',
      attempts: 1,
      detail: { status: 200 },
    });
    const [got] = receiver.received;
    expect(got).toMatchObject({ method: 'POST', path: '/hook?x=1', body: '{"name":"Zoë"}' });
    expect(got!.headers).toMatchObject({
      'x-shop': 'one',
      'content-type': 'application/json',
      'webhook-id': action.id,
    });
    const headers = got!.headers as Record<string, string>;
    expect(new Webhook(json.secret).verify(got!.body, headers)).toEqual({ name: 'Zoë' });
  });

  it('goes once, however often its request comes', async () => {
    const action = tenant.webhook(receiver.url);
    await rig.request(action, action);
    await rig.completion(action);
    await rig.request(action);
    // What comes behind it in the same partition is done: so was it.
    const behind = { ...tenant.webhook(receiver.url), contactId: action.contactId };
    await rig.request(behind);
    await rig.completion(behind);
    expect(receiver.ids()).toEqual([action.id, behind.id]);
    expect(rig.completed.filter(({ id }) => id === action.id)).toHaveLength(1);
  });

  it('is tried again when the receiver is not well, and not before it asks', async () => {
    receiver.answerInTurn([503, { 'retry-after': '1' }], [200]);
    const action = tenant.webhook(receiver.url);
    await rig.request(action);
    await eventually(() => receiver.received.length === 1);
    const waiting = await eventually(async () => {
      const delivery = await rig.delivery(tenant, action);
      return delivery.detail !== undefined && delivery;
    });
    expect(waiting).toMatchObject({
      status: 'pending',
      attempts: 1,
      destination: receiver.url,
      detail: { reason: 'status', status: 503, body: 'answer 1' },
      nextAttemptAt: expect.any(String),
    });
    expect(await rig.completion(action)).toMatchObject({ status: 'delivered', attempts: 2 });
    const [first, second] = receiver.received;
    expect(second!.atMs - first!.atMs).toBeGreaterThanOrEqual(990);
    expect(receiver.ids()).toEqual([action.id, action.id]);
  });

  it('that is refused for good goes to the dead letters at once', async () => {
    receiver.answerInTurn([410]);
    const action = tenant.webhook(receiver.url);
    await rig.request(action);
    expect(await rig.completion(action)).toMatchObject({
      status: 'failed',
      attempts: 1,
      detail: { reason: 'refused', status: 410 },
    });
    const letter = await eventually(() => rig.letterOf(action));
    expect(letter.partition).toBe(rig.partitionOf(action));
    expect(letter.headers['dlq-reason']!.toString()).toBe('refused');
    expect(letter.headers['dlq-group']!.toString()).toBe('connectors');
    expect(JSON.parse(letter.value!.toString())).toEqual(action);
    expect(receiver.received).toHaveLength(1);
  });

  it('that is given up after its attempts is delivered when the redrive command sends it back, once', async () => {
    receiver.answerInTurn([500], [500], [500], [200]);
    const action = tenant.webhook(receiver.url);
    await rig.request(action);
    expect(await rig.completion(action)).toMatchObject({
      status: 'failed',
      attempts: 3,
      detail: { reason: 'status', status: 500, gaveUpAfter: '3 attempts' },
    });
    await eventually(() => rig.letterOf(action));
    const script = join(ROOT, 'tools/operations/dist/redrive/main.js');
    const args = [script, '--topic', 'actions.requested.v1', '--reason', 'gave_up'];
    const { stdout } = await promisify(execFile)(process.execPath, args, { env: rig.env });
    expect(stdout).toContain('connectors');
    await eventually(() =>
      rig.completed.some(({ id, status }) => id === action.id && status === 'delivered'),
    );
    expect(await rig.delivery(tenant, action)).toMatchObject({ status: 'delivered', attempts: 1 });
    expect(receiver.ids()).toEqual(Array.from({ length: 4 }, () => action.id));
  }, 30_000);

  it('whose dead letter had no room for its body stays given up: the redrive command says so and sends nothing', async () => {
    receiver.answerInTurn([404]);
    const action = tenant.webhook(receiver.url);
    await rig.request(action);
    await rig.completion(action);
    const { headers, key } = encodeRequestedAction(action);
    const letter = {
      topic: 'actions.requested.v1.dlq',
      key,
      value: null,
      headers: {
        ...headers,
        'dlq-reason': 'no_body',
        'dlq-detail': 'given up',
        'dlq-group': 'connectors',
        'dlq-source-topic': 'actions.requested.v1',
        'dlq-source-partition': String(rig.partitionOf(action)),
        'dlq-source-offset': '1000000',
        'dlq-value': 'dropped: too large with its headers',
      },
    };
    await rig.publish([letter]);
    const script = join(ROOT, 'tools/operations/dist/redrive/main.js');
    const args = [script, '--topic', 'actions.requested.v1', '--reason', 'no_body'];
    const { stdout } = await promisify(execFile)(process.execPath, args, { env: rig.env });
    expect(stdout).toContain('0 of 1 dead letters were sent back');
    expect(stdout).toContain('1 have no body with them');
    // Somebody sends it back all the same, in front of another.
    const sentBack = {
      ...letter,
      topic: 'actions.requested.v1',
      headers: { ...headers, 'redrive-group': 'connectors' },
    };
    const behind = { ...tenant.webhook(receiver.url), contactId: action.contactId };
    receiver.answerInTurn([200]);
    await rig.publish([sentBack, encodeRequestedAction(behind)]);
    expect(await rig.completion(behind, 60_000)).toMatchObject({ status: 'delivered' });
    expect(await rig.delivery(tenant, action)).toMatchObject({ status: 'failed', attempts: 1 });
    expect(receiver.ids()).toEqual([action.id, behind.id]);
  }, 120_000);

  it('that was sent back and failed again does not begin anew when that message is read again', async () => {
    receiver.answerInTurn([404]);
    const action = tenant.webhook(receiver.url);
    await rig.request(action);
    await rig.completion(action);
    const { headers, ...message } = encodeRequestedAction(action);
    const sentBack = { ...message, headers: { ...headers, 'redrive-group': 'connectors' } };
    await rig.publish([sentBack]);
    await eventually(() => receiver.received.length === 2);
    await eventually(async () => (await rig.delivery(tenant, action)).status === 'failed');
    // The group reads all of it again.
    await rig.stop(service);
    const { rows } = await rig.database.query<{ offsets: number }>({
      text: `SELECT max(source_offset) AS offsets FROM connectors.delivery WHERE id = $1`,
      values: [action.id],
    });
    expect(rows[0]!.offsets).toBeGreaterThan(0);
    const { takeAgain } = await readAgain();
    expect(await takeAgain(sentBack, rows[0]!.offsets, rig.partitionOf(action))).toBe(0);
    expect(await takeAgain(sentBack, rows[0]!.offsets + 1, rig.partitionOf(action))).toBe(1);
    service = await rig.start({ DELIVERY_ATTEMPTS: '3' });
    await eventually(() => receiver.received.length === 3);
  }, 30_000);
});

interface Answer {
  status: number;
  json: { items: { id: string }[]; nextCursor: string | null };
}

/** The step that puts actions down, handed messages by hand: as after a commit of offsets that was lost. */
async function readAgain() {
  const { takeActions } = await import('../../src/pipeline/take-actions.ts');
  const { deliveryStore } = await import('../../src/adapters/postgres/delivery-store.ts');
  const take = takeActions(deliveryStore(rig.database));
  return {
    takeAgain: async (
      { value, headers }: { value: unknown; headers: Record<string, string | Buffer> },
      offset: number,
      partition: number,
    ) => {
      const message = {
        key: null,
        value: Buffer.from(String(value)),
        headers: Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)])),
        timestampMs: Date.now(),
        offset,
      };
      const outcome = await take({ partition, messages: [message] });
      if ('reason' in outcome) throw new Error(outcome.detail);
      return outcome.taken;
    },
  };
}

describe('what is not a webhook', () => {
  it('is shown in the log when nobody gave credentials, without the whole address', async () => {
    const mail = tenant.action('email', { to: 'zoe@example.com', subject: 'Hello', text: 'Hi Zoë' });
    const chat = tenant.action('whatsapp', { to: '+4915112345678', body: 'Hi!' });
    const text = tenant.action('sms', { to: '+4915112345678', body: 'Hi!' });
    await rig.stop(service);
    const destination = { write: (line: string) => void logged.push(JSON.parse(line)) };
    service = await rig.start({ LOG_LEVEL: 'info', DELIVERY_ATTEMPTS: '3' }, { destination });
    tenant = await rig.tenant(service);
    const own = [mail, chat, text].map((action) => ({ ...action, organizationId: tenant.id }));
    await rig.request(...own);
    for (const action of own)
      expect(await rig.completion(action)).toMatchObject({ status: 'logged', attempts: 1 });
    const told = logged.filter(({ actionId }) => own.some(({ id }) => id === actionId));
    expect(told.map(({ would }) => would)).toEqual(
      expect.arrayContaining([
        { to: 'z…@example.com', subject: 'Hello', text: 'Hi Zoë' },
        { to: '+49…78', text: 'Hi!' },
      ]),
    );
    expect(JSON.stringify(told)).not.toMatch(/zoe@|15112345/);
  }, 30_000);
});

describe('a message that cannot be read', () => {
  it.each([
    ['undecodable', (value: string) => value.slice(1)],
    ['invalid', (value: string) => value.replace('"webhook"', '"pigeon"')],
    ['invalid', (value: string) => value.replace('"method":"POST"', '"method":"STEAL"')],
    ['invalid', (value: string) => value.replace(/"organizationId":"[^"]*"/, '"organizationId":"o1"')],
  ])('%s goes to the dead letters and stops nothing', async (reason, spoil) => {
    const bad = tenant.webhook(receiver.url);
    const good = { ...tenant.webhook(receiver.url), contactId: bad.contactId };
    const message = encodeRequestedAction(bad);
    await rig.publish([{ ...message, value: spoil(String(message.value)) }, encodeRequestedAction(good)]);
    await rig.completion(good);
    const letter = await eventually(() => rig.letterOf(bad));
    expect(letter.headers['dlq-reason']!.toString()).toBe(reason);
    expect(receiver.ids()).toEqual([good.id]);
  });
});

describe('deliveries', () => {
  it('are listed newest first, by status and execution, page by page, to their organisation alone', async () => {
    receiver.answer(({ path }, response) => response.writeHead(path === '/bad' ? 404 : 200).end());
    const owner = await rig.tenant(service);
    const actions = Array.from({ length: 5 }, (_, n) =>
      owner.webhook(receiver.url + (n % 2 === 0 ? '/good' : '/bad')),
    );
    for (const action of actions) {
      await rig.request(action);
      await rig.completion(action);
    }
    const idsOf = async (query: string): Promise<string[]> => {
      const ids: string[] = [];
      let cursor: string | null = null;
      do {
        const page: Answer = await owner.call(
          'GET',
          `/v1/deliveries?${query}${cursor ? `&cursor=${cursor}` : ''}`,
        );
        expect(page.status).toBe(200);
        ids.push(...page.json.items.map(({ id }: { id: string }) => id));
        cursor = page.json.nextCursor;
      } while (cursor !== null);
      return ids;
    };
    const newestFirst = actions.map(({ id }) => id).reverse();
    expect(await idsOf('limit=2')).toEqual(newestFirst);
    expect(await idsOf('status=failed&limit=1')).toEqual([newestFirst[1], newestFirst[3]]);
    expect(await idsOf(`executionId=${actions[2]!.executionId}`)).toEqual([actions[2]!.id]);
    expect(await idsOf('executionId=nothing')).toEqual([]);
    const stranger = await rig.tenant(service);
    expect((await stranger.call('GET', `/v1/deliveries/${actions[0]!.id}`)).status).toBe(404);
    expect((await stranger.call('GET', '/v1/deliveries')).json.items).toEqual([]);
    expect((await owner.call('GET', '/v1/deliveries?cursor=!!')).status).toBe(422);
    expect((await owner.call('GET', '/v1/deliveries?status=lost')).status).toBe(422);
  }, 30_000);

  it('keep nothing of what was sent once they have ended', async () => {
    const { rows } = await rig.database.query<{ kept: number }>({
      text: `SELECT count(*) AS kept FROM connectors.delivery WHERE status <> 'pending' AND action IS NOT NULL`,
    });
    expect(rows[0]!.kept).toBe(0);
  });

  it('are forgotten when they have been over for so long, and not before', async () => {
    const { deliveryStore } = await import('../../src/adapters/postgres/delivery-store.ts');
    const store = deliveryStore(rig.database);
    const before = await rig.count('delivery');
    const [old, young] = [tenant.webhook(receiver.url), tenant.webhook(receiver.url)];
    await rig.request(old, young);
    for (const action of [old, young]) await rig.completion(action);
    await rig.database.query({
      text: `UPDATE connectors.delivery SET ended_at = now() - interval '31 days' WHERE id = $1`,
      values: [old.id],
    });
    expect(await store.purge(30 * 86_400_000, 100)).toBe(1);
    expect(await rig.count('delivery')).toBe(before + 1);
    expect(await rig.delivery(tenant, young)).toMatchObject({ status: 'delivered' });
  });
});

describe('the outbox', () => {
  it('is emptied although the broker takes one of its messages only without its value', async () => {
    const topic = 'actions.requested.v1.dlq';
    const [large, behind] = [tenant.webhook(receiver.url), tenant.webhook(receiver.url)];
    const letterOf = ({ id }: typeof large, value: string) =>
      JSON.stringify({ topic, partition: 0, key: id, value, headers: { ce_id: id } });
    await rig.database.query({
      text: `INSERT INTO connectors.outbox (message) SELECT unnest($1::text[])::json`,
      values: [[letterOf(large, 'x'.repeat(1_500_000)), letterOf(behind, '{}')]],
    });
    await eventually(() => rig.letterOf(behind));
    await eventually(async () => (await rig.count('outbox')) === 0);
  }, 30_000);
});

describe('the measures', () => {
  it('tell what waits and how attempts went, of each kind', async () => {
    const text = await (await fetch(new URL('/metrics', service.url))).text();
    for (const kind of ACTION_KINDS)
      for (const measure of ['trackline_deliveries_pending', 'trackline_deliveries_overdue_seconds'])
        expect(text).toMatch(new RegExp(`${measure}\\{[^}]*kind="${kind}"[^}]*\\} \\d`));
    expect(text).toMatch(/trackline_delivery_attempts_total\{[^}]*fate="delivered"[^}]*\} \d/);
  });
});
