import type { WorkflowStatus } from '@trackline/contracts';
import type { Workflow } from './execution.ts';

/** What an organisation has by way of workflows, as of one version of the whole. */
export interface OrganizationWorkflows {
  readonly version: number;
  /** Of every workflow, archived ones too. */
  readonly statuses: ReadonlyMap<string, WorkflowStatus>;
  /** Enabled ones in their newest version, by the event that starts them; in the order in which they were created. */
  readonly startedBy: ReadonlyMap<string, readonly Workflow[]>;
  /** Events that some version of some workflow waits for. */
  readonly waitedFor: ReadonlySet<string>;
}

export const NO_WORKFLOWS: OrganizationWorkflows = {
  version: 0,
  statuses: new Map(),
  startedBy: new Map(),
  waitedFor: new Set(),
};

export interface OrganizationRows {
  readonly version: number;
  readonly statuses: ReadonlyMap<string, WorkflowStatus>;
  readonly enabled: readonly Workflow[];
  readonly waitedFor: Iterable<string>;
}

export function toOrganizationWorkflows({
  version,
  statuses,
  enabled,
  waitedFor,
}: OrganizationRows): OrganizationWorkflows {
  const startedBy = new Map<string, Workflow[]>();
  for (const workflow of enabled) {
    const { eventName } = workflow.definition.trigger;
    if (eventName === undefined) continue;
    const list = startedBy.get(eventName);
    if (list) list.push(workflow);
    else startedBy.set(eventName, [workflow]);
  }
  return { version, statuses, startedBy, waitedFor: new Set(waitedFor) };
}
