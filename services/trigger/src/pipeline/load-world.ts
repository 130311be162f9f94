import { contactKey } from '@trackline/contracts';
import { soleKey, type IncomingEvent, type World } from '../domain/decide-events.ts';
import type { Execution, Workflow } from '../domain/execution.ts';
import { candidates } from '../domain/match-triggers.ts';
import { NO_WORKFLOWS, type OrganizationWorkflows } from '../domain/organization.ts';
import { isPast, type Positions } from '../domain/positions.ts';
import type { Contacts, ExecutionReader, WaitKey } from '../ports.ts';
import type { KnownWorkflows, Organizations } from './known-workflows.ts';

export interface WorldSources {
  readonly workflows: KnownWorkflows;
  readonly executions: ExecutionReader;
  readonly contacts: Contacts;
}

/** Reads only what the events that are new can touch. */
export async function loadWorld(
  events: readonly IncomingEvent[],
  positions: Positions,
  use: WorldSources,
): Promise<{ world: World; organizations: Organizations }> {
  const fresh = events.filter(
    (event) => !event.backfill && !event.replayOf && !isPast(positions, event.position),
  );
  const asked = events.filter(
    (event) => event.replyTo !== undefined && (event.replayOf || isPast(positions, event.position)),
  );
  const [organizations, handled] = await Promise.all([
    use.workflows.load(fresh.map((event) => event.organizationId)),
    asked.length > 0 ? use.executions.handled(asked.map((event) => event.eventId)) : new Map(),
  ]);
  const matter = fresh.filter((event) => matters(event, organizations.get(event.organizationId)));
  const waiting = await loadWaiting(matter, organizations, use.executions);
  const workflowOf = await use.workflows.workflowsOf(waiting, organizations);
  const started = matter.flatMap((event) =>
    candidates(organizations.get(event.organizationId) ?? NO_WORKFLOWS, event.name).map((workflow) => ({
      event,
      workflow,
    })),
  );
  const [contacts, soleRuns] = await Promise.all([
    loadContacts(started, waiting, workflowOf, use.contacts),
    loadSoleRuns(started, use.executions),
  ]);
  return {
    world: { positions, organizations, waiting, workflowOf, contacts, soleRuns, handled },
    organizations,
  };
}

const matters = ({ name }: IncomingEvent, organization: OrganizationWorkflows = NO_WORKFLOWS): boolean =>
  organization.startedBy.has(name) || organization.waitedFor.has(name);

async function loadWaiting(
  events: readonly IncomingEvent[],
  organizations: Organizations,
  executions: ExecutionReader,
): Promise<readonly Execution[]> {
  const keys = new Map<string, WaitKey>();
  for (const { organizationId, contactId, name } of events) {
    if (!organizations.get(organizationId)?.waitedFor.has(name)) continue;
    keys.set(`${contactKey(organizationId, contactId)}:${name}`, {
      organizationId,
      contactId,
      eventName: name,
    });
  }
  return keys.size > 0 ? executions.waitingFor([...keys.values()]) : [];
}

type Start = { readonly event: IncomingEvent; readonly workflow: Workflow };

async function loadContacts(
  started: readonly Start[],
  waiting: readonly Execution[],
  workflowOf: (execution: Execution) => Workflow | undefined,
  contacts: Contacts,
): Promise<World['contacts']> {
  const refs = new Map<string, { organizationId: string; contactId: string }>();
  for (const { event, workflow } of started) if (workflow.usesContact) refs.set(event.contactId, event);
  for (const execution of waiting)
    if (workflowOf(execution)?.usesContact) refs.set(execution.contactId, execution);
  return refs.size > 0 ? contacts.load([...refs.values()]) : new Map();
}

async function loadSoleRuns(
  started: readonly Start[],
  executions: ExecutionReader,
): Promise<ReadonlySet<string>> {
  const keys = started
    .filter(({ workflow }) => workflow.definition.settings?.allowReentry === false)
    .map(({ event, workflow }) => ({ workflowId: workflow.id, contactId: event.contactId }));
  if (keys.length === 0) return new Set();
  const running = await executions.soleRuns(keys);
  return new Set(running.map(({ workflowId, contactId }) => soleKey(workflowId, contactId)));
}
