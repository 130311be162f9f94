import { Body, Controller, Inject, Param, Query } from '@nestjs/common';
import {
  cancelExecution,
  encodeProperties,
  getExecution,
  listExecutions,
  Problem,
  triggerWorkflow,
  type ExecutionStatus,
  type Execution,
} from '@trackline/contracts';
import { CurrentOrganization, type Organization } from '@trackline/directory';
import { Route } from '@trackline/http';
import type { ManageWorkflows } from '../../pipeline/manage-workflows.ts';
import type { RunByHand } from '../../pipeline/run-by-hand.ts';
import { toExecutionAnswer, toListPage, toPage } from './answers.ts';
import { MANAGE_WORKFLOWS } from './workflows.controller.ts';

export const RUN_BY_HAND = Symbol('RunByHand');

interface TriggerBody {
  contactId?: string;
  contactEmail?: string;
  data?: Record<string, unknown>;
}

interface ExecutionsQuery {
  limit?: string;
  cursor?: string;
  status?: ExecutionStatus;
  contactId?: string;
}

@Controller()
export class ExecutionsController {
  constructor(
    @Inject(MANAGE_WORKFLOWS) private readonly workflows: ManageWorkflows,
    @Inject(RUN_BY_HAND) private readonly executions: RunByHand,
  ) {}

  @Route(triggerWorkflow)
  async trigger(
    @CurrentOrganization() { id }: Organization,
    @Param('id') workflowId: string,
    @Body() { data, contactId, contactEmail }: TriggerBody,
  ) {
    const encoded = encodeProperties(data, '/data');
    if (!encoded.ok) {
      throw new Problem('VALIDATION_FAILED', `The data cannot be taken: ${encoded.issue.message}`, {
        details: [encoded.issue],
      });
    }
    const workflow = await this.workflows.find(id, workflowId);
    const by = {
      ...(contactId !== undefined && { contactId }),
      ...(contactEmail !== undefined && { contactEmail }),
    };
    return { success: true, executionId: await this.executions.start(workflow, by, data ?? {}) };
  }

  @Route(listExecutions)
  async list(
    @CurrentOrganization() { id }: Organization,
    @Param('id') workflowId: string,
    @Query() query: ExecutionsQuery,
  ) {
    const { size, ...page } = toListPage(query);
    const { status, contactId } = query;
    const workflow = await this.workflows.find(id, workflowId);
    const found = await this.executions.list(workflow.id, {
      ...page,
      ...(status && { status }),
      ...(contactId !== undefined && { contactId }),
    });
    return toPage(found.map(toExecutionAnswer), size);
  }

  @Route(getExecution)
  async get(
    @CurrentOrganization() { id }: Organization,
    @Param('id') executionId: string,
  ): Promise<Execution> {
    return toExecutionAnswer(await this.executions.find(id, executionId));
  }

  @Route(cancelExecution)
  async cancel(
    @CurrentOrganization() organization: Organization,
    @Param('id') executionId: string,
  ): Promise<Execution> {
    await this.executions.cancel(organization.id, executionId);
    return this.get(organization, executionId);
  }
}
