import type { WorkflowStatus } from '@trackline/contracts';
import type { Workflow } from './execution.ts';
import { isSignalKind, type ContactSignal, type SignalKind } from './signal.ts';

/** What an organisation has by way of workflows, as of one version of the whole. */
export interface OrganizationWorkflows {
  readonly version: number;
  /** Of every workflow, archived ones too. */
  readonly statuses: ReadonlyMap<string, WorkflowStatus>;
  /** Enabled ones in their newest version, by the event that starts them; in the order in which they were created. */
  readonly startedBy: ReadonlyMap<string, readonly Workflow[]>;
  /** The same for what happens to contacts themselves, by `signalKey`. */
  readonly startedBySignal: ReadonlyMap<string, readonly Workflow[]>;
  /** Enabled ones with a schedule. */
  readonly scheduled: readonly Workflow[];
  /** Events that some wait looks back for, and for how many seconds: these are to be remembered so long. */
  readonly lookedBack: ReadonlyMap<string, number>;
  /** Events that some version of some workflow waits for. */
  readonly waitedFor: ReadonlySet<string>;
}

export const NO_WORKFLOWS: OrganizationWorkflows = {
  version: 0,
  statuses: new Map(),
  startedBy: new Map(),
  startedBySignal: new Map(),
  scheduled: [],
  lookedBack: new Map(),
  waitedFor: new Set(),
};

export interface OrganizationRows {
  readonly version: number;
  readonly statuses: ReadonlyMap<string, WorkflowStatus>;
  readonly enabled: readonly Workflow[];
  readonly waitedFor: Iterable<string>;
  /** By event name, in seconds; of several for one name the longest. Absent: nothing looks back. */
  readonly lookedBack?: Iterable<readonly [name: string, seconds: number]>;
}

export function toOrganizationWorkflows({
  version,
  statuses,
  enabled,
  waitedFor,
  lookedBack = [],
}: OrganizationRows): OrganizationWorkflows {
  const startedBy = new Map<string, Workflow[]>();
  const bySignal = new Map<string, Workflow[]>();
  for (const workflow of enabled) {
    const { type, eventName, topicId } = workflow.definition.trigger;
    if (eventName !== undefined) addTo(startedBy, eventName, workflow);
    else if (isSignalKind(type)) addTo(bySignal, signalKey(type, topicId), workflow);
  }
  const longest = new Map<string, number>();
  for (const [name, seconds] of lookedBack) longest.set(name, Math.max(seconds, longest.get(name) ?? 0));
  return {
    version,
    statuses,
    startedBy,
    startedBySignal: bySignal,
    scheduled: enabled.filter(({ definition }) => definition.trigger.type === 'schedule'),
    lookedBack: longest,
    waitedFor: new Set(waitedFor),
  };
}

function addTo<Key>(index: Map<Key, Workflow[]>, key: Key, workflow: Workflow): void {
  const list = index.get(key);
  if (list) list.push(workflow);
  else index.set(key, [workflow]);
}

/** A topic, or with `undefined` any. */
const signalKey = (kind: SignalKind, topicId: string | undefined): string =>
  JSON.stringify(topicId === undefined ? [kind] : [kind, topicId]);

/** The workflows that a signal may start, in whichever order; whether it does hangs on the contact. */
export function startedBySignal(
  { startedBySignal: index }: OrganizationWorkflows,
  { kind, topicId }: Pick<ContactSignal, 'kind' | 'topicId'>,
): readonly Workflow[] {
  const ofAny = index.get(signalKey(kind, undefined)) ?? [];
  return topicId === undefined ? ofAny : [...ofAny, ...(index.get(signalKey(kind, topicId)) ?? [])];
}
