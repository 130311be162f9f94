import type { FleetInstance } from '@trackline/testkit';
import { Stage } from '../stage/stage.ts';
import { makeCallers, type Caller } from './http-customers.ts';
import { enableForEach } from './kafka-door.ts';

/** ingest last: it is what is called. */
export const HTTP_SERVICES = ['trigger', 'timeline', 'dedup-meter', 'ingest'] as const;

export interface HttpStage {
  readonly stage: Stage;
  readonly instances: readonly FleetInstance[];
  readonly customers: readonly Caller[];
  /** Of ingest. */
  readonly origin: string;
  /** Of timeline. */
  readonly timelineOrigin: string;
}

/** One of each service, and the usual customers, each with an enabled workflow that waits for the usual event. `env`: of all of them. */
export async function openHttpStage(env: Record<string, string> = {}): Promise<HttpStage> {
  const stage = await Stage.open(HTTP_SERVICES);
  try {
    const instances: FleetInstance[] = [];
    for (const name of HTTP_SERVICES) instances.push(await stage.service(name, { env }));
    const customers = await makeCallers(stage);
    await enableForEach(stage, instances[0]!, customers);
    return { stage, instances, customers, origin: instances.at(-1)!.url, timelineOrigin: instances[1]!.url };
  } catch (error) {
    await stage.close();
    throw error;
  }
}
