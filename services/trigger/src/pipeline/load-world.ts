import { contactKey } from '@trackline/contracts';
import { conversionEventOf, type FeedbackWorld } from '../domain/conversion.ts';
import type { IncomingEvent, World } from '../domain/decide-events.ts';
import type { Execution, Workflow } from '../domain/execution.ts';
import { candidates } from '../domain/match-triggers.ts';
import { NO_WORKFLOWS, type OrganizationWorkflows } from '../domain/organization.ts';
import { isPast, type Positions } from '../domain/positions.ts';
import type { Contacts, ExecutionReader, WaitKey } from '../ports.ts';
import type { KnownFeedback } from './known-feedback.ts';
import { loadSettings } from './load-settings.ts';
import type { KnownWorkflows, Organizations } from './known-workflows.ts';

export interface WorldSources {
  readonly workflows: KnownWorkflows;
  readonly executions: ExecutionReader;
  readonly contacts: Contacts;
  readonly feedback?: Pick<KnownFeedback, 'load'>;
}

/** Reads only what the events that are new can touch. */
export async function loadWorld(
  events: readonly IncomingEvent[],
  positions: Positions,
  use: WorldSources,
): Promise<{ world: World; organizations: Organizations; events: readonly IncomingEvent[] }> {
  const fresh = events.filter(
    (event) => !event.backfill && !event.replayOf && !isPast(positions, event.position),
  );
  const asked = events.filter(
    (event) => event.replyTo !== undefined && (event.replayOf || isPast(positions, event.position)),
  );
  const [organizations, handled, feedback] = await Promise.all([
    use.workflows.load(fresh.map((event) => event.organizationId)),
    asked.length > 0 ? use.executions.handled(asked.map((event) => event.eventId)) : new Map(),
    use.feedback?.load(fresh),
  ]);
  const mattering = fresh.filter(
    (event) => matters(event, organizations.get(event.organizationId)) || concernsMeta(event, feedback),
  );
  // Waits first, then what the contacts are called now: waits that a merge has moved before they were read are read again.
  const underOwnIds = await loadWaiting(mattering, organizations, use.executions);
  const aliases = mattering.length > 0 ? await use.executions.aliases(mattering) : new Map<string, null>();
  const matter = followed(mattering, aliases).filter(({ erased }) => !erased);
  const waiting = aliases.size === 0 ? underOwnIds : await loadWaiting(matter, organizations, use.executions);
  const workflowOf = await use.workflows.workflowsOf(waiting, organizations);
  const started = matter.flatMap((event) =>
    candidates(organizations.get(event.organizationId) ?? NO_WORKFLOWS, event.name).map((workflow) => ({
      event,
      workflow,
    })),
  );
  const [contacts, settings, remembered] = await Promise.all([
    loadContacts(started, waiting, workflowOf, use.contacts),
    loadSettings(
      started.map(({ event, workflow }) => ({ workflow, contactId: event.contactId })),
      use.executions,
    ),
    loadRemembered(started, waiting, workflowOf, use.executions),
  ]);
  return {
    world: {
      positions,
      organizations,
      waiting,
      workflowOf,
      contacts,
      ...settings,
      remembered,
      handled,
      ...(feedback && { feedback }),
    },
    organizations,
    events: followed(events, aliases),
  };
}

/** Events of a contact who was merged are those of the one that stayed; those of one who was erased start and resume nothing. */
function followed(
  events: readonly IncomingEvent[],
  aliases: ReadonlyMap<string, string | null>,
): readonly IncomingEvent[] {
  if (aliases.size === 0) return events;
  return events.map((event) => {
    const contactId = aliases.get(event.contactId);
    if (contactId === null) return { ...event, erased: true };
    return contactId === undefined ? event : { ...event, contactId };
  });
}

const matters = ({ name }: IncomingEvent, organization: OrganizationWorkflows = NO_WORKFLOWS): boolean =>
  organization.startedBy.has(name) || organization.waitedFor.has(name) || organization.lookedBack.has(name);

function concernsMeta({ name, organizationId }: IncomingEvent, feedback?: FeedbackWorld): boolean {
  const terms = feedback?.terms.get(organizationId);
  return terms !== undefined && conversionEventOf(name, terms) !== undefined;
}

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

/** Of contacts whose executions may come to a wait that looks back. */
async function loadRemembered(
  started: readonly Start[],
  waiting: readonly Execution[],
  workflowOf: (execution: Execution) => Workflow | undefined,
  executions: ExecutionReader,
): Promise<World['remembered']> {
  const refs = new Map<string, { organizationId: string; contactId: string }>();
  for (const { event, workflow } of started) if (workflow.looksBackMs > 0) refs.set(event.contactId, event);
  for (const execution of waiting)
    if ((workflowOf(execution)?.looksBackMs ?? 0) > 0) refs.set(execution.contactId, execution);
  return refs.size > 0 ? executions.remembered([...refs.values()]) : new Map();
}
