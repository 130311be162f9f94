import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Organization } from '@trackline/directory';
import { eventually, type Call } from '@trackline/testkit';
import type { RunningTimeline } from '../../src/start-timeline.ts';
import { anEvent, TimelineRig } from './timeline-rig.ts';

let rig: TimelineRig;
let timeline: RunningTimeline;
let organization: Organization;
let call: Call;

beforeAll(async () => {
  rig = await TimelineRig.open();
  timeline = await rig.start();
  ({ organization, call } = await rig.organization(timeline));
}, 30_000);

afterAll(() => rig.close(), 20_000);

describe('an admitted event', () => {
  it('is on the timeline of its contact and has a receipt', async () => {
    const contactId = await rig.contact(organization);
    const event = anEvent({ organizationId: organization.id, contactId, uniqueId: 'order-1' });
    await rig.admitted(event);
    const item = {
      id: event.eventId,
      name: 'page_viewed',
      properties: { path: '/prices' },
      occurredAt: new Date(event.occurredAtMs).toISOString(),
      receivedAt: new Date(event.receivedAtMs).toISOString(),
      source: `/organizations/${organization.id}/http`,
      uniqueId: 'order-1',
    };
    const page = await eventually(async () => {
      const answer = await call('GET', `/v1/contacts/${contactId}/events`);
      return answer.status === 200 && answer.json.items.length === 1 && answer;
    });
    expect(page.json).toEqual({ items: [item], nextCursor: null });
    const receipt = await call('GET', `/v1/events/${event.eventId}`);
    expect(receipt.json).toEqual({
      ...item,
      contactId,
      verdict: 'admitted',
      workflowsTriggered: 0,
      executionsResumed: 0,
      executions: [],
    });
  });
});
