import type { Say } from '../say.ts';
import type { Answer, Caller } from './caller.ts';
import { answers } from './expectations.ts';
import type { Demonstration } from './seed.ts';
import { Walk } from './walk.ts';
import { REMINDER_TIMEOUT_SECONDS } from './workflows.ts';

const SOON_MS = 2_000;
const TIMEOUT_SEEN_WITHIN_MS = REMINDER_TIMEOUT_SECONDS * 1_000 + 8_000;

/**
 * The main job on real input: events are tracked, and each answer says what the event did. Returns the contact's e-mail address,
 * for the reader to go on with. Throws at the first answer that is not right.
 */
export async function runMainJob(call: Caller, demonstration: Demonstration, say: Say): Promise<string> {
  const run = Date.now().toString(36);
  const email = `ada.${run}@example.com`;
  const tour = new Tour(call, new Walk(call, demonstration.apiKey, say), demonstration, email);
  const usedBefore = await usedSoFar(call, demonstration.apiKey);
  const contactId = await tour.createContact();
  await tour.startWorkflows();
  await tour.resumeByOrder(contactId, {
    name: 'order.completed',
    uniqueId: `order-${run}`,
    properties: { total: 49.9 },
  });
  await tour.seeTimeout(contactId);
  await tour.seeTimeline(contactId);
  await tour.seeUsage(usedBefore + 3);
  return email;
}

async function usedSoFar(call: Caller, key: string): Promise<number> {
  const { json } = await call({ method: 'GET', path: '/v1/usage', key });
  return json?.used as number;
}

class Tour {
  private readonly call: Caller;
  private readonly walk: Walk;
  private readonly demonstration: Demonstration;
  private readonly email: string;

  constructor(call: Caller, walk: Walk, demonstration: Demonstration, email: string) {
    this.call = call;
    this.walk = walk;
    this.demonstration = demonstration;
    this.email = email;
  }

  async createContact(): Promise<string> {
    const contact = await this.walk.step({
      title: 'A contact',
      method: 'POST',
      path: '/v1/contacts',
      body: { email: this.email, firstName: 'Ada' },
      wrong: answers(201, { email: this.email }),
    });
    return contact.json.id as string;
  }

  async startWorkflows(): Promise<void> {
    await this.track(
      `An event starts the workflow "Trial reminder", which now waits ${REMINDER_TIMEOUT_SECONDS} seconds for another one`,
      { name: 'trial.started' },
      answers(200, { success: true, contactCreated: false, workflowsTriggered: 1, executionsResumed: 0 }),
    );
    await this.track(
      'An event starts the workflow "Cart recovery"',
      { name: 'cart.abandoned', properties: { cart: 'c-1', total: 49.9 } },
      answers(200, { success: true, workflowsTriggered: 1, executionsResumed: 0 }),
    );
  }

  async resumeByOrder(contactId: string, order: object): Promise<void> {
    const waiting = await this.walk.step({
      title: 'Its execution waits for an order',
      method: 'GET',
      path: `/v1/workflows/${this.demonstration.cartRecoveryId}/executions?contactId=${contactId}`,
      wrong: answers(200, { 'items.length': 1, 'items.0.status': 'waiting' }),
      withinMs: SOON_MS,
      show: executionsShown,
    });
    const ordered = await this.track(
      'The order comes, and the answer says that an execution went on',
      order,
      answers(200, { success: true, workflowsTriggered: 0, executionsResumed: 1 }),
    );
    await this.walk.step({
      title: 'It took the branch "yes"',
      method: 'GET',
      path: `/v1/executions/${waiting.json.items[0].id as string}`,
      wrong: answers(200, { status: 'completed', 'steps.0.branch': 'yes' }),
      withinMs: SOON_MS,
      show: ({ json }) => executionShown(json),
    });
    await this.track(
      'The same order again is refused: it was accepted once',
      order,
      answers(409, { code: 'DUPLICATE_EVENT', eventId: ordered.json.eventId }),
    );
  }

  async seeTimeout(contactId: string): Promise<void> {
    const executionId = await this.executionOfReminder(contactId);
    await this.walk.step({
      title: 'The trial reminder waited in vain and took the branch "no"',
      method: 'GET',
      path: `/v1/executions/${executionId}`,
      wrong: answers(200, { status: 'completed', 'steps.0.branch': 'no' }),
      withinMs: TIMEOUT_SEEN_WITHIN_MS,
      show: ({ json }) => executionShown(json),
    });
  }

  async seeTimeline(contactId: string): Promise<void> {
    await this.walk.step({
      title: 'The timeline remembers what happened, newest first',
      method: 'GET',
      path: `/v1/contacts/${contactId}/events`,
      wrong: answers(200, {
        'items.length': 3,
        'items.0.name': 'order.completed',
        'items.1.name': 'cart.abandoned',
        'items.2.name': 'trial.started',
      }),
      withinMs: SOON_MS,
      show: ({ json }) =>
        json?.items?.map(({ name, occurredAt }: Record<string, string>) => ({ name, occurredAt })),
    });
  }

  async seeUsage(used: number): Promise<void> {
    await this.walk.step({
      title: 'Three events were counted; the duplicate was not',
      method: 'GET',
      path: '/v1/usage',
      wrong: answers(200, { used }),
      withinMs: SOON_MS,
      show: ({ json }) => ({ ...json, days: undefined, months: undefined }),
    });
  }

  /** Found without showing it: the reader has seen such a list already. */
  private async executionOfReminder(contactId: string): Promise<string> {
    const path = `/v1/workflows/${this.demonstration.trialReminderId}/executions?contactId=${contactId}`;
    const { json } = await this.call({ method: 'GET', path, key: this.demonstration.apiKey });
    return json?.items?.[0]?.id as string;
  }

  private track(
    title: string,
    event: object,
    wrong: (answer: Answer) => string | undefined,
  ): Promise<Answer> {
    const body = { contactEmail: this.email, ...event };
    return this.walk.step({ title, method: 'POST', path: '/v1/events', body, wrong });
  }
}

const executionsShown = ({ json }: Answer): unknown => json?.items?.map(executionShown);

interface ExecutionTold {
  readonly id: string;
  readonly status: string;
  readonly steps?: readonly { readonly id: string; readonly status: string; readonly branch?: string }[];
}

function executionShown({ id, status, steps }: ExecutionTold): unknown {
  return {
    id,
    status,
    steps: steps?.map((step) => ({ id: step.id, status: step.status, branch: step.branch })),
  };
}
