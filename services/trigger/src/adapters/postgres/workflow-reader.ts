import type { WorkflowDefinition, WorkflowStatus } from '@trackline/contracts';
import type { Database } from '@trackline/postgres';
import type { OrganizationIndex, WorkflowReader } from '../../ports.ts';

/** One statement, hence one snapshot: a version with rows that are older than it would be kept for ever. */
const INDICES = `
  SELECT o.organization_id, o.version,
    coalesce((SELECT json_agg(json_build_object('id', w.id, 'status', w.status, 'version', w.version) ORDER BY w.id)
              FROM trigger.workflow w WHERE w.organization_id = o.organization_id), '[]') AS workflows,
    ARRAY(SELECT DISTINCT name FROM trigger.workflow_version v, unnest(v.wait_event_names) AS name
          WHERE v.organization_id = o.organization_id AND v.wait_event_names <> '{}') AS waited_for,
    ARRAY(SELECT v.looked_back FROM trigger.workflow_version v JOIN trigger.workflow w ON w.id = v.workflow_id
          WHERE v.organization_id = o.organization_id AND v.looked_back <> '{}'
            AND w.status IN ('enabled', 'paused')) AS looked_back
  FROM trigger.organization_version o WHERE o.organization_id = ANY ($1::uuid[])`;

interface IndexRow {
  organization_id: string;
  version: number;
  workflows: { id: string; status: WorkflowStatus; version: number }[];
  waited_for: string[];
  looked_back: Record<string, number>[];
}

export const workflowReader = (database: Database): WorkflowReader => ({
  async versions(organizationIds) {
    const { rows } = await database.query<{ organization_id: string; version: number }>({
      name: 'trigger.versions',
      text: `SELECT organization_id, version FROM trigger.organization_version WHERE organization_id = ANY ($1::uuid[])`,
      values: [organizationIds],
    });
    return new Map(rows.map((row) => [row.organization_id, row.version]));
  },

  async indices(organizationIds) {
    const { rows } = await database.query<IndexRow>({
      name: 'trigger.indices',
      text: INDICES,
      values: [organizationIds],
    });
    return new Map(
      rows.map(
        ({ organization_id, version, workflows, waited_for, looked_back }): [string, OrganizationIndex] => [
          organization_id,
          {
            version,
            workflows,
            waitedFor: waited_for,
            lookedBack: looked_back.flatMap((names) => Object.entries(names)),
          },
        ],
      ),
    );
  },

  async definitions(refs) {
    const { rows } = await database.query<{
      workflow_id: string;
      version: number;
      organization_id: string;
      definition: WorkflowDefinition;
    }>({
      name: 'trigger.definitions',
      text: `SELECT v.workflow_id, v.version, v.organization_id, v.definition
             FROM unnest($1::uuid[], $2::int[]) AS q (workflow_id, version)
             JOIN trigger.workflow_version v ON v.workflow_id = q.workflow_id AND v.version = q.version`,
      values: [refs.map((ref) => ref.workflowId), refs.map((ref) => ref.version)],
    });
    return rows.map(({ workflow_id, version, organization_id, definition }) => ({
      workflowId: workflow_id,
      version,
      organizationId: organization_id,
      definition,
    }));
  },
});
