import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Channels } from '@trackline/directory';
import { eventually, OwnProcess, uniqueName } from '@trackline/testkit';
import type { RunningTrigger } from '../../src/start-trigger.ts';
import { TriggerRig, type Tenant } from './trigger-rig.ts';

jest.setTimeout(300_000);

const run = promisify(execFile);
/** As it is built: the way from an order to Meta goes through two services, which know each other by topics only. */
const CONNECTORS = join(import.meta.dirname, '../../../connectors/dist');
const TOKEN = 'EAAG-a-secret-token';
const SECRETS_KEY = randomBytes(32).toString('base64');

interface Told {
  readonly path: string | undefined;
  readonly authorization: string | undefined;
  readonly body: { readonly data: readonly Record<string, unknown>[] };
}

let rig: TriggerRig;
let trigger: RunningTrigger;
let connectors: OwnProcess;
let meta: Server;
let tenant: Tenant;
const told: Told[] = [];

beforeAll(async () => {
  rig = await TriggerRig.open();
  meta = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(chunks).toString()) as Told['body'];
      told.push({ path: request.url, authorization: request.headers.authorization, body });
      response.end('{"events_received":1,"messages":[],"fbtrace_id":"AbC"}');
    });
  });
  await new Promise<void>((resolve) => meta.listen(0, '127.0.0.1', resolve));
  const name = uniqueName('connectors');
  const env = {
    ...rig.env,
    PATH: process.env.PATH ?? '',
    INSTANCE_ID: name,
    SECRETS_KEY,
    CONVERSIONS_API_URL: `http://127.0.0.1:${(meta.address() as AddressInfo).port}`,
    CONVERSIONS_API_VERSION: 'v23.0',
    LOG_LEVEL: 'info',
  };
  await run(process.execPath, [join(CONNECTORS, 'migrate.js')], { env });
  connectors = new OwnProcess({
    name,
    command: process.execPath,
    args: ['--enable-source-maps', join(CONNECTORS, 'main.js')],
    env,
    logFile: join(mkdtempSync(join(tmpdir(), 'order-to-meta-')), `${name}.log`),
  });
  connectors.start();
  trigger = await rig.start({ FEEDBACK_CHECK_MS: '0' });
  tenant = await rig.tenant(trigger);
}, 240_000);
afterAll(async () => {
  await connectors?.stop();
  meta?.closeAllConnections();
  meta?.close();
  await rig?.close();
}, 60_000);

describe('an order', () => {
  it('of somebody who clicked on an ad reaches Meta, once, though it comes again and both services start again', async () => {
    const { id: organizationId } = tenant.organization;
    await new Channels(rig.database, { secretsKey: SECRETS_KEY }).create(organizationId, {
      phoneNumberId: '10',
      wabaId: '102290129340398',
      appSecret: 'an-app-secret',
      verifyToken: 'a-word',
      accessToken: TOKEN,
      datasetId: '1234567890',
      conversionFeedback: true,
    });
    const contactId = await tenant.contact();
    const click = { organizationId, contactId, ctwaClid: 'ARAkLkA8', phoneNumberId: '10' };
    await rig.directory.noteAdClicks([{ ...click, clickedAtMs: Date.now() - 60_000 }]);
    const order = () =>
      rig.event({ organizationId, contactId, name: 'order', properties: '{"value":25.5,"currency":"USD"}' });
    const first = order();
    await rig.admit(first);
    const [call] = await eventually(() => (told.length > 0 ? told : undefined), { withinMs: 120_000 });
    expect(call).toEqual({
      path: '/v23.0/1234567890/events',
      authorization: `Bearer ${TOKEN}`,
      body: {
        data: [
          {
            event_name: 'Purchase',
            event_time: Math.floor(first.occurredAtMs / 1_000),
            action_source: 'business_messaging',
            messaging_channel: 'whatsapp',
            event_id: first.eventId,
            user_data: { ctwa_clid: 'ARAkLkA8', whatsapp_business_account_id: '102290129340398' },
            custom_data: { currency: 'USD', value: 25.5 },
          },
        ],
      },
    });
    await connectors.stop();
    await rig.stop(trigger);
    trigger = await rig.start({ FEEDBACK_CHECK_MS: '0' });
    connectors.start();
    // The same message once more, and what its client sends again long after: one event, one id.
    const resent = { ...first, position: rig.nextPosition(first) };
    const last = order();
    await rig.admit(first, resent, last);
    const ids = () => told.flatMap(({ body }) => body.data.map((event) => event['event_id']));
    await eventually(() => ids().includes(last.eventId), { withinMs: 120_000 });
    expect(ids()).toEqual([first.eventId, last.eventId]);
    expect(connectors.lastWords()).not.toContain(TOKEN);
  });
});
