import { decodeCompletedAction, type CompletedAction, type RawMessage } from '@trackline/contracts';
import { isUuid } from '@trackline/kernel';
import { decideCompleted } from '../domain/decide-completed.ts';
import type { Contacts, EffectWriter, ExecutionReader, TimerReader } from '../ports.ts';
import type { Unreadable } from './decode-events.ts';
import { toEffectsCommit, type EffectsCommitDependencies } from './effects-commit.ts';
import type { Outbox } from './outbox.ts';

export interface CompletedDependencies extends EffectsCommitDependencies {
  readonly executions: ExecutionReader;
  readonly timers: TimerReader;
  readonly contacts: Contacts;
  readonly writer: EffectWriter;
  readonly outbox: Outbox;
}

export interface CompletedBatch {
  readonly partition: number;
  readonly messages: readonly RawMessage[];
}

export type CompletedHandled = {
  readonly tally: { readonly effect: number; readonly seen_before: number };
};

const MAX_CONFLICTS = 20;

/** How requested actions have ended, shown on their steps. What a step shows already stays: a batch may come again. */
export function handleCompleted(use: CompletedDependencies) {
  return async (
    batch: CompletedBatch,
  ): Promise<CompletedHandled | Unreadable | { readonly contended: true }> => {
    const completed = decode(batch.messages);
    if ('reason' in completed) return completed;
    if (completed.length === 0) return { tally: { effect: 0, seen_before: 0 } };
    for (let conflicts = 0; conflicts < MAX_CONFLICTS; conflicts++) {
      const handled = await show(completed, batch.partition, use);
      if (handled) return handled;
    }
    return { contended: true };
  };
}

async function show(
  completed: readonly CompletedAction[],
  partition: number,
  use: CompletedDependencies,
): Promise<CompletedHandled | undefined> {
  const failed = [
    ...new Set(completed.filter(({ status }) => status === 'failed').map(({ executionId }) => executionId)),
  ];
  const [visits, executions, nowMs] = await Promise.all([
    use.executions.visits(completed),
    failed.length > 0 ? use.executions.byId(failed) : new Map<string, never>(),
    use.timers.nowMs(),
  ]);
  const organizations = await use.workflows.load(
    [...executions.values()].map(({ organizationId }) => organizationId),
  );
  const workflowOf = await use.workflows.workflowsOf([...executions.values()], organizations);
  const { effects, ignored } = decideCompleted(
    completed,
    { visits, executions, workflowOf, nowMs },
    { newId: use.newId, applyUpdates: use.contacts.apply },
  );
  if (effects.visits.size > 0) {
    const commit = await toEffectsCommit(effects, { organizations, settings: {} }, () => partition, use);
    if (!(await use.writer.commit(commit))) return undefined;
    await use.outbox.carryOut(commit.outbox);
  }
  return { tally: { effect: completed.length - ignored, seen_before: ignored } };
}

function decode(messages: readonly RawMessage[]): CompletedAction[] | Unreadable {
  const completed: CompletedAction[] = [];
  for (const message of messages) {
    try {
      const action = decodeCompletedAction(message);
      // No step asked for it.
      if (action.kind !== 'conversion') completed.push(checked(action));
    } catch (error) {
      return { offset: message.offset, reason: 'undecodable', detail: (error as Error).message };
    }
  }
  return completed;
}

function checked(action: CompletedAction): CompletedAction {
  if (!isUuid(action.executionId)) throw new Error(`The execution "${action.executionId}" is no UUID.`);
  if (!Number.isInteger(action.visit) || action.visit < 0 || action.visit > 2_147_483_647)
    throw new Error(`The visit "${String(action.visit)}" is no number of a visit.`);
  if (!Number.isFinite(action.completedAtMs)) throw new Error('completedAtMs is not a number.');
  return action;
}
