import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { eventually, FaultProxy, seededRandom, uniqueName } from '@trackline/testkit';
import { startHarness, type Harness, type Organization } from './harness.ts';
import { connectMeta, message, purchase, type Meta } from './meta.ts';
import { SwitchableNetwork } from './switchable-network.ts';

/** Real work on a machine that may be busy with other things. */
jest.setTimeout(60_000);

let door: Harness;
let org: Organization;
let meta: Meta;
beforeAll(async () => {
  door = await startHarness();
  org = await door.organization();
  meta = await connectMeta(door, org);
}, 60_000);
let proxy: FaultProxy | undefined;
afterAll(async () => {
  proxy?.set({ away: false });
  await door?.stop();
  await proxy?.close();
}, 60_000);

const wamid = () => `wamid.${uniqueName('HBgL')}`;
const eventsOf = (id: string) =>
  door.backstage.received.filter(({ clientId }) => clientId?.includes(`:${id}:`));

it('while the broker is away Meta hears 503, and what it repeats afterwards is one event', async () => {
  const network = new SwitchableNetwork();
  const kafka = network.connectTo(door.kafka, door.config.topicPrefix);
  const { call } = await door.another({ PUBLISH_TIMEOUT_MS: '600' }, kafka);
  network.cut();
  const id = wamid();
  const event = meta.payload('automatic_events', purchase(id, { ctwa_clid: id }));
  const conversation = meta.payload('messages', message(id, '33612345678'));
  for (const payload of [event, conversation]) {
    const answer = await meta.send(payload, { call });
    expect([answer.status, answer.json.code]).toEqual([503, 'UNAVAILABLE']);
    expect(answer.headers.has('retry-after')).toBe(true);
  }
  network.mend();
  for (const payload of [event, conversation])
    await eventually(async () => (await meta.send(payload, { call })).status === 200, { withinMs: 20_000 });
  const events = await eventually(() => eventsOf(id).length > 0 && eventsOf(id));
  expect(new Set(events.map(({ eventId }) => eventId)).size).toBe(1);
});

it('while the database is away Meta hears 503, and nothing has gone out', async () => {
  const target = new URL(door.config.databaseUrl);
  proxy = new FaultProxy({ host: target.hostname, port: Number(target.port) }, seededRandom(7));
  target.port = String(await proxy.listen());
  const { call } = await door.another({ DATABASE_URL: target.toString() });
  proxy.set({ away: true });
  proxy.cutAll();
  const id = wamid();
  const answer = await meta.send(meta.payload('automatic_events', purchase(id)), { call });
  expect([answer.status, answer.json.code]).toEqual([503, 'UNAVAILABLE']);
  expect(eventsOf(id)).toEqual([]);
  proxy.set({ away: false });
  await eventually(
    async () => (await meta.send(meta.payload('automatic_events', purchase(id)), { call })).status === 200,
    { withinMs: 20_000 },
  );
  await eventually(() => eventsOf(id)[0]);
});
