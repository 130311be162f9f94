import { Body, Controller, Inject, Param, Query } from '@nestjs/common';
import {
  archiveWorkflow,
  createWorkflow,
  enableWorkflow,
  getWorkflow,
  listWorkflows,
  pauseWorkflow,
  replaceWorkflow,
  type Workflow,
  type WorkflowStatus,
} from '@trackline/contracts';
import { CurrentOrganization, type Organization } from '@trackline/directory';
import { Route } from '@trackline/http';
import type { ManageWorkflows } from '../../pipeline/manage-workflows.ts';
import { toListPage, toPage, toWorkflowAnswer } from './answers.ts';

export const MANAGE_WORKFLOWS = Symbol('ManageWorkflows');

interface WorkflowsQuery {
  limit?: string;
  cursor?: string;
  status?: WorkflowStatus;
}

@Controller()
export class WorkflowsController {
  constructor(@Inject(MANAGE_WORKFLOWS) private readonly workflows: ManageWorkflows) {}

  @Route(createWorkflow)
  async create(
    @CurrentOrganization() { id }: Organization,
    @Body() body: unknown,
    @Query('enable') enable?: string,
  ): Promise<Workflow> {
    return toWorkflowAnswer(await this.workflows.create(id, body, enable === 'true'));
  }

  @Route(listWorkflows)
  async list(@CurrentOrganization() { id }: Organization, @Query() query: WorkflowsQuery) {
    const { size, ...page } = toListPage(query);
    const { status } = query;
    const found = await this.workflows.list(id, { ...page, ...(status && { status }) });
    return toPage(found.map(toWorkflowAnswer), size);
  }

  @Route(getWorkflow)
  async get(@CurrentOrganization() { id }: Organization, @Param('id') workflowId: string): Promise<Workflow> {
    return toWorkflowAnswer(await this.workflows.find(id, workflowId));
  }

  @Route(replaceWorkflow)
  async replace(
    @CurrentOrganization() { id }: Organization,
    @Param('id') workflowId: string,
    @Body() body: unknown,
  ): Promise<Workflow> {
    return toWorkflowAnswer(await this.workflows.replace(id, workflowId, body));
  }

  @Route(enableWorkflow)
  async enable(
    @CurrentOrganization() { id }: Organization,
    @Param('id') workflowId: string,
  ): Promise<Workflow> {
    return toWorkflowAnswer(await this.workflows.setStatus(id, workflowId, 'enabled'));
  }

  @Route(pauseWorkflow)
  async pause(
    @CurrentOrganization() { id }: Organization,
    @Param('id') workflowId: string,
  ): Promise<Workflow> {
    return toWorkflowAnswer(await this.workflows.setStatus(id, workflowId, 'paused'));
  }

  @Route(archiveWorkflow)
  async archive(
    @CurrentOrganization() { id }: Organization,
    @Param('id') workflowId: string,
  ): Promise<Workflow> {
    return toWorkflowAnswer(await this.workflows.setStatus(id, workflowId, 'archived'));
  }
}
