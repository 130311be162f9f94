import { Type, type Static } from '@sinclair/typebox';
import { defineRoute } from '../route.ts';
import { Cursor, Id, Limit, Page, Properties, Timestamp } from '../schemas.ts';
import { oneOf, WorkflowBody } from '../workflow-definition.ts';
import type { ErrorCode } from '../errors.ts';

export const WORKFLOW_STATUSES = ['draft', 'enabled', 'paused', 'archived'] as const;
export type WorkflowStatus = (typeof WORKFLOW_STATUSES)[number];

export const EXECUTION_STATUSES = [
  'active',
  'waiting',
  'delayed',
  'paused',
  'completed',
  'failed',
  'cancelled',
] as const;
export type ExecutionStatus = (typeof EXECUTION_STATUSES)[number];

export const Workflow = Type.Object({
  id: Id,
  name: Type.String(),
  status: oneOf(WORKFLOW_STATUSES, 'Only an enabled workflow starts executions.'),
  version: Type.Integer({ description: 'Counts up with each new definition.' }),
  definition: WorkflowBody,
  createdAt: Timestamp,
  updatedAt: Timestamp,
});
export type Workflow = Static<typeof Workflow>;

export const ExecutionStep = Type.Object({
  id: Type.String({ description: "The step's id in the definition." }),
  type: Type.String(),
  status: oneOf(['waiting', 'completed', 'failed', 'cancelled'] as const, 'Of this visit.'),
  branch: Type.Optional(oneOf(['yes', 'no'] as const, 'Which way it went on.')),
  startedAt: Timestamp,
  endedAt: Type.Optional(Timestamp),
  detail: Type.Optional(
    Type.Unknown({ description: 'What it compared, waits for, changed or was ended by.' }),
  ),
});
export type ExecutionStep = Static<typeof ExecutionStep>;

export const Execution = Type.Object({
  id: Id,
  workflowId: Id,
  workflowVersion: Type.Integer({ description: 'The definition it started with and keeps.' }),
  contactId: Id,
  status: oneOf(
    EXECUTION_STATUSES,
    'waiting: for an event. delayed: until a time. paused: its turn has come while the workflow is paused.',
  ),
  startedAt: Timestamp,
  endedAt: Type.Optional(Timestamp),
  reason: Type.Optional(Type.String({ description: 'Why it ended as it did, where there is more to say.' })),
  triggerEventId: Type.Optional(Id),
  steps: Type.Array(ExecutionStep, { description: 'What it has been through, in order.' }),
});
export type Execution = Static<typeof Execution>;

const params = Type.Object({ id: Id });
const usual = ['UNAUTHORIZED', 'FORBIDDEN', 'UNAVAILABLE'] as const satisfies ErrorCode[];
const one = { description: 'The workflow.', schema: Workflow };

export const createWorkflow = defineRoute({
  id: 'createWorkflow',
  service: 'trigger',
  method: 'POST',
  path: '/v1/workflows',
  auth: 'manage',
  tag: 'Workflows',
  summary: 'Create a workflow',
  description:
    'A draft, unless `?enable=true`. The definition is checked whole; each issue is told with its path.',
  query: Type.Object({
    enable: Type.Optional(
      Type.String({
        pattern: '^(true|false)$',
        description: '`true`: enable it at once.',
        message: 'enable must be true or false',
      }),
    ),
  }),
  body: WorkflowBody,
  responses: { 201: one },
  errors: ['MALFORMED_REQUEST', 'VALIDATION_FAILED', 'PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE', ...usual],
});

export const listWorkflows = defineRoute({
  id: 'listWorkflows',
  service: 'trigger',
  method: 'GET',
  path: '/v1/workflows',
  auth: 'read',
  tag: 'Workflows',
  summary: 'List workflows, newest first',
  query: Type.Object({
    status: Type.Optional(oneOf(WORKFLOW_STATUSES, 'Only those in this status.')),
    limit: Limit,
    cursor: Cursor,
  }),
  responses: { 200: { description: 'A page of workflows.', schema: Page(Workflow) } },
  errors: ['VALIDATION_FAILED', ...usual],
});

export const getWorkflow = defineRoute({
  id: 'getWorkflow',
  service: 'trigger',
  method: 'GET',
  path: '/v1/workflows/:id',
  auth: 'read',
  tag: 'Workflows',
  summary: 'One workflow with its definition',
  params,
  responses: { 200: one },
  errors: ['NOT_FOUND', ...usual],
});

