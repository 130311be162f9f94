import { Board, type BoardWorld, type Tools } from './board.ts';
import { passesForContact } from './contact-filter.ts';
import type { Effects } from './effects.ts';
import { NO_WORKFLOWS, startedBySignal, type OrganizationWorkflows } from './organization.ts';
import { isPast, type Positions } from './positions.ts';
import type { ContactSignal } from './signal.ts';

/** Everything that was read for a batch of signals. */
export interface SignalWorld extends BoardWorld {
  readonly positions: Positions;
  readonly organizations: ReadonlyMap<string, OrganizationWorkflows>;
}

export interface SignalDecision {
  readonly effects: Effects;
  readonly hasEffects: boolean;
  readonly positions: Positions;
  readonly tally: Readonly<Record<SignalFate, number>>;
}

export type SignalFate = 'effect' | 'no_effect' | 'seen_before' | 'by_workflow' | 'erased';

/**
 * Starts what contacts themselves start: by being created or changed, or by their subscriptions. What a workflow does to a contact starts
 * nothing: two workflows that answer each other would go on for ever. Pure.
 */
export function decideSignals(
  signals: readonly ContactSignal[],
  world: SignalWorld,
  tools: Tools,
): SignalDecision {
  const board = new Board(world, tools);
  const positions = new Map(world.positions);
  const tally: Record<SignalFate, number> = {
    effect: 0,
    no_effect: 0,
    seen_before: 0,
    by_workflow: 0,
    erased: 0,
  };
  for (const signal of signals) {
    tally[fateOf(signal, isPast(positions, signal.position), board, world, tools)] += 1;
    if (!isPast(positions, signal.position)) positions.set(signal.position.source, signal.position.offset);
  }
  const { effects } = board;
  return { effects, hasEffects: !effects.isEmpty, positions, tally };
}

function fateOf(
  signal: ContactSignal,
  isSeen: boolean,
  board: Board,
  { organizations }: SignalWorld,
  { newId }: Tools,
): SignalFate {
  if (isSeen) return 'seen_before';
  if (signal.isByWorkflow) return 'by_workflow';
  if (signal.isErased) return 'erased';
  const { kind, organizationId, contactId, topicId, channel, atMs: nowMs } = signal;
  const properties = { ...(topicId !== undefined && { topicId }), ...(channel !== undefined && { channel }) };
  const event = { eventId: null, name: kind, properties };
  let started = 0;
  for (const workflow of startedBySignal(organizations.get(organizationId) ?? NO_WORKFLOWS, signal)) {
    if (!passesForContact(workflow.definition.trigger.filter, board.contact(contactId))) continue;
    if (!board.start(workflow, { id: newId(), contactId, event, nowMs })) started += 1;
  }
  return started > 0 ? 'effect' : 'no_effect';
}
