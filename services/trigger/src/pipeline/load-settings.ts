import { entryKey } from '../domain/board.ts';
import { asksForEntries, type EntryFacts } from '../domain/entry.ts';
import type { Workflow } from '../domain/execution.ts';
import type { ExecutionReader } from '../ports.ts';

/** A contact that may enter a workflow. */
export interface PossibleEntry {
  readonly workflow: Workflow;
  readonly contactId: string;
}

export interface SettingsFacts {
  readonly entries: ReadonlyMap<string, EntryFacts>;
  readonly running: ReadonlyMap<string, number>;
  readonly soleRuns: ReadonlySet<string>;
  readonly runningOfContacts: ReadonlyMap<string, number>;
}

const NOTHING: SettingsFacts = {
  entries: new Map(),
  running: new Map(),
  soleRuns: new Set(),
  runningOfContacts: new Map(),
};

/** What the settings of the workflows ask about those who may enter. */
export async function loadSettings(
  possible: readonly PossibleEntry[],
  executions: ExecutionReader,
): Promise<SettingsFacts> {
  if (possible.length === 0) return NOTHING;
  const asking = possible
    .filter(({ workflow }) => asksForEntries(workflow.definition.settings))
    .map(({ workflow, contactId }) => ({ workflowId: workflow.id, contactId }));
  const waiting = possible.filter(({ workflow }) => workflow.waits).map(({ contactId }) => contactId);
  const [running, known, runs, runningOfContacts] = await Promise.all([
    executions.running([...new Set(possible.map(({ workflow }) => workflow.id))]),
    asking.length > 0 ? executions.entries(asking) : [],
    asking.length > 0 ? executions.soleRuns(asking) : [],
    waiting.length > 0 ? executions.runningOfContacts([...new Set(waiting)]) : new Map<string, number>(),
  ]);
  const soleRuns = new Set(runs.map(({ workflowId, contactId }) => entryKey(workflowId, contactId)));
  const entries = new Map(
    known.map(({ workflowId, contactId, lastStartedAtMs, lastEndedAtMs }): [string, EntryFacts] => [
      entryKey(workflowId, contactId),
      { isRunning: soleRuns.has(entryKey(workflowId, contactId)), lastStartedAtMs, lastEndedAtMs },
    ]),
  );
  return { entries, running, soleRuns, runningOfContacts };
}
