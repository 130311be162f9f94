import { decideDue, type DueExecution } from '../domain/decide-due.ts';
import type { Execution, Workflow } from '../domain/execution.ts';
import type { ContactView } from '../domain/fields.ts';
import type { RememberedEvent } from '../domain/remembered.ts';
import type { Contacts, EffectWriter, ExecutionReader, TimerReader } from '../ports.ts';
import { toEffectsCommit } from './effects-commit.ts';
import type { KnownWorkflows } from './known-workflows.ts';
import type { Outbox } from './outbox.ts';
import type { PartitionState } from './partition-state.ts';

export interface DueDependencies {
  readonly workflows: KnownWorkflows;
  readonly timers: TimerReader;
  readonly executions: ExecutionReader;
  readonly writer: EffectWriter;
  readonly contacts: Contacts;
  readonly outbox: Outbox;
  readonly newId: () => string;
  /** Executions that are moved in one transaction. */
  readonly chunk: number;
}

export interface Fired {
  readonly fired: number;
  /** Whether more may be due. */
  readonly isMore: boolean;
}

/**
 * Moves a chunk of the executions of one partition whose time has come: delays by the clock of the database, timeouts also by the
 * frontier. To be called between two batches of the partition. Each execution is moved on the revision that was read, so that of
 * two instances that both think they own the partition one moves it and the other's transaction falls.
 */
export function fireDue(use: DueDependencies) {
  return async (state: PartitionState): Promise<Fired> => {
    if (state.mayHaveLeftOver) {
      await use.outbox.carryOutLeftOver(state.partition);
      state.mayHaveLeftOver = false;
    }
    const query = { partition: state.partition, frontierMs: state.frontier.atMs() };
    const { nowMs, executions: due } = await use.timers.due(query, use.chunk);
    if (due.length === 0) return { fired: 0, isMore: false };
    const fired = await fire(due, nowMs, state, use);
    return { fired: fired ?? 0, isMore: fired === undefined || due.length === use.chunk };
  };
}

/** How many were moved; `undefined`: something that was read had changed, and nothing was done. */
async function fire(
  due: readonly DueExecution[],
  nowMs: number,
  state: PartitionState,
  use: DueDependencies,
  brokenBy?: string,
): Promise<number | undefined> {
  const executions = due.map(({ execution }) => execution);
  const organizations = await use.workflows.load(executions.map((execution) => execution.organizationId));
  const workflowOf = await use.workflows.workflowsOf(executions, organizations);
  const [contacts, remembered] = await Promise.all([
    loadContacts(executions, workflowOf, use.contacts),
    loadRemembered(executions, workflowOf, use.executions),
  ]);
  const { effects, untouched } = decideDue(
    due,
    { workflowOf, contacts, remembered, nowMs, ...(brokenBy !== undefined && { brokenBy }) },
    { newId: use.newId, applyUpdates: use.contacts.apply },
  );
  const decidedOn = { organizations, settings: {}, settled: untouched };
  const commit = await toEffectsCommit(effects, decidedOn, () => state.partition, { ...use, slack: 0 });
  state.mayHaveLeftOver = true;
  try {
    if (!(await use.writer.commit(commit))) return undefined;
  } catch (error) {
    if (brokenBy !== undefined || !use.writer.isUnstorable(error)) throw error;
    return fireApart(due, (error as Error).message, nowMs, state, use);
  }
  await use.outbox.carryOut(commit.outbox);
  state.mayHaveLeftOver = false;
  return effects.executions.size;
}

/** One of them becomes something that cannot be stored: alone it ends there, and the others go on. */
async function fireApart(
  due: readonly DueExecution[],
  reason: string,
  nowMs: number,
  state: PartitionState,
  use: DueDependencies,
): Promise<number | undefined> {
  if (due.length === 1) return fire(due, nowMs, state, use, reason);
  let fired = 0;
  for (const one of due) fired += (await fire([one], nowMs, state, use)) ?? 0;
  return fired;
}

async function loadContacts(
  executions: readonly Execution[],
  workflowOf: (execution: Execution) => Workflow | undefined,
  contacts: Contacts,
): Promise<ReadonlyMap<string, ContactView>> {
  const refs = executions.filter((execution) => workflowOf(execution)?.usesContact);
  return refs.length > 0 ? contacts.load(refs) : new Map();
}

/** Of contacts whose executions may come to a wait that looks back. */
async function loadRemembered(
  due: readonly Execution[],
  workflowOf: (execution: Execution) => Workflow | undefined,
  executions: ExecutionReader,
): Promise<ReadonlyMap<string, readonly RememberedEvent[]>> {
  const refs = due.filter((execution) => (workflowOf(execution)?.looksBackMs ?? 0) > 0);
  return refs.length > 0 ? executions.remembered(refs) : new Map();
}
