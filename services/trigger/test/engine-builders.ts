import type {
  SendEmailConfig,
  WaitForEventConfig,
  WorkflowDefinition,
  WorkflowStatus,
  WorkflowStep,
} from '@trackline/contracts';

import type { IncomingEvent } from '../src/domain/decide-events.ts';
import { newExecution, toWorkflow, type Execution, type Workflow } from '../src/domain/execution.ts';
import type { ContactView } from '../src/domain/fields.ts';
import type { ApplyUpdates } from '../src/domain/inputs.ts';
import type { RememberedEvent } from '../src/domain/remembered.ts';

export const ORGANIZATION = 'organization';
export const CONTACT: ContactView = {
  id: 'contact',
  email: 'ada@example.com',
  properties: { plan: 'pro', visits: 3 },
};

export const aWorkflow = (
  steps: readonly WorkflowStep[],
  more: Partial<WorkflowDefinition> & { status?: WorkflowStatus; id?: string } = {},
): Workflow => {
  const { status = 'enabled', id = 'workflow', ...definition } = more;
  return toWorkflow({
    id,
    organizationId: ORGANIZATION,
    version: 1,
    status,
    definition: { name: 'a workflow', trigger: { type: 'event', eventName: 'begun' }, steps, ...definition },
  });
};

export const anExecution = (workflow: Workflow, more: Partial<Execution> = {}): Execution => ({
  ...newExecution(workflow, {
    id: 'execution',
    contactId: CONTACT.id,
    event: { eventId: 'e0', name: 'begun', properties: { total: 12 } },
    nowMs: 0,
  }),
  ...more,
});

export const wait = (
  eventName: string,
  branches: WorkflowStep['branches'] = {},
  config: Partial<WaitForEventConfig> = {},
  id = `wait-${eventName}`,
): WorkflowStep => ({ id, type: 'wait_for_event', config: { eventName, ...config }, branches });

export const email = (id = 'email', config: Partial<SendEmailConfig> = {}): WorkflowStep => ({
  id,
  type: 'send_email',
  config: { subject: 'Hello', text: 'there', ...config },
});

/** Waits for what becomes of an email. */
export const opened = (emailStepId = 'email', branches: WorkflowStep['branches'] = {}): WorkflowStep => ({
  id: 'opened',
  type: 'wait_for_email_engagement',
  config: { emailStepId, engagementType: 'opened' },
  branches,
});

export const failing = (id = 'failing'): WorkflowStep => ({
  id,
  type: 'exit',
  config: { markAs: 'failed', reason: 'not good' },
});

export const asks = (field: string, branches: WorkflowStep['branches'], id = 'asks'): WorkflowStep => ({
  id,
  type: 'condition',
  config: { field, operator: 'is_set' },
  branches,
});

/** An event of the contact that waits may look back for. */
export const remembered = (
  name: string,
  receivedAtMs: number,
  properties: Readonly<Record<string, unknown>> = {},
  eventId = `${name}-${receivedAtMs}`,
): RememberedEvent => ({
  organizationId: ORGANIZATION,
  contactId: CONTACT.id,
  event: { eventId, name, properties },
  receivedAtMs,
  forgetAtMs: Infinity,
});

export const mark = (id: string, field = id): WorkflowStep => ({
  id,
  type: 'update_contact',
  config: { updates: [{ field, operation: 'set', value: true }] },
});

export const hour = (id = 'delay'): WorkflowStep => ({
  id,
  type: 'delay',
  config: { amount: 1, unit: 'hours' },
});
export const HOUR_MS = 3_600_000;
export const SECOND_MS = 1_000;

/** Sets properties, and takes no other operation. */
export const applyUpdates: ApplyUpdates = (contact, updates) => {
  const refused = updates.filter(({ operation }) => operation !== 'set').map(({ field }) => ({ field }));
  const set = updates
    .filter(({ operation }) => operation === 'set')
    .map(({ field, value }) => [field, value]);
  return {
    contact: { ...contact, properties: { ...contact.properties, ...Object.fromEntries(set) } },
    refused,
  };
};

let counter = 0;
export const countingIds = (): string => `id-${String(counter++).padStart(8, '0')}`;

export function anEvent(
  about: Partial<IncomingEvent> & { name: string; offset: number },
  properties: object = {},
): IncomingEvent {
  const { offset, ...event } = about;
  const eventId = event.eventId ?? `event-${offset}`;
  const receivedAtMs = event.receivedAtMs ?? offset;
  return {
    organizationId: ORGANIZATION,
    contactId: CONTACT.id,
    source: '/organizations/organization/http',
    position: { source: 'received.1.0', offset },
    backfill: false,
    monthUsed: 1,
    occurredAtMs: receivedAtMs,
    properties: JSON.stringify(properties),
    view: () => ({ eventId, name: event.name, properties: properties as Record<string, unknown> }),
    replyTo: `0/${eventId}`,
    ...event,
    eventId,
    receivedAtMs,
  };
}
