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

const executionsQuery = {
  status: Type.Optional(oneOf(EXECUTION_STATUSES, 'Only those in this status.')),
  contactId: Type.Optional(Id),
  from: Type.Optional(
    Type.String({
      description: 'Started at or after this moment: ISO 8601 with a zone, or a date (UTC).',
      examples: ['2026-11-01', '2026-11-20T10:00:00.000Z'],
    }),
  ),
  to: Type.Optional(Type.String({ description: 'Started before this moment.' })),
  limit: Limit,
  cursor: Cursor,
};
const executionsPage = { 200: { description: 'A page of executions.', schema: Page(Execution) } };

export const listExecutions = defineRoute({
  id: 'listExecutions',
  service: 'trigger',
  method: 'GET',
  path: '/v1/workflows/:id/executions',
  auth: 'read',
  tag: 'Executions',
  summary: 'Executions of a workflow, newest first',
  params,
  query: Type.Object(executionsQuery),
  responses: executionsPage,
  errors: ['VALIDATION_FAILED', 'NOT_FOUND', ...usual],
});

export const findExecutions = defineRoute({
  id: 'findExecutions',
  service: 'trigger',
  method: 'GET',
  path: '/v1/executions',
  auth: 'read',
  tag: 'Executions',
  summary: 'Executions of all workflows, newest first',
  query: Type.Object({ workflowId: Type.Optional(Id), ...executionsQuery }),
  responses: executionsPage,
  errors: ['VALIDATION_FAILED', ...usual],
});

const count = (description: string) => Type.Integer({ minimum: 0, description });

export const StepCounts = Type.Object({
  stepId: Type.String(),
  type: Type.String(),
  waiting: count('Executions that wait here for an event.'),
  delayed: count('Executions that are held here until a time.'),
  paused: count('Executions whose next step is this one, held by a pause of the workflow.'),
});

export const countSteps = defineRoute({
  id: 'countSteps',
  service: 'trigger',
  method: 'GET',
  path: '/v1/workflows/:id/steps',
  auth: 'read',
  tag: 'Workflows',
  summary: 'How many executions stand where, now',
  description:
    'Every step of the newest definition in its order, then steps of older versions at which somebody still stands.',
  params,
  responses: {
    200: { description: 'The steps.', schema: Type.Object({ items: Type.Array(StepCounts) }) },
  },
  errors: ['NOT_FOUND', ...usual],
});

export const WorkflowStatistics = Type.Object({
  workflowId: Id,
  from: Type.String({ description: 'The first day that is counted, UTC.' }),
  to: Type.String({ description: 'The last day that is counted, UTC.' }),
  running: Type.Object(
    {
      waiting: count('For an event.'),
      delayed: count('Until a time.'),
      paused: count('By a pause of the workflow.'),
    },
    { description: 'Now, whatever the days.' },
  ),
  started: count('Executions that were started in these days.'),
  resumed: count('How often one was resumed.'),
  refused: count('Entries that were refused.'),
  completed: count('Executions that ended so.'),
  failed: count('Executions that ended so; one that was retried and failed again counts twice.'),
  cancelled: count('Executions that ended so.'),
  refusedBecause: Type.Array(Type.Object({ reason: Type.String(), count: count('With this reason.') }), {
    description: 'The refused entries of these days by their reason, the most frequent first.',
  }),
  lastRefused: Type.Array(
    Type.Object({ contactId: Id, eventId: Type.Optional(Id), reason: Type.String(), at: Timestamp }),
    { description: 'The last refused entries, newest first; at most 20.' },
  ),
});
export type WorkflowStatistics = Static<typeof WorkflowStatistics>;

export const getStatistics = defineRoute({
  id: 'getStatistics',
  service: 'trigger',
  method: 'GET',
  path: '/v1/workflows/:id/statistics',
  auth: 'read',
  tag: 'Workflows',
  summary: 'What happened to the executions of a workflow',
  description: 'Counted in the transaction in which it happened. Days are UTC; default: the last 30 days.',
  params,
  query: Type.Object({
    from: Type.Optional(Type.String({ description: 'The first day.', examples: ['2026-11-01'] })),
    to: Type.Optional(Type.String({ description: 'The last day.' })),
  }),
  responses: { 200: { description: 'The counts.', schema: WorkflowStatistics } },
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

export const retryExecution = defineRoute({
  id: 'retryExecution',
  service: 'trigger',
  method: 'POST',
  path: '/v1/executions/:id/retry',
  auth: 'manage',
  tag: 'Executions',
  summary: 'Try a failed execution again, from the step that failed it',
  description:
    'It keeps the definition that it started with. Limits on how often a contact may enter are not asked again, but of a workflow with one execution per contact no other may be running.',
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
  countSteps,
  getStatistics,
  listExecutions,
  findExecutions,
  getExecution,
  cancelExecution,
  retryExecution,
];
