import {
  MAX_PAGE,
  pageSize,
  Problem,
  type Execution as ExecutionAnswer,
  type ExecutionStatus,
  type ExecutionStep,
  type Workflow as WorkflowAnswer,
  type WorkflowStatistics as StatisticsAnswer,
} from '@trackline/contracts';
import { isUuid } from '@trackline/kernel';
import type { StepVisit } from '../../domain/execution.ts';
import type { ExecutionHistory, Statistics } from '../../pipeline/read-executions.ts';
import type { ExecutionFilter, ListPage, WorkflowRecord } from '../../ports.ts';

const iso = (ms: number): string => new Date(ms).toISOString();

export const toWorkflowAnswer = (workflow: WorkflowRecord): WorkflowAnswer => ({
  id: workflow.id,
  name: workflow.name,
  status: workflow.status,
  version: workflow.version,
  definition: workflow.definition,
  createdAt: iso(workflow.createdAtMs),
  updatedAt: iso(workflow.updatedAtMs),
});

const toStep = ({
  stepId,
  type,
  status,
  branch,
  startedAtMs,
  endedAtMs,
  detail,
}: StepVisit): ExecutionStep => ({
  id: stepId,
  type,
  status,
  ...(branch && { branch }),
  startedAt: iso(startedAtMs),
  ...(endedAtMs !== undefined && { endedAt: iso(endedAtMs) }),
  ...(detail && { detail }),
});

export const toExecutionAnswer = ({ execution, visits }: ExecutionHistory): ExecutionAnswer => ({
  id: execution.id,
  workflowId: execution.workflowId,
  workflowVersion: execution.workflowVersion,
  contactId: execution.contactId,
  status: execution.status,
  startedAt: iso(execution.startedAtMs),
  ...(execution.endedAtMs !== null && { endedAt: iso(execution.endedAtMs) }),
  ...(execution.reason !== null && { reason: execution.reason }),
  ...(execution.trigger.eventId !== null && { triggerEventId: execution.trigger.eventId }),
  steps: visits.map(toStep),
});

const foreignCursor = (): Problem =>
  new Problem('VALIDATION_FAILED', 'The cursor is not one of ours: give nextCursor of the page before.');

/** One more than asked for is read, to know whether there is a next page. */
export function toListPage({
  limit,
  cursor,
}: {
  limit?: string;
  cursor?: string;
}): ListPage & { size: number } {
  const size = Math.min(MAX_PAGE, pageSize(limit));
  if (cursor === undefined) return { limit: size + 1, size };
  const after = Buffer.from(cursor, 'base64url').toString('latin1');
  if (!isUuid(after)) throw foreignCursor();
  return { limit: size + 1, size, after };
}

export function toPage<Item extends { readonly id: string }>(
  found: readonly Item[],
  size: number,
  cursorOf: (last: Item) => string = ({ id }) => id,
): { items: Item[]; nextCursor: string | null } {
  const items = found.slice(0, size);
  const last = found.length > size ? items.at(-1) : undefined;
  return { items, nextCursor: last ? Buffer.from(cursorOf(last), 'latin1').toString('base64url') : null };
}

export interface ExecutionsQuery {
  readonly limit?: string;
  readonly cursor?: string;
  readonly workflowId?: string;
  readonly contactId?: string;
  readonly status?: ExecutionStatus;
  readonly from?: string;
  readonly to?: string;
}

export function toExecutionFilter({
  limit,
  cursor,
  from,
  to,
  ...equal
}: ExecutionsQuery): ExecutionFilter & { size: number } {
  const size = Math.min(MAX_PAGE, pageSize(limit));
  return {
    ...equal,
    limit: size + 1,
    size,
    ...(cursor !== undefined && { after: fromExecutionCursor(cursor) }),
    ...(from !== undefined && { fromMs: toMoment('from', from) }),
    ...(to !== undefined && { toMs: toMoment('to', to) }),
  };
}

export const executionCursor = ({ startedAt, id }: Pick<ExecutionAnswer, 'startedAt' | 'id'>): string =>
  `${Date.parse(startedAt)}.${id}`;

function fromExecutionCursor(cursor: string): { startedAtMs: number; id: string } {
  const [ms = '', id = ''] = Buffer.from(cursor, 'base64url').toString('latin1').split('.');
  if (!/^\d{1,15}$/.test(ms) || !isUuid(id)) throw foreignCursor();
  return { startedAtMs: Number(ms), id };
}

const MOMENT = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d))?$/;

function toMoment(name: 'from' | 'to', text: string): number {
  const ms = MOMENT.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isFinite(ms)) return ms;
  const message = `${name} must be ISO 8601 with a zone, as in 2026-11-20T10:00:00Z, or a date (UTC)`;
  throw new Problem('VALIDATION_FAILED', `${message}.`, { details: [{ path: `/${name}`, message }] });
}

const DAY_MS = 86_400_000;
const DEFAULT_DAYS = 30;

/** Dates, both included; by default the last 30 days up to today. */
export function toDays({ from, to }: { from?: string; to?: string }, nowMs: number) {
  const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
  const last = to === undefined ? nowMs : toMoment('to', to);
  const first = from === undefined ? last - (DEFAULT_DAYS - 1) * DAY_MS : toMoment('from', from);
  return { from: day(first), to: day(last) };
}

export const toStatisticsAnswer = (
  workflowId: string,
  days: { readonly from: string; readonly to: string },
  { running, happened, refusedBecause, lastRefused }: Statistics,
): StatisticsAnswer => ({
  workflowId,
  ...days,
  running,
  ...happened,
  refusedBecause: [...refusedBecause],
  lastRefused: lastRefused.map(({ contactId, eventId, reason, atMs }) => ({
    contactId,
    ...(eventId !== null && { eventId }),
    reason,
    at: iso(atMs),
  })),
});
