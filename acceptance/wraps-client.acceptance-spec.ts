import { beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, uniqueName } from '@trackline/testkit';
import { anOrganization, type Tenant } from './an-organization.ts';

let tenant: Tenant;

beforeAll(async () => {
  tenant = await anOrganization();
}, 15_000);

describe('the Wraps client', () => {
  it('sends a trailing slash, which makes no difference', async () => {
    const { email } = await tenant.contact();
    for (const path of ['/v1/events/', '/v1/events', '/v1/events/batch/', '/v1/events/batch']) {
      const event = { name: 'visited', contactEmail: email };
      const body = path.includes('batch') ? { events: [event] } : event;
      const answer = await tenant.call('POST', path, { body });
      expect(answer.status).toBe(200);
      expect(answer.json.success).toBe(true);
    }
  });

  it('reads errors as bare JSON with a string: every refusal has one, none is empty', async () => {
    const { email } = await tenant.contact();
    const refusals = [
      await tenant.track({ name: 'a', contactEmail: 'nobody@example.com' }),
      await tenant.track({ contactEmail: email }),
      await tenant.call('POST', '/v1/events/', { body: '{"name":' }),
      await tenant.call('POST', '/v1/events/', { body: { name: 'a' }, key: 'tl_live_unknown' }),
      await tenant.call('GET', '/v1/nowhere/'),
      await tenant.call('DELETE', '/v1/events/'),
      await tenant.call('POST', '/v1/events/', { body: 'a=b', headers: { 'content-type': 'text/plain' } }),
    ];
    expect(refusals.map((answer) => answer.status)).toEqual([
      400,
      422,
      400,
      401,
      404,
      expect.any(Number),
      415,
    ]);
    for (const answer of refusals) {
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(answer.status).toBeLessThan(500);
      expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
      expect(answer.headers.get('x-request-id')).toBe(answer.json.requestId);
      expect(answer.json).toMatchObject({
        success: false,
        error: expect.stringMatching(/\w/),
        code: expect.stringMatching(/^[A-Z_]+$/),
      });
    }
  });

  it('finds a contact by id, external id, or e-mail in any spelling; one that is not there is 400 "Contact not found"', async () => {
    const externalId = uniqueName('ext');
    const { id, email } = await tenant.contact({ externalId });
    for (const who of [
      { contactId: id },
      { contactExternalId: externalId },
      { contactEmail: `  ${email.toUpperCase()} ` },
    ]) {
      const answer = await tenant.track({ name: 'found', ...who });
      expect(answer.json).toMatchObject({ success: true, contactCreated: false });
    }
    for (const who of [
      {},
      { contactId: '0197f0e0-0000-7000-8000-000000000000' },
      { contactExternalId: 'x' },
      { contactId: 'no uuid' },
    ]) {
      const answer = await tenant.track({ name: 'lost', ...who });
      expect(answer).toMatchObject({
        status: 400,
        json: { success: false, error: 'Contact not found', code: 'CONTACT_NOT_FOUND' },
      });
    }
  });

  it('with createIfMissing, raced by 50 requests, creates one contact and hears so once', async () => {
    const contactEmail = `${uniqueName('new')}@example.com`;
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        tenant.track({
          name: 'signed_up',
          contactEmail: i % 2 ? contactEmail : contactEmail.toUpperCase(),
          contactName: 'Ada',
          createIfMissing: true,
        }),
      ),
    );
    expect(answers.map((answer) => answer.status)).toEqual(answers.map(() => 200));
    expect(answers.filter((answer) => answer.json.contactCreated)).toHaveLength(1);
    const { json } = await tenant.call('GET', `/v1/contacts?email=${encodeURIComponent(contactEmail)}`);
    expect(json.items).toMatchObject([{ email: contactEmail, firstName: 'Ada' }]);
    await eventually(async () => (await tenant.timeline(json.items[0].id)).length === 50);
  });

  it('sends batches: item by item, a bad one stops no other, and says why beginning with its index', async () => {
    const { id, email } = await tenant.contact();
    const uniqueId = uniqueName('u');
    const { json, status } = await tenant.call('POST', '/v1/events/batch/', {
      body: {
        events: [
          { name: 'one', contactEmail: email, uniqueId },
          { name: 'two', contactEmail: 'nobody@example.com' },
          { contactEmail: email },
          { name: 'one', contactEmail: email, uniqueId },
          { name: 'five', contactEmail: email, createIfMissing: true },
          'six',
          { name: 'seven', contactId: id, occurredAt: 'yesterday' },
          { name: 'eight', contactId: id },
        ],
      },
    });
    expect(status).toBe(200);
    expect(json).toMatchObject({ success: false, processed: 2, workflowsTriggered: 0, executionsResumed: 0 });
    expect(json.results.map((result: { status: string }) => result.status)).toEqual([
      'admitted',
      'contact_not_found',
      'invalid',
      'duplicate',
      'invalid',
      'invalid',
      'invalid',
      'admitted',
    ]);
    expect(json.errors).toHaveLength(6);
    [1, 2, 3, 4, 5, 6].forEach((index, i) =>
      expect(json.errors[i]).toMatch(new RegExp(`^events\\[${index}\\]: .*\\w`)),
    );
    expect(json.errors[0]).toMatch(/^events\[1\]: Contact not found/);
    await eventually(async () => (await tenant.timeline(id)).length === 2);
    const empty = await tenant.call('POST', '/v1/events/batch', { body: { events: [] } });
    expect(empty).toMatchObject({
      status: 200,
      json: { success: true, processed: 0, workflowsTriggered: 0, executionsResumed: 0, errors: [] },
    });
  });

  it('repeats a request with its Idempotency-Key and gets the first answer, while that is still on its way too', async () => {
    const { id, email } = await tenant.contact();
    const headers = { 'idempotency-key': uniqueName('key') };
    const body = { name: 'paid', contactEmail: email };
    const answers = await Promise.all(Array.from({ length: 10 }, () => tenant.track(body, headers)));
    const later = await tenant.track(body, headers);
    for (const answer of [...answers, later]) {
      expect(answer.status).toBe(200);
      expect(answer.json).toEqual(answers[0]!.json);
    }
    const replayed = [...answers, later].filter((one) => one.headers.get('idempotent-replayed') === 'true');
    expect(replayed).toHaveLength(10);
    const other = await tenant.track({ ...body, name: 'refunded' }, headers);
    expect(other.status).toBe(422);
    await eventually(async () => (await tenant.timeline(id)).length === 1);
  });
});
