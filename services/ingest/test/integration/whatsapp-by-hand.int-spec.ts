import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { createPool, type Database } from '@trackline/postgres';
import { eventually, uniqueName } from '@trackline/testkit';
import { startHarness, type Harness, type Organization } from './harness.ts';
import { connectMeta, lead, message, purchase, type Meta } from './meta.ts';

/** Real work on a machine that may be busy with other things. */
jest.setTimeout(60_000);

let door: Harness;
let org: Organization;
let meta: Meta;
let database: Database;
beforeAll(async () => {
  door = await startHarness();
  org = await door.organization();
  meta = await connectMeta(door, org);
  database = createPool({ databaseUrl: door.config.databaseUrl, max: 1, applicationName: 'test' });
}, 60_000);
afterAll(async () => {
  await database?.close();
  await door?.stop();
}, 60_000);

const wamid = () => `wamid.${uniqueName('HBgL')}=`;
let phones = 33_613_000_000;
const newPhone = () => String((phones += 1));
const eventsOf = (messageId: string) =>
  door.backstage.received.filter(
    ({ properties }) => (JSON.parse(String(properties)) as { message_id?: string }).message_id === messageId,
  );
const contactOf = async (id: string) => (await org.get(`/v1/contacts/${id}`)).json;
const personOf = async (phone: string) => (await org.get(`/v1/contacts?phone=%2B${phone}`)).json.items[0];

type Way = 'a number' | 'a merge';
const WAYS: Way[] = ['a number', 'a merge'];

/** The provisional contact of a message of which nothing but a lead is known, and whom somebody made of it. */
async function madeByHand(messageId: string, way: Way) {
  await meta.send(meta.payload('automatic_events', lead(messageId)));
  const { contactId } = await eventually(() => eventsOf(messageId)[0]);
  const phone = newPhone();
  if (way === 'a merge') {
    const person = (await org.post('/v1/contacts', { phone })).json.id as string;
    expect((await org.post(`/v1/contacts/${contactId}/merge`, { into: person })).status).toBe(200);
    return { contactId, person, phone };
  }
  const patched = await door.call('PATCH', `/v1/contacts/${contactId}`, { key: org.key, body: { phone } });
  expect(patched.json).toMatchObject({ id: contactId, phone: `+${phone}` });
  return { contactId, person: contactId, phone };
}

const secondOf = async (messageId: string) => {
  const events = await eventually(() => eventsOf(messageId).length === 2 && eventsOf(messageId));
  return events[1]!.contactId;
};
/** As soon as the loop has been at it. */
const settled = (contactId: string, person: string) =>
  eventually(async () => {
    const { rows } = await database.query<{ person_id: string }>({
      text: 'SELECT person_id FROM ingest.provisional WHERE contact_id = $1 AND merged_at IS NOT NULL',
      values: [contactId],
    });
    return rows[0]?.person_id === person;
  });

describe.each(WAYS)('whom somebody made of a provisional contact by hand, by %s', (way) => {
  it('it stays, whatever a message tells later', async () => {
    const [id, told] = [wamid(), newPhone()];
    const { contactId, person, phone } = await madeByHand(id, way);
    await meta.send(meta.payload('messages', message(id, told)));
    await settled(contactId, person);
    await meta.send(meta.payload('automatic_events', purchase(id)));
    expect(await secondOf(id)).toBe(person);
    expect(await contactOf(person)).toMatchObject({ id: person, phone: `+${phone}` });
    expect((await personOf(told)).id).not.toBe(person);
  });

  it('it is at once, for an event in the same body as the message that tells of another', async () => {
    const [id, told] = [wamid(), newPhone()];
    const { contactId, person } = await madeByHand(id, way);
    const [messages, events] = [
      meta.payload('messages', message(id, told)),
      meta.payload('automatic_events', purchase(id)),
    ] as { entry: object[] }[];
    await meta.send({ ...messages, entry: [...messages!.entry, ...events!.entry] });
    expect(await secondOf(id)).toBe(person);
    await settled(contactId, person);
    expect((await personOf(told)).id).not.toBe(person);
  });

  it('it is before whom the click of a later event names', async () => {
    const [id, told, ctwa_clid] = [wamid(), newPhone(), uniqueName('clid')];
    const { contactId, person } = await madeByHand(id, way);
    await meta.send(meta.payload('messages', message(wamid(), told, { referral: { ctwa_clid } })));
    await meta.send(meta.payload('automatic_events', purchase(id, { ctwa_clid })));
    expect(await secondOf(id)).toBe(person);
    await settled(contactId, person);
  });
});
