import type { EncodedMessage, RawMessage } from './headers.ts';
import { contactKey, required } from './headers.ts';
import { EXECUTIONS } from '../topics.ts';

/** One thing that happened to an execution. */
export interface ExecutionProgress {
  /** Unique per thing that happened: a message seen again has no second effect. */
  readonly id: string;
  readonly organizationId: string;
  readonly contactId: string;
  readonly executionId: string;
  readonly workflowId: string;
  readonly workflowVersion: number;
  /** With `started`: as the workflow is called in the version that began. */
  readonly workflowName?: string;
  readonly effect: 'started' | 'resumed' | 'refused' | 'ended';
  /** The event that did it; absent for timeouts and manual starts. */
  readonly eventId?: string;
  /** Why it was refused, or how it ended. */
  readonly reason?: string;
  readonly status: string;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
}

export const encodeExecution = (progress: ExecutionProgress): EncodedMessage => ({
  topic: EXECUTIONS,
  key: contactKey(progress.organizationId, progress.contactId),
  value: JSON.stringify(progress),
  headers: {
    ce_specversion: '1.0',
    ce_id: progress.id,
    ce_type: `com.trackline.execution.${progress.effect}`,
    ce_source: `/organizations/${progress.organizationId}/workflows/${progress.workflowId}`,
    ce_time: new Date(progress.atMs).toISOString(),
    ce_organization: progress.organizationId,
    ce_contact: progress.contactId,
    'content-type': 'application/json',
  },
});

export function decodeExecution(message: RawMessage): ExecutionProgress {
  required(message.headers, 'ce_id');
  return JSON.parse((message.value ?? Buffer.from('{}')).toString('utf8')) as ExecutionProgress;
}
