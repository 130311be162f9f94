import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { formattedBroker } from '../dependencies/kafka.ts';
import { redisServer } from '../dependencies/redis.ts';
import { migrations } from '../setup/steps.ts';
import type { BrokerDoor } from '../dependencies/broker-settings.ts';
import type { Surroundings } from '../surroundings.ts';

/** More than any fault test has processes behind a proxy. */
const DOORS = 8;

/**
 * What a fault test may kill: programs that are ready to be started, and nothing that runs. Handed to the tests as JSON
 * in `BREAKABLE_PARTS`; `libs/testkit/src/fleet/breakable-parts.ts` reads it.
 */
export interface BreakableParts {
  /** Data and sockets of what the tests start go below it, and go with it. */
  readonly directory: string;
  readonly logs: string;
  readonly redisServer: string;
  readonly broker: {
    readonly command: string;
    readonly args: readonly string[];
    /** Formatted storage: each start from nothing takes a copy. */
    readonly logDirectory: string;
    readonly port: number;
    readonly doors: readonly BrokerDoor[];
  };
  /** Programs that bring the schemas up to date. */
  readonly migrations: readonly string[];
}

export async function breakableParts(surroundings: Surroundings): Promise<BreakableParts> {
  const { places, ports } = surroundings;
  const port = await ports.choose('spare-kafka');
  const controllerPort = await ports.choose('spare-kafka-controller');
  const doors: BrokerDoor[] = [];
  for (let at = 1; at <= DOORS; at += 1) {
    doors.push({
      port: await ports.choose(`spare-kafka-door-${at}`),
      advertisedPort: await ports.choose(`spare-kafka-proxy-${at}`),
    });
  }
  const place = { port, controllerPort, doors };
  const { command, args, logDirectory } = await formattedBroker(surroundings, 'spare-kafka', place);
  return {
    directory: join(places.data, 'fault-lane'),
    logs: places.logs,
    redisServer: (await redisServer(surroundings)).command,
    broker: { command, args, logDirectory, port, doors },
    migrations: migrations(places)
      .map(({ script }) => script)
      .filter((script) => existsSync(script)),
  };
}
