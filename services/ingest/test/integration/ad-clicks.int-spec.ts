import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Directory } from '@trackline/directory';
import { createPool, type Database } from '@trackline/postgres';
import { uniqueName } from '@trackline/testkit';
import { ADMIN_TOKEN, startHarness, type Harness, type Organization } from './harness.ts';
import { connectMeta, message, type Meta } from './meta.ts';

/** Real work on a machine that may be busy with other things. */
jest.setTimeout(120_000);

let door: Harness;
let org: Organization;
let meta: Meta;
let database: Database;
let directory: Directory;
beforeAll(async () => {
  door = await startHarness();
  org = await door.organization();
  meta = await connectMeta(door, org);
  database = createPool({ databaseUrl: door.config.databaseUrl, max: 2, applicationName: 'ad-clicks' });
  directory = new Directory(database);
}, 120_000);
afterAll(async () => {
  await database?.close();
  await door?.stop();
}, 60_000);

const feedback = async (on: boolean) => {
  const more = { conversionFeedback: on, datasetId: '77', accessToken: 'EAAG-an-access-token' };
  const path = `/v1/admin/organizations/${org.id}/channels/${meta.channelId}`;
  expect((await door.call('PATCH', path, { key: ADMIN_TOKEN, body: more })).status).toBe(200);
};
let phones = 33_698_000_000;
/** Gives the contact. */
const clicked = async (ctwa_clid: string): Promise<string> => {
  const phone = String((phones += 1));
  const id = `wamid.${uniqueName('click')}`;
  const referral = { ctwa_clid, source_id: '120', source_type: 'ad' };
  const payload = meta.payload('messages', message(id, phone, { referral }));
  // Meta may tell it again.
  for (const _ of [1, 2]) expect((await meta.send(payload)).status).toBe(200);
  return (await org.get(`/v1/contacts?phone=%2B${phone}`)).json.items[0].id as string;
};
const lastClick = async (contactId: string) =>
  (
    await directory.lastAdClicks([
      {
        organizationId: org.id,
        contactId,
        fromMs: Date.now() - 3_600_000,
        toMs: Date.now(),
        phoneNumberIds: [meta.phoneNumberId],
      },
    ])
  )[0];

describe('a click on an ad', () => {
  it('is kept as soon as Meta has heard 200, as long as feedback is on', async () => {
    expect(await lastClick(await clicked('before'))).toBeUndefined();
    await feedback(true);
    expect(await lastClick(await clicked('ARAk-with'))).toEqual({
      ctwaClid: 'ARAk-with',
      phoneNumberId: meta.phoneNumberId,
    });
    await feedback(false);
    expect(await lastClick(await clicked('after'))).toBeUndefined();
  });
});
