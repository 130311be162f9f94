import { uuidv7 } from '@trackline/kernel';
import type { Stage } from './stage.ts';

const AT_ONCE = 2_000;

const COPY = `
  WITH laid AS (
    SELECT * FROM unnest($2::uuid[], $3::uuid[], $4::text[]) AS laid (id, organization_id, event_name)
  ), workflows AS (
    INSERT INTO trigger.workflow
    SELECT copy.* FROM trigger.workflow pattern, laid, jsonb_populate_record(pattern,
      jsonb_build_object('id', laid.id, 'organization_id', laid.organization_id)) AS copy
    WHERE pattern.id = $1
  ), versions AS (
    INSERT INTO trigger.workflow_version
    SELECT copy.* FROM trigger.workflow_version pattern, laid, jsonb_populate_record(pattern,
      jsonb_build_object('workflow_id', laid.id, 'organization_id', laid.organization_id,
        'definition', jsonb_set(pattern.definition::jsonb, '{trigger,eventName}', to_jsonb(laid.event_name)))) AS copy
    WHERE pattern.workflow_id = $1
  )
  INSERT INTO trigger.organization_version AS o (organization_id, version)
  SELECT organization_id, 1 FROM laid GROUP BY 1
  ON CONFLICT (organization_id) DO UPDATE SET version = o.version + 1`;

export interface LaidWorkflow {
  readonly organizationId: string;
  readonly eventName: string;
}

/** Workflows as copies of one that was made by its route, each started by the event that it names. */
export async function layWorkflows(
  stage: Stage,
  patternId: string,
  workflows: readonly LaidWorkflow[],
): Promise<void> {
  for (let from = 0; from < workflows.length; from += AT_ONCE) {
    const some = workflows.slice(from, from + AT_ONCE);
    await stage.database.query({
      text: COPY,
      values: [
        patternId,
        some.map(() => uuidv7()),
        some.map(({ organizationId }) => organizationId),
        some.map(({ eventName }) => eventName),
      ],
    });
  }
  await stage.database.query({ text: 'ANALYZE trigger.workflow, trigger.workflow_version' });
}
