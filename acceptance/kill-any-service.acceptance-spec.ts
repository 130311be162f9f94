import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { allReady, eventually, restarted, signalService, uniqueName, type Answer } from '@trackline/testkit';
import { anOrganization, type Tenant, type Tracked } from './an-organization.ts';

const WORKERS = 8;
const PAUSE_MS = 20;
const WARM_UP_MS = 1_000;
const AFTERWARDS_MS = 1_500;

let tenant: Tenant;
let workflow: string;

beforeAll(async () => {
  await allReady();
}, 40_000);

afterEach(() => allReady(), 40_000);

/** Each contact opens and closes by turns; what is opened waits for its closing. */
const OPENED_WAITS_FOR_CLOSED = {
  name: 'Opened and closed',
  trigger: { type: 'event', eventName: 'opened' },
  steps: [
    {
      id: 'wait',
      type: 'wait_for_event',
      config: { eventName: 'closed', timeoutSeconds: 3_600 },
      branches: { yes: [{ id: 'done', type: 'exit', config: {} }] },
    },
  ],
};

interface Sent {
  readonly uniqueId: string;
  readonly name: 'opened' | 'closed';
  /** All answers to it: it is sent again, the same, until it is taken. */
  readonly answers: Answer<Tracked>[];
}

/** As a client would: sequential per contact, again after 503, until one answer says that the event is taken (or was, the time before). */
async function load(contactEmail: string, signal: AbortSignal): Promise<Sent[]> {
  const sent: Sent[] = [];
  for (let n = 0; !signal.aborted || n % 2 === 1; n += 1) {
    const name = n % 2 === 0 ? 'opened' : 'closed';
    const event: Sent = { uniqueId: `${uniqueName('e')}`, name, answers: [] };
    sent.push(event);
    for (;;) {
      const answer = await tenant.track({ name, contactEmail, uniqueId: event.uniqueId, properties: { n } });
      event.answers.push(answer);
      if (answer.status !== 503) break;
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
      await sleep(100);
    }
    await sleep(PAUSE_MS);
  }
  return sent;
}

/** Right: 200 with true counts, or 409 to a repetition whose first try was not answered. Honest: 202 and 503. */
function expectHonest({ name, answers }: Sent): void {
  const last = answers.at(-1)!;
  if (last.status === 409) {
    expect(answers.length).toBeGreaterThan(1);
    return;
  }
  expect([200, 202]).toContain(last.status);
  if (last.status === 202) {
    expect(last.json).toMatchObject({ success: true, status: 'accepted' });
    return;
  }
  const counts = name === 'opened' ? [1, 0] : [0, 1];
  expect([last.json.workflowsTriggered, last.json.executionsResumed]).toEqual(counts);
}

describe('kill -9 under a load of tracks', () => {
  it.each(['ingest', 'dedup-meter', 'trigger', 'timeline', 'connectors'])(
    '%s: it is started again, answers are right or honest, nothing is lost, nothing happens twice',
    async (service) => {
      tenant = await anOrganization();
      workflow = await tenant.workflow(OPENED_WAITS_FOR_CLOSED);
      const contacts = await Promise.all(Array.from({ length: WORKERS }, () => tenant.contact()));
      const enough = new AbortController();
      const loads = contacts.map(({ email }) => load(email, enough.signal));
      try {
        await sleep(WARM_UP_MS);
        await restarted(signalService(service), 60_000);
        await sleep(AFTERWARDS_MS);
      } finally {
        enough.abort();
      }
      const sent = await Promise.all(loads);
      const all = sent.flat();

      for (const one of all) expectHonest(one);
      expect(all.filter(({ answers }) => answers.at(-1)!.status === 200).length).toBeGreaterThan(0);
      // Not once per answer: what was answered 202 may still be on its way.
      await eventually(async () => (await tenant.used()) >= all.length, { withinMs: 30_000, everyMs: 200 });
      for (const [i, contact] of contacts.entries()) {
        const items = await eventually(
          async () => {
            const found = await tenant.timeline(contact.id);
            return found.length >= sent[i]!.length && found;
          },
          { withinMs: 30_000, everyMs: 200 },
        );
        expect(items.map((item) => item.uniqueId).reverse()).toEqual(sent[i]!.map((one) => one.uniqueId));
      }
      const opened = all.filter(({ name }) => name === 'opened').length;
      const executions = await eventually(
        async () => {
          const found = await tenant.executions(workflow);
          return found.length >= opened && found.every(({ status }) => status === 'completed') && found;
        },
        { withinMs: 30_000, everyMs: 500 },
      );
      expect(executions).toHaveLength(opened);
      expect(await tenant.used()).toBe(all.length);
    },
    150_000,
  );
});
