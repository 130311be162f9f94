import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { formattedBroker } from '../dependencies/kafka.ts';
import { redisServer } from '../dependencies/redis.ts';
import { FAULT_WORKERS } from '../lanes.ts';
import { migrations } from '../setup/steps.ts';
import type { BrokerDoor } from '../dependencies/broker-settings.ts';
import type { Surroundings } from '../surroundings.ts';

/** More than any fault test has processes behind a proxy. */
const DOORS = 8;

/** A broker that only has to be started. */
export interface SpareBroker {
  readonly command: string;
  readonly args: readonly string[];
  /** Formatted storage: each start from nothing takes a copy. */
  readonly logDirectory: string;
  readonly port: number;
  readonly doors: readonly BrokerDoor[];
}

/**
 * What a fault test may kill: programs that are ready to be started, and nothing that runs. Handed to the tests as JSON
 * in `BREAKABLE_PARTS`; `libs/testkit/src/fleet/breakable-parts.ts` reads it.
 */
export interface BreakableParts {
  /** Data and sockets of what the tests start go below it, and go with it. */
  readonly directory: string;
  readonly logs: string;
  readonly redisServer: string;
  /** One for each test file that runs at the same time. */
  readonly brokers: readonly SpareBroker[];
  /** Programs that bring the schemas up to date. */
  readonly migrations: readonly string[];
  /** A database on the tests' server that has all schemas, and that nobody is connected to: it is copied. */
  readonly migratedDatabase?: string;
}

/** `databaseUrl`: of a database that `migratedDatabase` may name. */
export async function breakableParts(
  surroundings: Surroundings,
  databaseUrl?: string,
): Promise<BreakableParts> {
  const { places } = surroundings;
  const brokers: SpareBroker[] = [];
  for (let at = 1; at <= FAULT_WORKERS; at += 1)
    brokers.push(await spareBroker(surroundings, `spare-kafka-${at}`));
  return {
    directory: join(places.data, 'fault-lane'),
    logs: places.logs,
    redisServer: (await redisServer(surroundings)).command,
    brokers,
    migrations: migrations(places)
      .map(({ script }) => script)
      .filter((script) => existsSync(script)),
    ...(databaseUrl !== undefined && {
      migratedDatabase: decodeURIComponent(new URL(databaseUrl).pathname.slice(1)),
    }),
  };
}

async function spareBroker(surroundings: Surroundings, name: string): Promise<SpareBroker> {
  const { ports } = surroundings;
  const port = await ports.choose(name);
  const controllerPort = await ports.choose(`${name}-controller`);
  const doors: BrokerDoor[] = [];
  for (let at = 1; at <= DOORS; at += 1) {
    doors.push({
      port: await ports.choose(`${name}-door-${at}`),
      advertisedPort: await ports.choose(`${name}-proxy-${at}`),
    });
  }
  const formatted = await formattedBroker(surroundings, name, { port, controllerPort, doors });
  return { ...formatted, port, doors };
}
