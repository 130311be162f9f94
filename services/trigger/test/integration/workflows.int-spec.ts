import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, type Answer } from '@trackline/testkit';
import type { RunningTrigger } from '../../src/start-trigger.ts';
import { TriggerRig, waitingWorkflow, type Tenant } from './trigger-rig.ts';

interface Page {
  items: { id: string }[];
  nextCursor: string | null;
}

describe('the routes of workflows', () => {
  let rig: TriggerRig;
  let trigger: RunningTrigger;
  let tenant: Tenant;
  let stranger: Tenant;

  beforeAll(async () => {
    rig = await TriggerRig.open();
    trigger = await rig.start();
    [tenant, stranger] = [await rig.tenant(trigger), await rig.tenant(trigger)];
  }, 60_000);
  afterAll(async () => rig?.close(), 30_000);

  const definition = waitingWorkflow('signed_up', 'activated');

  it('create a draft, or enable it at once, and give it back as it was sent', async () => {
    const { status, json } = await tenant.call('POST', '/v1/workflows', { body: definition });
    expect(status).toBe(201);
    expect(json).toMatchObject({ name: definition.name, status: 'draft', version: 1, definition });
    expect((await tenant.call('GET', `/v1/workflows/${json.id}`)).json).toEqual(json);
    const enabled = await tenant.call('POST', '/v1/workflows/?enable=true', { body: definition });
    expect(enabled.json.status).toBe('enabled');
  });

  it('refuse what is not right, with every issue and its path', async () => {
    const body = {
      name: 'x',
      trigger: { type: 'segment_entry' },
      steps: [
        { id: 'a', type: 'send_fax', config: {} },
        { id: 'a', type: 'delay', config: { amount: 0, unit: 'days' } },
      ],
    };
    const { status, json } = await tenant.call('POST', '/v1/workflows', { body });
    expect(status).toBe(422);
    expect(json).toMatchObject({ success: false, code: 'VALIDATION_FAILED', error: expect.any(String) });
    expect(json.details.map(({ path }: { path: string }) => path)).toEqual([
      '/trigger/type',
      '/steps/0/type',
      '/steps/1/id',
      '/steps/1/config/amount',
    ]);
    expect(json.details[0].message).toContain('not available yet');
  });

  it.each([
    ['no body', undefined, 400],
    ['a list', [], 422],
    ['text that is no JSON', '{"name":', 400],
    ['a NUL in a text', { ...definition, name: 'a\0b' }, 422],
    ['half a surrogate', `{"name":"\\ud800","trigger":{"type":"api"},"steps":[]}`, 422],
    ['another enable', definition, 422, '?enable=perhaps'],
  ])('answer %s in the common form', async (_, body, expected, query = '') => {
    const headers = { 'content-type': 'application/json' };
    const { status, json } = await tenant.call('POST', `/v1/workflows${query}`, { body, headers });
    expect({ status, error: typeof json.error, success: json.success }).toEqual({
      status: expected,
      error: 'string',
      success: false,
    });
  });

  it('make a new version with each definition, and change the status where that makes sense', async () => {
    const { json: draft } = await tenant.call('POST', '/v1/workflows', { body: definition });
    const at = `/v1/workflows/${draft.id}`;
    expect((await tenant.call('POST', `${at}/pause`)).json.code).toBe('CONFLICT');
    const renamed = { ...definition, name: 'another name' };
    expect((await tenant.call('PUT', at, { body: renamed })).json).toMatchObject({
      version: 2,
      name: 'another name',
      status: 'draft',
    });
    expect((await tenant.call('PUT', at, { body: { ...renamed, steps: [] } })).status).toBe(422);
    for (const [verb, status] of [
      ['enable', 'enabled'],
      ['enable', 'enabled'],
      ['pause', 'paused'],
      ['enable', 'enabled'],
      ['archive', 'archived'],
      ['archive', 'archived'],
    ])
      expect((await tenant.call('POST', `${at}/${verb}`)).json).toMatchObject({ status, version: 2 });
    expect((await tenant.call('PUT', at, { body: renamed })).json.code).toBe('CONFLICT');
  });

  it('list page by page, newest first', async () => {
    const own = await rig.tenant(trigger);
    const ids: string[] = [];
    for (let i = 0; i < 5; i++)
      ids.unshift((await own.call('POST', '/v1/workflows', { body: definition })).json.id);
    await own.call('POST', `/v1/workflows/${ids[2]}/enable`);
    const found: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const { json }: Answer<Page> = await own.call(
        'GET',
        `/v1/workflows?limit=2${cursor && `&cursor=${cursor}`}`,
      );
      found.push(...json.items.map(({ id }) => id));
      cursor = json.nextCursor;
    }
    expect(found).toEqual(ids);
    expect((await own.call('GET', '/v1/workflows?status=enabled')).json.items).toMatchObject([
      { id: ids[2] },
    ]);
    expect((await own.call('GET', '/v1/workflows?cursor=nonsense')).status).toBe(422);
    expect((await own.call('GET', '/v1/workflows?status=asleep')).status).toBe(422);
  });

  it('keep organisations apart, and take an unknown id for not found', async () => {
    const { json } = await tenant.call('POST', '/v1/workflows', { body: definition });
    for (const id of [json.id, 'no-uuid', '00000000-0000-7000-8000-000000000000']) {
      const at = `/v1/workflows/${id}`;
      expect((await stranger.call('GET', at)).status).toBe(404);
      expect((await stranger.call('PUT', at, { body: definition })).status).toBe(404);
      expect((await stranger.call('POST', `${at}/enable`)).status).toBe(404);
      expect((await stranger.call('GET', `${at}/executions`)).status).toBe(404);
      expect((await stranger.call('POST', `${at}/trigger`, { body: { contactId: 'x' } })).status).toBe(404);
      expect((await stranger.call('GET', `/v1/executions/${id}`)).status).toBe(404);
      expect((await stranger.call('POST', `/v1/executions/${id}/cancel`)).status).toBe(404);
    }
    expect((await stranger.call('GET', '/v1/workflows', { key: 'tl_live_nothing' })).status).toBe(401);
  });

  describe('for executions', () => {
    const byHand = {
      name: 'by hand',
      trigger: { type: 'api' },
      steps: [
        {
          id: 'which',
          type: 'condition',
          config: { field: 'event.level', operator: 'equals', value: 'gold' },
          branches: {
            yes: [{ id: 'wait', type: 'wait_for_event', config: { eventName: 'thanks' } }],
            no: [{ id: 'out', type: 'exit', config: { markAs: 'failed', reason: 'not gold' } }],
          },
        },
      ],
    };

    it('start one by hand, which then waits as any other', async () => {
      const workflowId = await tenant.create(byHand);
      const contactId = await tenant.contact();
      const at = `/v1/workflows/${workflowId}/trigger`;
      const { status, json } = await tenant.call('POST', at, {
        body: { contactId, data: { level: 'gold' } },
      });
      expect([status, json.success]).toEqual([200, true]);
      const execution = await rig.execution(tenant.call, json.executionId);
      expect(execution).toMatchObject({
        status: 'waiting',
        contactId,
        steps: [{ branch: 'yes' }, { id: 'wait' }],
      });
      expect(execution.triggerEventId).toBeUndefined();
      const about = { organizationId: tenant.organization.id, contactId };
      expect(await rig.track(rig.event({ ...about, name: 'thanks' }))).toMatchObject({
        executionsResumed: 1,
      });
      await eventually(() =>
        rig.progressed.some((p) => p.executionId === json.executionId && p.effect === 'ended'),
      );
      await eventually(async () => (await rig.count('outbox')) === 0);
    });

    it('refuse to start one for nobody, with data that is too large, or of a workflow that is not enabled', async () => {
      const workflowId = await tenant.create(byHand);
      const at = `/v1/workflows/${workflowId}/trigger`;
      for (const body of [{}, { contactId: 'nobody' }, { contactEmail: 'nobody@example.com' }])
        expect(await tenant.call('POST', at, { body })).toMatchObject({
          status: 400,
          json: { error: 'Contact not found', code: 'CONTACT_NOT_FOUND' },
        });
      const contactId = await tenant.contact();
      const data = { text: 'x'.repeat(70_000) };
      expect((await tenant.call('POST', at, { body: { contactId, data } })).status).toBe(422);
      await tenant.call('POST', `/v1/workflows/${workflowId}/pause`);
      expect((await tenant.call('POST', at, { body: { contactId } })).json.code).toBe('CONFLICT');
    });

    it('list them by status and contact, page by page', async () => {
      const workflowId = await tenant.create(byHand);
      const contactId = await tenant.contact();
      const start = async (level: string, of = contactId) =>
        (
          await tenant.call('POST', `/v1/workflows/${workflowId}/trigger`, {
            body: { contactId: of, data: { level } },
          })
        ).json.executionId as string;
      const [gold, tin] = [await start('gold'), await start('tin')];
      const other = await start('gold', await tenant.contact());
      const list = async (query: string) => {
        const { json } = await tenant.call('GET', `/v1/workflows/${workflowId}/executions?${query}`);
        return json.items.map(({ id }: { id: string }) => id);
      };
      expect(await list('')).toEqual([other, tin, gold]);
      expect(await list(`contactId=${contactId}`)).toEqual([tin, gold]);
      expect(await list('status=failed')).toEqual([tin]);
      expect(await list('status=waiting')).toEqual([other, gold]);
      expect(await list(`status=waiting&contactId=${contactId}`)).toEqual([gold]);
      expect(await list('status=completed')).toEqual([]);
      expect(await list('contactId=nobody')).toEqual([]);
      const { json } = await tenant.call('GET', `/v1/workflows/${workflowId}/executions?limit=2`);
      expect(await list(`limit=2&cursor=${json.nextCursor}`)).toEqual([gold]);
    });

    it('cancel one, once', async () => {
      const workflowId = await tenant.create(byHand);
      const contactId = await tenant.contact();
      const start = (level: string) =>
        tenant.call('POST', `/v1/workflows/${workflowId}/trigger`, { body: { contactId, data: { level } } });
      const { executionId } = (await start('gold')).json;
      const at = `/v1/executions/${executionId}/cancel`;
      for (let i = 0; i < 2; i++)
        expect((await tenant.call('POST', at)).json).toMatchObject({
          status: 'cancelled',
          reason: 'cancelled by hand',
          steps: [{ id: 'which' }, { id: 'wait', status: 'cancelled' }],
        });
      const about = { organizationId: tenant.organization.id, contactId };
      expect(await rig.track(rig.event({ ...about, name: 'thanks' }))).toMatchObject({
        executionsResumed: 0,
      });
      const failed = (await start('tin')).json.executionId;
      expect((await tenant.call('POST', `/v1/executions/${failed}/cancel`)).json.code).toBe('CONFLICT');
    });
  });

  it('tell what the directory did not take of an update', async () => {
    const workflowId = await tenant.create({
      name: 'takes an address',
      trigger: { type: 'api' },
      steps: [
        {
          id: 'take',
          type: 'update_contact',
          config: {
            updates: [
              { field: 'email', operation: 'set', value: 'taken@example.com' },
              { field: 'tried', operation: 'set', value: true },
            ],
          },
        },
      ],
    });
    const { organization } = tenant;
    await rig.directory.createContact(organization.id, { email: 'taken@example.com' });
    const contactId = await tenant.contact();
    const { json } = await tenant.call('POST', `/v1/workflows/${workflowId}/trigger`, {
      body: { contactId },
    });
    expect((await rig.execution(tenant.call, json.executionId)).steps).toMatchObject([
      { detail: { refused: [{ field: 'email', reason: expect.stringContaining('another contact') }] } },
    ]);
    const contact = await rig.directory.getContact(organization.id, contactId);
    expect(contact).toMatchObject({ properties: { tried: true } });
    expect(contact?.email).toBeUndefined();
  });

  it('are ready, and say so', async () => {
    expect((await tenant.call('GET', '/health/live')).status).toBe(200);
    expect((await tenant.call('GET', '/health/ready')).json).toMatchObject({
      status: 'ready',
      parts: { postgres: 'ready', kafka: 'ready', publisher: 'ready', progress: 'ready' },
    });
    expect((await tenant.call('GET', '/metrics')).text).toContain('trackline_timer_frontier_seconds');
  });
});
