import type { FleetInstance } from '@trackline/testkit';
import { Stage } from '../stage/stage.ts';
import { makeCallers, type Caller } from './http-customers.ts';
import { enableForEach } from './kafka-door.ts';

/** ingest last: it is what is called. */
const HTTP_SERVICES = ['trigger', 'timeline', 'dedup-meter', 'ingest'] as const;

/** What holds an event each, when it was answered with 200 or 202. */
export const COUNTED_OF_HTTP = [
  ['events metered', 'SELECT coalesce(sum(used), 0)::bigint AS n FROM dedup_meter.usage'],
  ['events on the timeline', 'SELECT count(*)::bigint AS n FROM timeline.event'],
] as const;

export interface HttpStage {
  readonly stage: Stage;
  readonly instances: readonly FleetInstance[];
  readonly customers: readonly Caller[];
  /** Of each ingest. */
  readonly origins: readonly string[];
}

interface HttpStageSettings {
  /** Of each service. */
  readonly instances?: number;
  /** For all of them. */
  readonly env?: Record<string, string>;
}

/** Each service, and the usual customers, each with an enabled workflow that waits for the usual event. */
export async function openHttpStage({
  instances: ofEach = 1,
  env = {},
}: HttpStageSettings = {}): Promise<HttpStage> {
  const stage = await Stage.open(HTTP_SERVICES);
  try {
    const instances: FleetInstance[] = [];
    for (const name of HTTP_SERVICES)
      for (let number = 1; number <= ofEach; number += 1)
        instances.push(await stage.service(name, { number, env }));
    const customers = await makeCallers(stage);
    await enableForEach(stage, instances[0]!, customers);
    const origins = instances.filter(({ service }) => service === 'ingest').map(({ url }) => url);
    return { stage, instances, customers, origins };
  } catch (error) {
    await stage.close();
    throw error;
  }
}
