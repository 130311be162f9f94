import { randomUUID } from 'node:crypto';
import { eventually, httpClient, type FleetInstance } from '@trackline/testkit';
import { assertCount } from '../scenario.ts';
import type { AdmittedFeed } from '../stage/admitted-feed.ts';
import { groupJoined } from '../stage/consumer-group.ts';
import type { Stage } from '../stage/stage.ts';
import { enableWorkflow, SESSION_MS } from './waiting-workflow.ts';

const CHANGES = 20;
/** Enough that each of six partitions gets some. */
const CONTACTS = 60;
const SETTLED_WITHIN_MS = 60_000;

interface Setting {
  readonly stage: Stage;
  readonly feed: AdmittedFeed;
  readonly first: FleetInstance;
  /** Of a workflow that this event starts. */
  definition(eventName: string): object;
}

/**
 * A second instance takes half of the partitions; then a definition is changed, now by one instance, now by the other, and the events that
 * are published when the change was answered start by the new one alone, wherever they are read.
 */
export async function assertChangesInForce({ stage, feed, first, definition }: Setting): Promise<string> {
  const second = await stage.service('trigger', {
    number: 2,
    env: { SESSION_TIMEOUT_MS: String(SESSION_MS) },
  });
  await groupJoined(stage.kafka, 'trigger', 2);
  const { organizationId, workflowId, key } = await enableWorkflow(stage, first, definition('edition_0'));
  const calls = [second, first].map(({ url }) => httpClient(url, { key }));
  const contacts = Array.from({ length: CONTACTS }, () => randomUUID());
  for (let change = 1; change <= CHANGES; change += 1) {
    const { status, text } = await calls[change % 2]!('PUT', `/v1/workflows/${workflowId}`, {
      body: definition(`edition_${change}`),
    });
    if (status !== 200) throw new Error(`The definition was not changed: ${text}`);
    await feed.publish(
      contacts.flatMap((contactId) =>
        [change - 1, change].map((edition) => ({ organizationId, contactId, name: `edition_${edition}` })),
      ),
    );
    await eventually(async () => (await feed.passedByTrigger()) >= feed.published, {
      withinMs: SETTLED_WITHIN_MS,
    });
  }
  const started = await stage.count(
    `SELECT count(*)::bigint AS n FROM trigger.execution WHERE workflow_id = $1
       AND trigger ->> 'name' = 'edition_' || (workflow_version - 1)`,
    [workflowId],
  );
  const all = await stage.count(
    'SELECT count(*)::bigint AS n FROM trigger.execution WHERE workflow_id = $1',
    [workflowId],
  );
  assertCount('executions by a definition that was in force no more', all - started, 0);
  assertCount('executions by the definition that was changed last', started, CHANGES * CONTACTS);
  return `${CHANGES} changed definitions were in force for the next event on both of two instances`;
}
