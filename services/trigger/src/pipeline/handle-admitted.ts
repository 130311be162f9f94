import { ADMITTED, type Position, type RawMessage } from '@trackline/contracts';
import { decideEvents, type Decision, type EventFate, type IncomingEvent } from '../domain/decide-events.ts';
import { isPast, movedPositions, raisedTo, type Positions } from '../domain/positions.ts';
import type { Commit, EffectWriter } from '../ports.ts';
import { decodeEvents, positionsOf, type Unreadable } from './decode-events.ts';
import { toEffectsCommit } from './effects-commit.ts';
import { loadWorld, type WorldSources } from './load-world.ts';
import { toAnswers, type Outbox } from './outbox.ts';
import type { PartitionState } from './partition-state.ts';

export interface AdmittedBatch {
  readonly messages: readonly RawMessage[];
  /** What of it went to the dead letters. */
  readonly buried?: readonly RawMessage[];
}

export interface AdmittedDependencies extends WorldSources {
  readonly writer: EffectWriter;
  readonly outbox: Outbox;
  readonly newId: () => string;
  readonly outcomePartitions: number;
  /** Executions that all partitions together can start at once. */
  readonly slack: number;
  /** Told of orders and leads that concern Meta, once what became of them is stored. */
  readonly onConversions?: (fates: Decision['conversions']) => void;
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
    const inOrder = events.filter(({ redriven }) => !redriven);
    const buried = positionsOf(batch.buried ?? []);
    const handled = await again(async () => {
      const before = (state.positions ??= await use.executions.positions(ADMITTED, state.partition));
      const done = await attempt(inOrder, { before, buried }, state, use);
      state.positions = done?.positions;
      return done?.tally;
    });
    if ('contended' in handled) return handled;
    for (const event of events.filter(({ redriven }) => redriven)) {
      const sentBack = await again(() => redrive(event, state, use));
      if ('contended' in sentBack) return sentBack;
      for (const [fate, count] of Object.entries(sentBack.tally)) handled.tally[fate as EventFate] += count;
    }
    return handled;
  };
}

/** Tries until nobody came in between. */
async function again(
  work: () => Promise<Decision['tally'] | undefined>,
): Promise<{ readonly tally: Record<EventFate, number>; readonly conflicts: number } | Contended> {
  for (let conflicts = 0; conflicts < MAX_CONFLICTS; conflicts++) {
    const tally = await work();
    if (tally) return { tally: { ...tally }, conflicts };
  }
  return { contended: true };
}

/**
 * An event that came back from the dead letters. Its position was passed long ago: whether it has had its effect is told by the row that
 * was written with the position and is deleted with the effect. It takes effect now, after those that came behind it.
 */
async function redrive(
  event: IncomingEvent,
  state: PartitionState,
  use: AdmittedDependencies,
): Promise<Decision['tally'] | undefined> {
  if (!(await use.executions.isDeadLetter(ADMITTED, state.partition, event.position))) return SEEN_BEFORE;
  const done = await attempt([event], { before: new Map(), redriven: event.position }, state, use);
  return done?.tally;
}

const SEEN_BEFORE: Decision['tally'] = {
  effect: 0,
  no_effect: 0,
  seen_before: 1,
  replay: 0,
  backfill: 0,
  erased: 0,
};

/** What a try stands on. With `redriven`, positions are neither asked nor moved. */
type Footing =
  | { readonly before: Positions; readonly buried: readonly Position[] }
  | { readonly before: Positions; readonly redriven: Position };

/** `undefined`: something that was read had changed by the time of the commit; nothing was done. */
async function attempt(
  events: readonly IncomingEvent[],
  footing: Footing,
  state: PartitionState,
  use: AdmittedDependencies,
): Promise<{ readonly tally: Decision['tally']; readonly positions: Positions } | undefined> {
  const { before } = footing;
  const loaded = await use.timed('load', () => loadWorld(events, before, use));
  const { world, organizations } = loaded;
  const decision = decideEvents(loaded.events, world, { newId: use.newId, applyUpdates: use.contacts.apply });
  const after = 'buried' in footing ? raisedTo(decision.positions, footing.buried) : decision.positions;
  const commit: Commit = {
    ...toPositions(footing, after, state.partition),
    ...(decision.hasEffects &&
      (await toEffectsCommit(
        decision.effects,
        { organizations, settings: world },
        () => state.partition,
        use,
      ))),
  };
  // What is left over if the process or the publishing fails from here on, the next attempt finds in the outbox.
  state.mayHaveLeftOver = decision.hasEffects;
  const changes = commit.positions?.moved.length || commit.deadLetters || decision.hasEffects;
  if (changes && !(await use.timed('commit', () => use.writer.commit(commit)))) return undefined;
  if (decision.conversions.size > 0) use.onConversions?.(decision.conversions);
  await use.timed('publish', () =>
    use.outbox.carryOut(commit.outbox ?? [], toAnswers(decision.outcomes, use.outcomePartitions)),
  );
  state.mayHaveLeftOver = false;
  return { tally: decision.tally, positions: after };
}

function toPositions(footing: Footing, after: Positions, partition: number): Commit {
  const at = { topic: ADMITTED, partition };
  if ('redriven' in footing) return { deadLetters: { ...at, buried: [], redriven: footing.redriven } };
  const { before } = footing;
  // What was past before has had its effect, or its row is there.
  const buried = footing.buried.filter((position) => !isPast(before, position));
  const buriedAgain = footing.buried.filter((position) => isPast(before, position));
  return {
    positions: { ...at, moved: movedPositions(before, after) },
    ...(footing.buried.length > 0 && { deadLetters: { ...at, buried, buriedAgain } }),
  };
}