export const replaceWorkflow = defineRoute({
  id: 'replaceWorkflow',
  service: 'trigger',
  method: 'PUT',
  path: '/v1/workflows/:id',
  auth: 'manage',
  tag: 'Workflows',
  summary: 'Give a workflow a new definition',
  description: 'Makes a new version. Running executions keep the one they started with.',
  params,
  body: WorkflowBody,
  responses: { 200: one },
  errors: [
    'MALFORMED_REQUEST',
    'VALIDATION_FAILED',
    'NOT_FOUND',
    'CONFLICT',
    'PAYLOAD_TOO_LARGE',
    'UNSUPPORTED_MEDIA_TYPE',
    ...usual,
  ],
});

const changeStatus = <const Id extends string, const Verb extends string>(
  id: Id,
  verb: Verb,
  summary: string,
  description: string,
) =>
  defineRoute({
    id,
    service: 'trigger',
    method: 'POST',
    path: `/v1/workflows/:id/${verb}`,
    auth: 'manage',
    tag: 'Workflows',
    summary,
    description,
    params,
    responses: { 200: one },
    errors: ['NOT_FOUND', 'CONFLICT', ...usual],
  });

export const enableWorkflow = changeStatus(
  'enableWorkflow',
  'enable',
  'Enable a workflow',
  'In force for the next event, on every instance. Executions that were held by a pause go on.',
);
export const pauseWorkflow = changeStatus(
  'pauseWorkflow',
  'pause',
  'Pause a workflow',
  'Starts nothing. Its waits still end by their event or timeout, but what comes after is held until it is enabled again.',
);
export const archiveWorkflow = changeStatus(
  'archiveWorkflow',
  'archive',
  'Put a workflow away for good',
  'Starts nothing; its running executions are cancelled within seconds.',
);

export const triggerWorkflow = defineRoute({
  id: 'triggerWorkflow',
  service: 'trigger',
  method: 'POST',
  path: '/v1/workflows/:id/trigger',
  auth: 'manage',
  tag: 'Workflows',
  summary: 'Start an execution by hand',
  description:
    'Of an enabled workflow, whatever its trigger. `data` takes the place of the event’s properties.',
  params,
  body: Type.Object({
    contactId: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
    contactEmail: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
    data: Type.Optional(Properties),
  }),
  responses: {
    200: {
      description: 'Started.',
      schema: Type.Object({ success: Type.Literal(true), executionId: Id }),
    },
  },
  errors: [
    'MALFORMED_REQUEST',
    'VALIDATION_FAILED',
    'CONTACT_NOT_FOUND',
    'NOT_FOUND',
    'CONFLICT',
    'PAYLOAD_TOO_LARGE',
    'UNSUPPORTED_MEDIA_TYPE',
    ...usual,
  ],
});

export const listExecutions = defineRoute({
  id: 'listExecutions',
  service: 'trigger',
  method: 'GET',
  path: '/v1/workflows/:id/executions',
  auth: 'read',
  tag: 'Executions',
  summary: 'Executions of a workflow, newest first',
  params,
  query: Type.Object({
    status: Type.Optional(oneOf(EXECUTION_STATUSES, 'Only those in this status.')),
    contactId: Type.Optional(Id),
    limit: Limit,
    cursor: Cursor,
  }),
  responses: { 200: { description: 'A page of executions.', schema: Page(Execution) } },
  errors: ['VALIDATION_FAILED', 'NOT_FOUND', ...usual],
});

export const getExecution = defineRoute({
  id: 'getExecution',
  service: 'trigger',
  method: 'GET',
  path: '/v1/executions/:id',
  auth: 'read',
  tag: 'Executions',
  summary: 'One execution, step by step',
  params,
  responses: { 200: { description: 'The execution.', schema: Execution } },
  errors: ['NOT_FOUND', ...usual],
});

export const cancelExecution = defineRoute({
  id: 'cancelExecution',
  service: 'trigger',
  method: 'POST',
  path: '/v1/executions/:id/cancel',
  auth: 'manage',
  tag: 'Executions',
  summary: 'Cancel a running execution',
  params,
  responses: { 200: { description: 'The execution.', schema: Execution } },
  errors: ['NOT_FOUND', 'CONFLICT', ...usual],
});

export const workflowRoutes = [
  createWorkflow,
  listWorkflows,
  getWorkflow,
  replaceWorkflow,
  enableWorkflow,
  pauseWorkflow,
  archiveWorkflow,
  triggerWorkflow,
  listExecutions,
  getExecution,
  cancelExecution,
];
