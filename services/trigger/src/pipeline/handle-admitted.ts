import { ADMITTED, contactKey, type RawMessage } from '@trackline/contracts';
import {
  decideEvents,
  soleKey,
  type Decision,
  type EventFate,
  type IncomingEvent,
  type World,
} from '../domain/decide-events.ts';
import type { Execution, Workflow } from '../domain/execution.ts';
import { candidates } from '../domain/match-triggers.ts';
import { NO_WORKFLOWS, type OrganizationWorkflows } from '../domain/organization.ts';
import { isPast, movedPositions, type Positions } from '../domain/positions.ts';
import type { Commit, Contacts, EffectWriter, ExecutionReader, WaitKey } from '../ports.ts';
import { decodeEvents, type Unreadable } from './decode-events.ts';
import type { KnownWorkflows, Organizations } from './known-workflows.ts';
import { toAnswers, toOutbox, type Outbox } from './outbox.ts';
import type { PartitionState } from './partition-state.ts';
import { heldVersions } from './held-versions.ts';

export interface AdmittedBatch {
  readonly messages: readonly RawMessage[];
}

export interface AdmittedDependencies {
  readonly workflows: KnownWorkflows;
  readonly executions: ExecutionReader;
  readonly writer: EffectWriter;
  readonly contacts: Contacts;
  readonly outbox: Outbox;
  readonly newId: () => string;
  readonly outcomePartitions: number;
  readonly timed: <Result>(stage: string, work: () => Promise<Result>) => Promise<Result>;
}

/** Another instance kept changing what was read: nothing is wrong with the batch, it is to be tried again. */
export interface Contended {
  readonly contended: true;
}

export type Handled = { readonly tally: Readonly<Record<EventFate, number>>; readonly conflicts: number };

/** Another owner at work on the same partition loses it within a few seconds; so long both may go on colliding. */
const MAX_CONFLICTS = 20;

/**
 * decode → drop what has taken effect → load → decide → commit → answer and publish. Resolves when the effects are stored and what
 * they bring about outside is done; a batch that comes again has no second effect.
 */
export function handleAdmitted(use: AdmittedDependencies) {
  return async (batch: AdmittedBatch, state: PartitionState): Promise<Handled | Unreadable | Contended> => {
    const events = decodeEvents(batch.messages);
    if ('reason' in events) return events;
    if (state.mayHaveLeftOver) {
      await use.outbox.carryOutLeftOver(state.partition);
      state.mayHaveLeftOver = false;
    }
    for (let conflicts = 0; conflicts < MAX_CONFLICTS; conflicts++) {
      state.positions ??= await use.executions.positions(ADMITTED, state.partition);
      const tally = await attempt(events, state, use);
      if (tally) return { tally, conflicts };
      state.positions = undefined;
    }
    return { contended: true };
  };
}

/** `undefined`: something that was read had changed by the time of the commit; nothing was done. */
async function attempt(
  events: readonly IncomingEvent[],
  state: PartitionState,
  use: AdmittedDependencies,
): Promise<Handled['tally'] | undefined> {
  const positions = state.positions!;
  const { world, organizations } = await use.timed('load', () => loadWorld(events, positions, use));
  const decision = decideEvents(events, world, { newId: use.newId, applyUpdates: use.contacts.apply });
  const commit = toCommit(decision, positions, state.partition, organizations, use.newId);
  // What is left over if the process or the publishing fails from here on, the next attempt finds in the outbox.
  state.mayHaveLeftOver = decision.hasEffects;
  const moved = commit.positions!.moved.length > 0 || decision.hasEffects;
  if (moved && !(await use.timed('commit', () => use.writer.commit(commit)))) return undefined;
  state.positions = decision.positions;
  await use.timed('publish', () =>
    use.outbox.carryOut(commit.outbox ?? [], toAnswers(decision.outcomes, use.outcomePartitions)),
  );
  state.mayHaveLeftOver = false;
  return decision.tally;
}

function toCommit(
  { effects, hasEffects, positions: after }: Decision,
  before: Positions,
  partition: number,
  organizations: Organizations,
  newId: () => string,
): Commit {
  const positions = { topic: ADMITTED, partition, moved: movedPositions(before, after) };
  if (!hasEffects) return { positions };
  return {
    positions,
    effects,
    outbox: toOutbox(effects, () => partition, newId),
    unchanged: heldVersions(effects, [], organizations),
  };
}

/** Reads only what the events that are new can touch. */
async function loadWorld(
  events: readonly IncomingEvent[],
  positions: Positions,
  use: AdmittedDependencies,
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
