import { decideDue } from '../domain/decide-due.ts';
import type { Execution, Workflow } from '../domain/execution.ts';
import type { ContactView } from '../domain/fields.ts';
import type { Contacts, EffectWriter, TimerReader } from '../ports.ts';
import { heldVersions } from './held-versions.ts';
import type { KnownWorkflows } from './known-workflows.ts';
import { toOutbox, type Outbox } from './outbox.ts';
import type { PartitionState } from './partition-state.ts';

export interface DueDependencies {
  readonly workflows: KnownWorkflows;
  readonly timers: TimerReader;
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
    const executions = due.map(({ execution }) => execution);
    const organizations = await use.workflows.load(executions.map((execution) => execution.organizationId));
    const workflowOf = await use.workflows.workflowsOf(executions, organizations);
    const contacts = await loadContacts(executions, workflowOf, use.contacts);
    const { effects, untouched } = decideDue(
      due,
      { workflowOf, contacts, nowMs },
      { newId: use.newId, applyUpdates: use.contacts.apply },
    );
    const outbox = toOutbox(effects, () => state.partition, use.newId);
    state.mayHaveLeftOver = true;
    const stands = await use.writer.commit({
      effects,
      outbox,
      settled: untouched,
      unchanged: heldVersions(effects, untouched, organizations),
    });
    if (stands) await use.outbox.carryOut(outbox);
    state.mayHaveLeftOver = false;
    return { fired: stands ? effects.executions.size : 0, isMore: !stands || due.length === use.chunk };
  };
}

async function loadContacts(
  executions: readonly Execution[],
  workflowOf: (execution: Execution) => Workflow | undefined,
  contacts: Contacts,
): Promise<ReadonlyMap<string, ContactView>> {
  const refs = executions.filter((execution) => workflowOf(execution)?.usesContact);
  return refs.length > 0 ? contacts.load(refs) : new Map();
}
