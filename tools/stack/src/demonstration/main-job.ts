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
  const { apiKey, cartRecoveryId, trialReminderId } = demonstration;
  const run = Date.now().toString(36);
  const email = `ada.${run}@example.com`;
  const walk = new Walk(call, apiKey, say);
  const track = (title: string, body: object, wrong: (answer: Answer) => string | undefined) =>
    walk.step({ title, method: 'POST', path: '/v1/events', body: { contactEmail: email, ...body }, wrong });

  const usedBefore = (await call({ method: 'GET', path: '/v1/usage', key: apiKey })).json?.used as number;

  const contact = await walk.step({
    title: 'A contact',
    method: 'POST',
    path: '/v1/contacts',
    body: { email, firstName: 'Ada' },
    wrong: answers(201, { email }),
  });
  const contactId = contact.json.id as string;

  await track(
    `An event starts the workflow "Trial reminder", which now waits ${REMINDER_TIMEOUT_SECONDS} seconds for another one`,
    { name: 'trial.started' },
    answers(200, { success: true, contactCreated: false, workflowsTriggered: 1, executionsResumed: 0 }),
  );
  await track(
    'An event starts the workflow "Cart recovery"',
    { name: 'cart.abandoned', properties: { cart: 'c-1', total: 49.9 } },
    answers(200, { success: true, workflowsTriggered: 1, executionsResumed: 0 }),
  );

  const waiting = await walk.step({
    title: 'Its execution waits for an order',
    method: 'GET',
    path: `/v1/workflows/${cartRecoveryId}/executions?contactId=${contactId}`,
    wrong: answers(200, { 'items.length': 1, 'items.0.status': 'waiting' }),
    withinMs: SOON_MS,
  });

  const order = { name: 'order.completed', uniqueId: `order-${run}`, properties: { total: 49.9 } };
  const ordered = await track(
    'The order comes, and the answer says that an execution went on',
    order,
    answers(200, { success: true, workflowsTriggered: 0, executionsResumed: 1 }),
  );
  await walk.step({
    title: 'It took the branch "yes"',
    method: 'GET',
    path: `/v1/executions/${waiting.json.items[0].id as string}`,
    wrong: answers(200, { status: 'completed', 'steps.0.branch': 'yes' }),
    withinMs: SOON_MS,
    show: executionShown,
  });
  await track(
    'The same order again is refused: it was accepted once',
    order,
    answers(409, { code: 'DUPLICATE_EVENT', eventId: ordered.json.eventId }),
  );
  await walk.step({
    title: 'The trial reminder waited in vain and took the branch "no"',
    method: 'GET',
    path: `/v1/workflows/${trialReminderId}/executions?contactId=${contactId}`,
    wrong: answers(200, { 'items.0.status': 'completed', 'items.0.steps.0.branch': 'no' }),
    withinMs: TIMEOUT_SEEN_WITHIN_MS,
    show: ({ json }) =>
      json?.items?.map((execution: unknown) => executionShown({ json: execution } as Answer)),
  });
  await walk.step({
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
  await walk.step({
    title: 'Three events were counted; the duplicate was not',
    method: 'GET',
    path: '/v1/usage',
    wrong: answers(200, { used: usedBefore + 3 }),
    withinMs: SOON_MS,
    show: ({ json }) => ({ ...json, days: undefined, months: undefined }),
  });
  return email;
}

function executionShown({ json }: Answer): unknown {
  const steps = json?.steps?.map(({ id, status, branch }: Record<string, string>) => ({
    id,
    status,
    branch,
  }));
  return { id: json?.id, status: json?.status, steps };
}
