import { Problem } from '@trackline/contracts';
import { isUuid } from '@trackline/kernel';
import type { Execution, StepVisit } from '../domain/execution.ts';
import type {
  ExecutionFilter,
  ExecutionStore,
  Happening,
  Refusal,
  Standing,
  WorkflowRecord,
} from '../ports.ts';
import type { KnownWorkflows } from './known-workflows.ts';

/** An execution and what it has been through, in order. */
export interface ExecutionHistory {
  readonly execution: Execution;
  readonly visits: readonly StepVisit[];
}

/** How many executions stand at a step. */
export interface StepCounts {
  readonly stepId: string;
  readonly type: string;
  readonly waiting: number;
  readonly delayed: number;
  /** With `paused`, the step is the one that comes next. */
  readonly paused: number;
}

export interface Statistics {
  readonly running: { readonly waiting: number; readonly delayed: number; readonly paused: number };
  readonly happened: Readonly<Record<Happening, number>>;
  readonly refusedBecause: readonly { readonly reason: string; readonly count: number }[];
  readonly lastRefused: readonly Refusal[];
}

const SHOWN_REFUSALS = 20;

/** Executions and counts of them, as their owners look at them. Refusals are thrown as `Problem`. */
export class ReadExecutions {
  private readonly use: { readonly store: ExecutionStore; readonly workflows: KnownWorkflows };

  constructor(use: { readonly store: ExecutionStore; readonly workflows: KnownWorkflows }) {
    this.use = use;
  }

  async find(organizationId: string, id: string): Promise<ExecutionHistory> {
    const execution = isUuid(id) ? await this.use.store.find(organizationId, id) : undefined;
    if (!execution) throw new Problem('NOT_FOUND', 'There is no such execution.');
    return { execution, visits: (await this.use.store.visits([id])).get(id) ?? [] };
  }

  async list(organizationId: string, filter: ExecutionFilter): Promise<readonly ExecutionHistory[]> {
    // What no id of ours can look like is asked for by nobody.
    if ([filter.workflowId, filter.contactId].some((id) => id !== undefined && !isUuid(id))) return [];
    const executions = await this.use.store.list(organizationId, filter);
    if (executions.length === 0) return [];
    const visits = await this.use.store.visits(executions.map(({ id }) => id));
    return executions.map((execution) => ({ execution, visits: visits.get(execution.id) ?? [] }));
  }

  /** Steps in the order of the newest definition; those that only older versions have come after, while somebody stands at them. */
  async steps(workflow: WorkflowRecord): Promise<StepCounts[]> {
    const standing = await this.use.store.standing(workflow.id);
    const versions = [...new Set([workflow.version, ...standing.map(({ version }) => version)])];
    const types = await this.use.workflows.stepTypes(workflow.id, versions);
    const counts = new Map<string, StepCounts>();
    const count = (stepId: string, type: string, version: number): void => {
      // A step that became one of another type is another step.
      const key = `${stepId}:${type}`;
      const here = standing.filter((one) => one.stepId === stepId && one.version === version);
      const before = counts.get(key) ?? { stepId, type, waiting: 0, delayed: 0, paused: 0 };
      counts.set(key, here.reduce(withStanding, before));
    };
    for (const version of versions)
      for (const [stepId, type] of types.get(version) ?? []) {
        const isCurrent = version === workflow.version;
        if (isCurrent || standing.some((one) => one.stepId === stepId && one.version === version))
          count(stepId, type, version);
      }
    return [...counts.values()];
  }

  async statistics(
    workflow: WorkflowRecord,
    { from, to }: { readonly from: string; readonly to: string },
  ): Promise<Statistics> {
    const { store } = this.use;
    const [standing, tallies, lastRefused] = await Promise.all([
      store.standing(workflow.id),
      store.tallies(workflow.id, from, to),
      store.refusals(workflow.id, SHOWN_REFUSALS),
    ]);
    const { waiting, delayed, paused } = standing.reduce(withStanding, { waiting: 0, delayed: 0, paused: 0 });
    const of = (what: Happening): number =>
      tallies.reduce((sum, tally) => sum + (tally.what === what ? tally.count : 0), 0);
    return {
      running: { waiting, delayed, paused },
      happened: {
        started: of('started'),
        resumed: of('resumed'),
        refused: of('refused'),
        completed: of('completed'),
        failed: of('failed'),
        cancelled: of('cancelled'),
      },
      refusedBecause: tallies
        .filter(({ what }) => what === 'refused')
        .map(({ reason, count }) => ({ reason, count })),
      lastRefused,
    };
  }
}

function withStanding<Counts extends { waiting: number; delayed: number; paused: number }>(
  counts: Counts,
  { status, count }: Standing,
): Counts {
  if (status !== 'waiting' && status !== 'delayed' && status !== 'paused') return counts;
  return { ...counts, [status]: counts[status] + count };
}
