import { Body, Controller, Inject, Param, Query, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import {
  cancelExecution,
  countSteps,
  encodeProperties,
  findExecutions,
  getExecution,
  getStatistics,
  listExecutions,
  numbersAsSent,
  numbersAt,
  Problem,
  retryExecution,
  triggerWorkflow,
  type Execution,
  type WorkflowStatistics,
} from '@trackline/contracts';
import { CurrentOrganization, type Organization } from '@trackline/directory';
import { Route } from '@trackline/http';
import { readProperties } from '../../domain/read-properties.ts';
import type { ManageWorkflows } from '../../pipeline/manage-workflows.ts';
import type { ReadExecutions } from '../../pipeline/read-executions.ts';
import type { RunByHand } from '../../pipeline/run-by-hand.ts';
import {
  executionCursor,
  toDays,
  toExecutionAnswer,
  toExecutionFilter,
  toPage,
  toStatisticsAnswer,
  type ExecutionsQuery,
} from './answers.ts';
import { MANAGE_WORKFLOWS } from './workflows.controller.ts';

export const RUN_BY_HAND = Symbol('RunByHand');
export const READ_EXECUTIONS = Symbol('ReadExecutions');

interface TriggerBody {
  contactId?: string;
  contactEmail?: string;
  data?: Record<string, unknown>;
}

@Controller()
export class ExecutionsController {
  constructor(
    @Inject(MANAGE_WORKFLOWS) private readonly workflows: ManageWorkflows,
    @Inject(RUN_BY_HAND) private readonly executions: RunByHand,
    @Inject(READ_EXECUTIONS) private readonly reader: ReadExecutions,
  ) {}

  @Route(triggerWorkflow)
  async trigger(
    @CurrentOrganization() { id }: Organization,
    @Param('id') workflowId: string,
    @Body() { data, contactId, contactEmail }: TriggerBody,
    @Req() request: FastifyRequest,
  ) {
    const numbers = numbersAsSent(request.rawBody?.toString('utf8') ?? '');
    const encoded = encodeProperties(data, '/data', numbersAt(numbers, 'data'));
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
    const executionId = await this.executions.start(workflow, by, readProperties(encoded.json));
    return { success: true, executionId };
  }

  @Route(listExecutions)
  async list(
    @CurrentOrganization() { id }: Organization,
    @Param('id') workflowId: string,
    @Query() query: ExecutionsQuery,
  ) {
    const workflow = await this.workflows.find(id, workflowId);
    return this.page(id, { ...query, workflowId: workflow.id });
  }

  @Route(findExecutions)
  find(@CurrentOrganization() { id }: Organization, @Query() query: ExecutionsQuery) {
    return this.page(id, query);
  }

  @Route(countSteps)
  async steps(@CurrentOrganization() { id }: Organization, @Param('id') workflowId: string) {
    const items = await this.reader.steps(await this.workflows.find(id, workflowId));
    return { items };
  }

  @Route(getStatistics)
  async statistics(
    @CurrentOrganization() { id }: Organization,
    @Param('id') workflowId: string,
    @Query() query: { from?: string; to?: string },
  ): Promise<WorkflowStatistics> {
    const workflow = await this.workflows.find(id, workflowId);
    const days = toDays(query, Date.now());
    return toStatisticsAnswer(workflow.id, days, await this.reader.statistics(workflow, days));
  }

  @Route(getExecution)
  async get(
    @CurrentOrganization() { id }: Organization,
    @Param('id') executionId: string,
  ): Promise<Execution> {
    return toExecutionAnswer(await this.reader.find(id, executionId));
  }

  @Route(cancelExecution)
  async cancel(
    @CurrentOrganization() organization: Organization,
    @Param('id') executionId: string,
  ): Promise<Execution> {
    await this.executions.cancel(organization.id, executionId);
    return this.get(organization, executionId);
  }

  @Route(retryExecution)
  async retry(
    @CurrentOrganization() organization: Organization,
    @Param('id') executionId: string,
  ): Promise<Execution> {
    await this.executions.retry(organization.id, executionId);
    return this.get(organization, executionId);
  }

  private async page(organizationId: string, query: ExecutionsQuery) {
    const { size, ...filter } = toExecutionFilter(query);
    const found = await this.reader.list(organizationId, filter);
    return toPage(found.map(toExecutionAnswer), size, executionCursor);
  }
}
