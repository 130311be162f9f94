import type { ExecutionStatus } from '@trackline/contracts';
import type { Execution, StepVisit } from '../../domain/execution.ts';
import type { EventView } from '../../domain/fields.ts';
import type { TakenEvent } from '../../domain/remembered.ts';

export interface ExecutionRow {
  id: string;
  organization_id: string;
  workflow_id: string;
  workflow_version: number;
  contact_id: string;
  status: ExecutionStatus;
  reason: string | null;
  step_id: string | null;
  visits: number;
  revision: number;
  waits_for: string[];
  due_at: Date | null;
  entered_at: Date;
  held: boolean;
  trigger: EventView;
  resumes: Record<string, EventView>;
  latest_resume: string | null;
  requested: Record<string, number>;
  taken: TakenEvent[];
  retry_from: string | null;
  started_at: Date;
  moved_at: Date;
  ended_at: Date | null;
  sole: boolean;
}

/** Of `trigger.execution AS e`. */
export const EXECUTION_COLUMNS = `e.id, e.organization_id, e.workflow_id, e.workflow_version, e.contact_id, e.status,
  e.reason, e.step_id, e.visits, e.revision, e.waits_for, e.due_at, e.entered_at, e.trigger, e.resumes, e.latest_resume,
  e.requested, e.taken, e.retry_from, e.started_at, e.moved_at, e.ended_at, e.sole, e.held`;

export const fromExecutionRow = (row: ExecutionRow): Execution => ({
  id: row.id,
  organizationId: row.organization_id,
  workflowId: row.workflow_id,
  workflowVersion: row.workflow_version,
  contactId: row.contact_id,
  status: row.status,
  reason: row.reason,
  stepId: row.step_id,
  visits: row.visits,
  revision: row.revision,
  waitsFor: row.waits_for,
  dueAtMs: row.due_at?.getTime() ?? null,
  enteredAtMs: row.entered_at.getTime(),
  held: row.held,
  trigger: row.trigger,
  resumes: row.resumes,
  latestResume: row.latest_resume,
  requested: row.requested,
  taken: row.taken,
  retryFrom: row.retry_from,
  startedAtMs: row.started_at.getTime(),
  movedAtMs: row.moved_at.getTime(),
  endedAtMs: row.ended_at?.getTime() ?? null,
  sole: row.sole,
});

export interface StepRow {
  visit: number;
  step_id: string;
  type: string;
  status: StepVisit['status'];
  branch: 'yes' | 'no' | null;
  started_at: Date;
  ended_at: Date | null;
  detail: Record<string, unknown> | null;
}

export const fromStepRow = (row: StepRow): StepVisit => ({
  visit: row.visit,
  stepId: row.step_id,
  type: row.type,
  status: row.status,
  ...(row.branch && { branch: row.branch }),
  startedAtMs: row.started_at.getTime(),
  ...(row.ended_at && { endedAtMs: row.ended_at.getTime() }),
  ...(row.detail && { detail: row.detail }),
});

/** As a parameter of type timestamptz. */
export const toTime = (ms: number | null | undefined): string | null =>
  ms === null || ms === undefined ? null : new Date(ms).toISOString();

/** Sorts before every id that is made in this millisecond or later. */
export function firstIdOf(ms: number): string {
  const time = Math.max(0, ms).toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-0000-0000-000000000000`;
}
