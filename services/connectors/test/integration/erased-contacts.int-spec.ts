import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { encodeContactChange, encodeRequestedAction, type RequestedAction } from '@trackline/contracts';
import { eventually, uniqueName } from '@trackline/testkit';
import { ConnectorsRig, type Tenant } from '../connectors-rig.ts';
import { Receiver } from '../receiver.ts';

jest.setTimeout(120_000);

let rig: ConnectorsRig;
let receiver: Receiver;
let tenant: Tenant;

beforeAll(async () => {
  [rig, receiver] = await Promise.all([ConnectorsRig.open(), Receiver.open()]);
  tenant = await rig.tenant(await rig.start({ RETRY_FIRST_MS: '3600000' }));
}, 60_000);
afterAll(async () => {
  await rig.close();
  await receiver.close();
});
beforeEach(() => {
  receiver.received.length = 0;
  receiver.answerInTurn([200]);
});

const SECRET = 'a secret of hers';
const someone = async (): Promise<string> => {
  const made = await rig.directory.createContact(tenant.id, { externalId: uniqueName('contact') });
  if (made.outcome !== 'created') throw new Error(JSON.stringify(made));
  return made.contact.id;
};
const callFor = (contactId: string): RequestedAction => ({
  ...tenant.webhook(receiver.url, { body: SECRET }),
  contactId,
});
const erase = async (contactId: string, isTold = true) => {
  await rig.directory.deleteContact(tenant.id, contactId);
  await rig.directory.drainOutbox(1_000, (changes) =>
    isTold ? rig.publish(changes.map(encodeContactChange)) : Promise.resolve(),
  );
};
const endedAsErased = async (action: RequestedAction) => {
  expect(await rig.completion(action, 60_000)).toMatchObject({
    executionId: action.executionId,
    status: 'failed',
    detail: { reason: 'contact_erased' },
  });
  expect(await rig.delivery(tenant, action)).toMatchObject({ status: 'failed' });
};
const kept = async () => {
  const { rows } = await rig.database.query<{ all: string | null }>({
    text: `SELECT string_agg(d::text, '') AS all FROM connectors.delivery d`,
  });
  return rows[0]!.all ?? '';
};

describe('what is for a contact that is erased', () => {
  it('ends at once where it is tried again later, tells its execution, and lies nowhere any more', async () => {
    const her = await someone();
    receiver.answer(({ body }, response) => response.writeHead(503).end(body));
    const [first, second] = [callFor(her), callFor(her)];
    await rig.request(first, second);
    await eventually(() => receiver.received.length === 2);
    await eventually(async () => (await rig.delivery(tenant, second)).detail !== undefined);
    expect(await kept()).toContain(SECRET);
    await erase(her);
    for (const action of [first, second]) await endedAsErased(action);
    expect(await kept()).not.toContain(SECRET);
    expect(receiver.received).toHaveLength(2);
    expect(rig.letters).toEqual([]);
  });

  it('does not go out when it is requested afterwards, under whichever of its ids, heard of or not', async () => {
    const [her, was, other] = [await someone(), await someone(), await someone()];
    await rig.directory.mergeContacts(tenant.id, was, her);
    await erase(her, false);
    const [hers, formerly, his] = [callFor(her), callFor(was), callFor(other)];
    await rig.request(hers, formerly, his);
    for (const action of [hers, formerly]) await endedAsErased(action);
    expect(await rig.completion(his, 60_000)).toMatchObject({ status: 'delivered' });
    expect(receiver.ids()).toEqual([his.id]);
    expect(rig.letters).toEqual([]);
  });

  it('does not go out when it is sent back from the dead letters', async () => {
    const her = await someone();
    receiver.answerInTurn([410]);
    const action = callFor(her);
    await rig.request(action);
    expect(await rig.completion(action, 60_000)).toMatchObject({ status: 'failed', detail: { status: 410 } });
    await eventually(() => rig.letterOf(action));
    await erase(her);
    const { headers, ...message } = encodeRequestedAction(action);
    await rig.publish([{ ...message, headers: { ...headers, 'redrive-group': 'connectors' } }]);
    await eventually(() =>
      rig.completed.some(({ id, detail }) => id === action.id && detail?.reason === 'contact_erased'),
    );
    expect(receiver.received).toHaveLength(1);
  });

  it('leaves nothing of what destinations said of what it had got, also under its former ids', async () => {
    const [her, was] = [await someone(), await someone()];
    receiver.answer(({ body }, response) => response.writeHead(404).end(body));
    const actions = [callFor(her), callFor(was)];
    await rig.request(...actions);
    for (const action of actions) await rig.completion(action, 60_000);
    await rig.directory.mergeContacts(tenant.id, was, her);
    expect(await kept()).toContain(SECRET);
    await erase(her);
    await eventually(async () => !(await kept()).includes(SECRET));
    for (const action of actions)
      expect(await rig.delivery(tenant, action)).toMatchObject({ status: 'failed' });
  });
});
