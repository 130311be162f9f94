import type { WorkflowDefinition } from '@trackline/contracts';
import { toWorkflow, type Execution, type Workflow } from '../domain/execution.ts';
import { NO_WORKFLOWS, toOrganizationWorkflows, type OrganizationWorkflows } from '../domain/organization.ts';
import type { OrganizationIndex, VersionRef, WorkflowReader } from '../ports.ts';
import { BoundedMap } from './bounded-map.ts';

const MAX_ORGANIZATIONS = 20_000;
const MAX_VERSIONS = 50_000;

type WorkflowVersion = Omit<Workflow, 'status'>;

const versionKey = ({ workflowId, version }: VersionRef): string => `${workflowId}@${version}`;

export type Organizations = ReadonlyMap<string, OrganizationWorkflows>;

/**
 * Workflows in memory. A version of a definition never changes; which ones an organisation has, and how they stand, is held
 * against its version number with one cheap read per batch, so that a change is in force for the next event on every instance.
 */
export class KnownWorkflows {
  private readonly reader: WorkflowReader;
  private readonly organizations = new BoundedMap<string, OrganizationWorkflows>(MAX_ORGANIZATIONS);
  private readonly versions = new BoundedMap<string, WorkflowVersion>(MAX_VERSIONS);

  constructor(reader: WorkflowReader) {
    this.reader = reader;
  }

  /** As they stand now. */
  async load(organizationIds: Iterable<string>): Promise<Organizations> {
    const ids = [...new Set(organizationIds)];
    if (ids.length === 0) return new Map();
    const current = await this.reader.versions(ids);
    const known = new Map<string, OrganizationWorkflows>();
    const stale: string[] = [];
    for (const id of ids) {
      const version = current.get(id) ?? 0;
      const cached = version === 0 ? NO_WORKFLOWS : this.organizations.get(id);
      if (cached?.version === version) known.set(id, cached);
      else stale.push(id);
    }
    if (stale.length > 0) for (const [id, found] of await this.reload(stale)) known.set(id, found);
    return known;
  }

  /** The version that each execution started with, with the status that its workflow has in `organizations`. */
  async workflowsOf(
    executions: readonly Execution[],
    organizations: Organizations,
  ): Promise<(execution: Execution) => Workflow | undefined> {
    const refs = executions.map(({ workflowId, workflowVersion: version }) => ({ workflowId, version }));
    const versions = await this.find(refs);
    return ({ organizationId, workflowId, workflowVersion }) => {
      const version = versions.get(versionKey({ workflowId, version: workflowVersion }));
      const status = organizations.get(organizationId)?.statuses.get(workflowId);
      return version && status ? { ...version, status } : undefined;
    };
  }

  /** The type of each step, in the order of the definition, for each of these versions that there is. */
  async stepTypes(
    workflowId: string,
    versions: readonly number[],
  ): Promise<ReadonlyMap<number, ReadonlyMap<string, string>>> {
    const found = await this.find(versions.map((version) => ({ workflowId, version })));
    return new Map(
      [...found.values()].map(({ version, definition }) => [version, typesOf(definition.steps)]),
    );
  }

  private async reload(ids: readonly string[]): Promise<Organizations> {
    const indices = await this.reader.indices(ids);
    const versions = await this.find([...indices.values()].flatMap(enabledRefs));
    const loaded = new Map<string, OrganizationWorkflows>();
    for (const [id, index] of indices) {
      const enabled = enabledRefs(index).flatMap((ref): Workflow[] => {
        const version = versions.get(versionKey(ref));
        return version ? [{ ...version, status: 'enabled' }] : [];
      });
      const statuses = new Map(index.workflows.map((workflow) => [workflow.id, workflow.status]));
      const { version, waitedFor, lookedBack } = index;
      loaded.set(id, toOrganizationWorkflows({ version, statuses, enabled, waitedFor, lookedBack }));
    }
    for (const [id, organization] of loaded) this.organizations.set(id, organization);
    return loaded;
  }

  private async find(refs: readonly VersionRef[]): Promise<ReadonlyMap<string, WorkflowVersion>> {
    const found = new Map<string, WorkflowVersion>();
    const missing = new Map<string, VersionRef>();
    for (const ref of refs) {
      const key = versionKey(ref);
      const version = this.versions.get(key);
      if (version) found.set(key, version);
      else missing.set(key, ref);
    }
    if (missing.size === 0) return found;
    for (const { workflowId, version, organizationId, definition } of await this.reader.definitions([
      ...missing.values(),
    ])) {
      const { status: _, ...workflow } = toWorkflow({
        id: workflowId,
        organizationId,
        version,
        definition,
        status: 'draft',
      });
      found.set(versionKey({ workflowId, version }), workflow);
      this.versions.set(versionKey({ workflowId, version }), workflow);
    }
    return found;
  }
}

const enabledRefs = ({ workflows }: OrganizationIndex): VersionRef[] =>
  workflows
    .filter(({ status }) => status === 'enabled')
    .map(({ id, version }) => ({ workflowId: id, version }));

function typesOf(
  steps: WorkflowDefinition['steps'],
  types = new Map<string, string>(),
): ReadonlyMap<string, string> {
  for (const { id, type, branches } of steps) {
    types.set(id, type);
    typesOf(branches?.yes ?? [], types);
    typesOf(branches?.no ?? [], types);
  }
  return types;
}
