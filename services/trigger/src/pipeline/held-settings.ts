import { DEFAULT_CONCURRENT_EXECUTIONS } from '@trackline/contracts';
import { entryKey } from '../domain/board.ts';
import type { Effects } from '../domain/effects.ts';
import type { EntryFacts } from '../domain/entry.ts';
import { hasEnded, type Execution, type Workflow } from '../domain/execution.ts';
import type { Capacity, Commit, EntryWrite } from '../ports.ts';

/** What the settings of workflows were decided on. */
export interface SettingsRead {
  readonly entries?: ReadonlyMap<string, EntryFacts> | undefined;
  readonly running?: ReadonlyMap<string, number> | undefined;
  /** Executions that had ended and go on: they take a place again. */
  readonly revived?: readonly string[];
}

/** What must hold of workflows' settings by the commit, and what is to be noted for the next decision. */
export function heldSettings(
  effects: Effects,
  workflowOf: (execution: Execution) => Workflow | undefined,
  read: SettingsRead,
  slack: number,
): Pick<Commit, 'entries' | 'capacity'> {
  const entries = toEntries(effects, workflowOf, read);
  const capacity = toCapacity(effects, workflowOf, read, slack);
  return { ...(entries.length > 0 && { entries }), ...(capacity.length > 0 && { capacity }) };
}

function toEntries(
  effects: Effects,
  workflowOf: (execution: Execution) => Workflow | undefined,
  { entries: known }: SettingsRead,
): EntryWrite[] {
  const entries = new Map<string, EntryWrite>();
  for (const { from, execution } of effects.executions.values()) {
    const { contactCooldownSeconds = 0, reentryDelaySeconds = 0 } =
      workflowOf(execution)?.definition.settings ?? {};
    const startedAtMs = from === null && contactCooldownSeconds > 0 ? execution.startedAtMs : null;
    const endedAtMs = hasEnded(execution) && reentryDelaySeconds > 0 ? execution.endedAtMs : null;
    if (startedAtMs === null && endedAtMs === null) continue;
    const { workflowId, contactId } = execution;
    const key = entryKey(workflowId, contactId);
    const before = entries.get(key);
    entries.set(key, {
      workflowId,
      contactId,
      knownStartedAtMs: known?.get(key)?.lastStartedAtMs ?? null,
      startedAtMs: later(before?.startedAtMs, startedAtMs),
      endedAtMs: later(before?.endedAtMs, endedAtMs),
      forgetAtMs: Math.max(
        before?.forgetAtMs ?? 0,
        startedAtMs === null ? 0 : startedAtMs + contactCooldownSeconds * 1000,
        endedAtMs === null ? 0 : endedAtMs + reentryDelaySeconds * 1000,
      ),
    });
  }
  return [...entries.values()];
}

const later = (a: number | null | undefined, b: number | null): number | null =>
  a === null || a === undefined ? b : b === null ? a : Math.max(a, b);

function toCapacity(
  effects: Effects,
  workflowOf: (execution: Execution) => Workflow | undefined,
  { running, revived = [] }: SettingsRead,
  slack: number,
): Capacity[] {
  const started = new Map<string, { workflow: Workflow; count: number }>();
  for (const { from, execution } of effects.executions.values()) {
    if (hasEnded(execution) || (from !== null && !revived.includes(execution.id))) continue;
    const workflow = workflowOf(execution);
    if (!workflow) continue;
    const one = started.get(workflow.id);
    if (one) one.count += 1;
    else started.set(workflow.id, { workflow, count: 1 });
  }
  return [...started.values()].map(({ workflow, count }) => {
    const limit = workflow.definition.settings?.maxConcurrentExecutions ?? DEFAULT_CONCURRENT_EXECUTIONS;
    const isNear = (running?.get(workflow.id) ?? 0) + count > limit - slack;
    return { workflowId: workflow.id, limit, slack, isNear };
  });
}
