import { uuidv7 } from '@trackline/kernel';
import { eventually, httpClient, type FleetInstance } from '@trackline/testkit';
import { AdmittedFeed } from '../stage/admitted-feed.ts';
import type { Pattern } from '../stage/lay-waits.ts';
import { Stage } from '../stage/stage.ts';

export const STARTED_BY = 'begun';
export const RESUMED_BY = 'crossed';
const THIRTY_DAYS = 30 * 86_400;
/** A held process is still a member of its group, and does not find its partitions with nobody. */
export const SESSION_MS = 120_000;
const UP_WITHIN_MS = 60_000;
/** Far above what any bench begins: the default would refuse the 1,001st. */
export const MANY_EXECUTIONS = 1_000_000_000;

const DEFINITION = {
  name: 'Waiting',
  trigger: { type: 'event', eventName: STARTED_BY },
  settings: { maxConcurrentExecutions: MANY_EXECUTIONS },
  steps: [
    {
      id: 'wait',
      type: 'wait_for_event',
      config: { eventName: RESUMED_BY, timeoutSeconds: THIRTY_DAYS },
      branches: { yes: [{ id: 'crossed', type: 'exit', config: { reason: 'crossed' } }], no: [] },
    },
  ],
};

export interface WaitingWorkflow {
  readonly stage: Stage;
  readonly trigger: FleetInstance;
  readonly feed: AdmittedFeed;
  /** Of the one execution that waits so far. */
  readonly pattern: Pattern;
}

/** trigger alone, with one workflow that waits for an event, and one execution of it. */
export async function openWaitingWorkflow(): Promise<WaitingWorkflow> {
  const stage = await Stage.open(['trigger']);
  try {
    const trigger = await stage.service('trigger', { env: { SESSION_TIMEOUT_MS: String(SESSION_MS) } });
    const { organizationId } = await enableWorkflow(stage, trigger, DEFINITION);
    const feed = new AdmittedFeed(stage);
    await feed.publish([{ organizationId, contactId: uuidv7(), name: STARTED_BY }]);
    const executionId = await eventually(
      async () => {
        const { rows } = await stage.database.query<{ id: string }>({
          text: `SELECT id FROM trigger.execution WHERE organization_id = $1 AND status = 'waiting'`,
          values: [organizationId],
        });
        return rows[0]?.id;
      },
      { withinMs: UP_WITHIN_MS },
    );
    return { stage, trigger, feed, pattern: { executionId, organizationId } };
  } catch (error) {
    await stage.close();
    throw error;
  }
}

/** In a new organisation. */
export async function enableWorkflow(
  { directory }: Stage,
  trigger: FleetInstance,
  definition: object,
): Promise<{ organizationId: string; workflowId: string; key: string }> {
  const { id } = await directory.createOrganization({ name: 'bench', plan: 'enterprise' });
  const created = await directory.createKey(id, { name: 'bench' });
  const call = httpClient(trigger.url, { key: created!.key });
  const { status, json, text } = await call<{ id: string }>('POST', '/v1/workflows?enable=true', {
    body: definition,
  });
  if (status !== 201) throw new Error(`The workflow was not made: ${text}`);
  return { organizationId: id, workflowId: json.id, key: created!.key };
}
