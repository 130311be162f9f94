import { decideScheduled } from '../domain/decide-scheduled.ts';
import type { Workflow } from '../domain/execution.ts';
import type { Calendar } from '../domain/schedule.ts';
import type {
  Contacts,
  DueWorkflow,
  EffectWriter,
  ExecutionReader,
  ScheduleRun,
  ScheduleStore,
  TimerReader,
} from '../ports.ts';
import { toEffectsCommit, type PartitionOfContact } from './effects-commit.ts';
import type { KnownWorkflows, Organizations } from './known-workflows.ts';
import { loadSettings } from './load-settings.ts';
import type { Outbox } from './outbox.ts';

export interface ScheduleDependencies {
  readonly schedules: ScheduleStore;
  readonly calendar: Pick<Calendar, 'nextAfter'>;
  readonly workflows: KnownWorkflows;
  readonly executions: ExecutionReader;
  readonly timers: TimerReader;
  readonly contacts: Contacts;
  readonly writer: EffectWriter;
  readonly outbox: Outbox;
  readonly newId: () => string;
  readonly partitionOf: PartitionOfContact;
  /** A due time that was missed for longer is passed over. */
  readonly catchUpMs: number;
}

const DUE_AT_ONCE = 100;
/** Of a directory's page. */
const CONTACTS_PER_CHUNK = 200;
/** So long a run belongs to whoever has claimed it, from its last chunk on; then another goes on where it stopped. */
const LEASE_MS = 30_000;
/** Then the run that has waited longest has its turn: a run over a million contacts must not hold up one over a hundred. */
export const CHUNKS_PER_TURN = 20;

/** Makes runs of the due times that have come, and moves workflows on to their next. Gives how many workflows were due. */
export function planSchedules(use: ScheduleDependencies) {
  return async (): Promise<number> => {
    const due = await use.schedules.due(DUE_AT_ONCE);
    if (due.length === 0) return 0;
    const organizations = await use.workflows.load(due.map(({ organizationId }) => organizationId));
    for (const one of due) {
      const workflow = scheduledWorkflow(one, organizations);
      // Whoever changes a workflow changes its due time with it: one without a schedule is about to lose its row.
      const moved = workflow ? dueTimes(workflow, one, use) : {};
      await use.schedules.move(one, moved);
    }
    return due.length;
  };
}

const scheduledWorkflow = (
  { organizationId, workflowId }: Pick<DueWorkflow, 'organizationId' | 'workflowId'>,
  organizations: Organizations,
): Workflow | undefined => organizations.get(organizationId)?.scheduled.find(({ id }) => id === workflowId);

/** The last due time that has come, unless it came too long ago, and the first that has not. */
function dueTimes(
  { definition }: Workflow,
  { dueAtMs, nowMs }: DueWorkflow,
  { calendar, catchUpMs }: ScheduleDependencies,
): { runAtMs?: number; nextAtMs?: number } {
  const { schedule, timezone } = definition.trigger;
  const cron = { schedule: schedule!, ...(timezone !== undefined && { timezone }) };
  const earliestMs = nowMs - catchUpMs;
  let runAtMs = dueAtMs >= earliestMs ? dueAtMs : undefined;
  let nextAtMs = calendar.nextAfter(cron, Math.max(dueAtMs, earliestMs - 1));
  while (nextAtMs !== undefined && nextAtMs <= nowMs) {
    runAtMs = nextAtMs;
    nextAtMs = calendar.nextAfter(cron, nextAtMs);
  }
  return { ...(runAtMs !== undefined && { runAtMs }), ...(nextAtMs !== undefined && { nextAtMs }) };
}

/**
 * Carries out one claimed run for a turn, chunk after chunk of the organisation's contacts, newest first. Each chunk is stored together
 * with how far the run has come, so that a crash costs no contact and starts nobody twice. Gives whether there was a run.
 */
export function carryOutRun(use: ScheduleDependencies) {
  return async (isStopped: () => boolean): Promise<boolean> => {
    let run: ScheduleRun | undefined = await use.schedules.claim(LEASE_MS);
    if (!run) return false;
    for (let left = CHUNKS_PER_TURN; run && left > 0 && !isStopped(); left--) run = await chunk(run, use);
    // The next who looks takes it on, after all that are free by now.
    if (run) await use.schedules.release(run);
    return true;
  };
}

/** Gives where the run stands after it, the same place when something had changed; `undefined`: we have no more to do with it. */
async function chunk(run: ScheduleRun, use: ScheduleDependencies): Promise<ScheduleRun | undefined> {
  const { organizationId, dueAtMs } = run;
  const organizations = await use.workflows.load([organizationId]);
  const workflow = scheduledWorkflow(run, organizations);
  if (!workflow) {
    await setAside(run, organizations, use);
    return undefined;
  }
  const [{ items, nextCursor }, nowMs] = await Promise.all([
    use.contacts.page(organizationId, run.cursor, CONTACTS_PER_CHUNK),
    use.timers.nowMs(),
  ]);
  const refs = items.map(({ id }) => ({ organizationId, contactId: id }));
  const [settings, remembered] = await Promise.all([
    loadSettings(
      items.map(({ id }) => ({ workflow, contactId: id })),
      use.executions,
    ),
    workflow.looksBackMs > 0 ? use.executions.remembered(refs) : new Map<string, never>(),
  ]);
  const { effects, started, refused } = decideScheduled(
    { workflow, dueAtMs, nowMs },
    items,
    { ...settings, remembered },
    { newId: use.newId, applyUpdates: use.contacts.apply },
  );
  const held = { organizations, settings };
  // Others start executions of the workflow at the same time: this one always goes alone.
  const commit = await toEffectsCommit(effects, held, use.partitionOf, { ...use, slack: Infinity });
  const version = organizations.get(organizationId)!.version;
  const schedule = { run, to: nextCursor, started, refused, leaseMs: LEASE_MS };
  const unchanged = new Map([[organizationId, version]]);
  if (!(await use.writer.commit({ ...commit, unchanged, schedule }))) {
    return (await use.schedules.isAt(run)) ? run : undefined;
  }
  await use.outbox.carryOut(commit.outbox);
  return nextCursor === null ? undefined : { ...run, cursor: nextCursor };
}

/** A paused workflow may be enabled again soon: its run is looked at whenever its lease ends. One that is archived or of another kind is over. */
async function setAside(
  run: ScheduleRun,
  organizations: Organizations,
  { schedules, timers, catchUpMs }: ScheduleDependencies,
): Promise<void> {
  const isPaused = organizations.get(run.organizationId)?.statuses.get(run.workflowId) === 'paused';
  if (isPaused && (await timers.nowMs()) <= run.dueAtMs + catchUpMs) return;
  await schedules.finish(run);
}
