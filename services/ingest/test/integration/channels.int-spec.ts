import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ADMIN_TOKEN, startHarness, type Harness, type Organization } from './harness.ts';

let door: Harness;
let org: Organization;
let path: string;
beforeAll(async () => {
  door = await startHarness();
  org = await door.organization();
  path = `/v1/admin/organizations/${org.id}/channels`;
}, 60_000);
afterAll(() => door?.stop(), 60_000);

const admin = (method: string, to: string, body?: unknown) =>
  door.call(method, to, { key: ADMIN_TOKEN, ...(body === undefined ? undefined : { body }) });
let numbers = 0;
const terms = () => ({
  phoneNumberId: String((numbers += 1)),
  wabaId: '2',
  appSecret: 'an-app-secret-of-meta',
  verifyToken: 'a-verify-token-of-ours',
});

describe('channels', () => {
  it('are made, shown masked, changed and removed', async () => {
    const given = terms();
    const made = await admin('POST', path, {
      ...given,
      accessToken: 'EAAG-an-access-token',
      displayPhoneNumber: '+1 555',
    });
    expect([made.status, made.json]).toEqual([
      201,
      {
        id: expect.any(String),
        phoneNumberId: given.phoneNumberId,
        wabaId: '2',
        displayPhoneNumber: '+1 555',
        datasetId: null,
        conversionFeedback: false,
        appSecret: '…meta',
        verifyToken: '…ours',
        accessToken: '…oken',
        webhookPath: `/webhooks/whatsapp/${made.json.id}`,
        createdAt: expect.any(String),
        updatedAt: expect.any(String),
      },
    ]);
    const own = `${path}/${made.json.id}`;
    expect((await admin('GET', own)).json).toEqual(made.json);
    expect((await admin('GET', path)).json).toEqual({ items: [made.json], nextCursor: null });
    const changed = await admin('PATCH', own, { accessToken: null, displayPhoneNumber: null });
    expect(changed.json).toMatchObject({ accessToken: null, displayPhoneNumber: null, appSecret: '…meta' });
    expect((await admin('DELETE', own)).json).toEqual({ success: true, id: made.json.id });
    for (const method of ['GET', 'DELETE'] as const) expect((await admin(method, own)).status).toBe(404);
    expect((await admin('PATCH', own, {})).status).toBe(404);
  });

  it('are refused when they are not right, or their number is taken', async () => {
    const given = terms();
    expect((await admin('POST', path, given)).status).toBe(201);
    const again = await admin('POST', path, given);
    expect([again.status, again.json.details[0].path]).toEqual([409, '/phoneNumberId']);
    const wrong = await admin('POST', path, { ...terms(), phoneNumberId: '+1555' });
    expect([wrong.status, wrong.json.details[0].path]).toEqual([422, '/phoneNumberId']);
    const feedback = await admin('POST', path, { ...terms(), conversionFeedback: true });
    const needed = (field: string) => ({ path: `/${field}`, message: expect.stringContaining('missing') });
    expect([feedback.status, feedback.json.details]).toEqual([
      422,
      [needed('datasetId'), needed('accessToken')],
    ]);
    const all = {
      ...terms(),
      accessToken: 'EAAG-an-access-token',
      datasetId: '77',
      conversionFeedback: true,
    };
    const on = await admin('POST', path, all);
    expect([on.status, on.json.conversionFeedback]).toEqual([201, true]);
    const { appSecret: _appSecret, ...without } = terms();
    expect((await admin('POST', path, without)).status).toBe(422);
  });

  it('belong to an organisation that there is, and to the operator', async () => {
    expect((await admin('POST', '/v1/admin/organizations/nobody/channels', terms())).status).toBe(404);
    expect((await admin('GET', '/v1/admin/organizations/nobody/channels')).status).toBe(404);
    expect((await org.get(path)).status).toBe(403);
  });
});
