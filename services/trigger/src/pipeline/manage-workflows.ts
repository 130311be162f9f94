import { Problem, type WorkflowDefinition, type WorkflowStatus } from '@trackline/contracts';
import { isUuid } from '@trackline/kernel';
import type { Calendar } from '../domain/schedule.ts';
import { validateDefinition, type DefinitionShapes } from '../domain/validate-definition.ts';
import type { ListPage, WorkflowChange, WorkflowRecord, WorkflowStore } from '../ports.ts';
import { definitionShapes } from './definition-shapes.ts';

export interface WorkflowDependencies {
  readonly store: WorkflowStore;
  readonly newId: () => string;
  readonly nowMs: () => number;
  readonly calendar: Calendar;
}

/** Workflows as their owners manage them. Refusals are thrown as `Problem`. */
export class ManageWorkflows {
  private readonly use: WorkflowDependencies;
  private readonly shapes: DefinitionShapes;

  constructor(use: WorkflowDependencies) {
    this.use = use;
    this.shapes = definitionShapes(use.calendar);
  }

  async create(organizationId: string, body: unknown, enable: boolean): Promise<WorkflowRecord> {
    const definition = checked(body, this.shapes);
    const nowMs = this.use.nowMs();
    const workflow: WorkflowRecord = {
      id: this.use.newId(),
      organizationId,
      name: definition.name,
      status: enable ? 'enabled' : 'draft',
      version: 1,
      definition,
      createdAtMs: nowMs,
      updatedAtMs: nowMs,
    };
    await this.use.store.create(workflow);
    return workflow;
  }

  async find(organizationId: string, id: string): Promise<WorkflowRecord> {
    const workflow = isUuid(id) ? await this.use.store.find(organizationId, id) : undefined;
    return workflow ?? notFound();
  }

  list(
    organizationId: string,
    page: ListPage & { readonly status?: WorkflowStatus },
  ): Promise<WorkflowRecord[]> {
    return this.use.store.list(organizationId, page);
  }

  replace(organizationId: string, id: string, body: unknown): Promise<WorkflowRecord> {
    const definition = checked(body, this.shapes);
    return this.change(organizationId, id, ({ status }) => {
      if (status === 'archived') throw archived();
      return { kind: 'definition', definition };
    });
  }

  /** Asking for the status that it has changes nothing. */
  setStatus(
    organizationId: string,
    id: string,
    status: 'enabled' | 'paused' | 'archived',
  ): Promise<WorkflowRecord> {
    return this.change(organizationId, id, (workflow) => {
      if (workflow.status === status) return undefined;
      if (workflow.status === 'archived') throw archived();
      if (status === 'paused' && workflow.status === 'draft')
        throw new Problem('CONFLICT', 'A draft runs nothing that could be paused: enable it first.');
      return { kind: 'status', status };
    });
  }

  private async change(
    organizationId: string,
    id: string,
    decide: (workflow: WorkflowRecord) => WorkflowChange | undefined,
  ): Promise<WorkflowRecord> {
    const changed = isUuid(id) ? await this.use.store.change(organizationId, id, decide) : undefined;
    return changed ?? notFound();
  }
}

function checked(body: unknown, shapes: DefinitionShapes): WorkflowDefinition {
  const validation = validateDefinition(body, shapes);
  if (validation.ok) return validation.value;
  const { issues } = validation;
  const first = issues[0]!;
  const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : '';
  throw new Problem(
    'VALIDATION_FAILED',
    `The workflow is not right${first.path && ` at ${first.path}`}: ${first.message}${more}`,
    { details: issues },
  );
}

const archived = (): Problem =>
  new Problem('CONFLICT', 'The workflow is archived, and that is for good: create a new one.');

function notFound(): never {
  throw new Problem('NOT_FOUND', 'There is no such workflow.');
}
