import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startHarness, type Harness } from './harness.ts';

let door: Harness;
beforeAll(async () => {
  door = await startHarness();
}, 60_000);
afterAll(() => door?.stop(), 60_000);

describe('POST /v1/events', () => {
  it('answers what the event did', async () => {
    const org = await door.organization();
    door.backstage.decide = (event) =>
      event.name === 'signed_up'
        ? { verdict: 'admitted', workflowsTriggered: 2, executionsResumed: 1, monthUsed: 7 }
        : 'by the rules';
    const answer = await org.post('/v1/events/', {
      name: 'signed_up',
      contactEmail: ' Ada@Example.com ',
      contactName: 'Ada',
      createIfMissing: true,
      properties: { plan: 'pro' },
    });
    expect(answer.json).toEqual({
      success: true,
      contactCreated: true,
      workflowsTriggered: 2,
      executionsResumed: 1,
      eventId: expect.any(String),
    });
    expect(answer.status).toBe(200);
  });
});
