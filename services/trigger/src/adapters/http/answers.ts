import {
  MAX_PAGE,
  pageSize,
  Problem,
  type Execution as ExecutionAnswer,
  type ExecutionStep,
  type Workflow as WorkflowAnswer,
} from '@trackline/contracts';
import { isUuid } from '@trackline/kernel';
import type { StepVisit } from '../../domain/execution.ts';
import type { ExecutionHistory } from '../../pipeline/run-by-hand.ts';
import type { ListPage, WorkflowRecord } from '../../ports.ts';

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
  if (!isUuid(after)) {
    throw new Problem(
      'VALIDATION_FAILED',
      'The cursor is not one of ours: give nextCursor of the page before.',
    );
  }
  return { limit: size + 1, size, after };
}

export function toPage<Item extends { readonly id: string }>(
  found: readonly Item[],
  size: number,
): { items: Item[]; nextCursor: string | null } {
  const items = found.slice(0, size);
  const last = found.length > size ? items.at(-1) : undefined;
  return { items, nextCursor: last ? Buffer.from(last.id, 'latin1').toString('base64url') : null };
}
