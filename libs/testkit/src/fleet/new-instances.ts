import { join, resolve } from 'node:path';
import { FaultProxy, type Address } from '../fault-proxy.ts';
import { seededRandom } from '../random.ts';
import type { BrokerDoor } from './breakable-parts.ts';
import { FleetInstance, type InstanceProxies } from './fleet-instance.ts';
import { PARTITIONS, type FleetService, type FleetSettings } from './fleet-settings.ts';
import { freePort } from './free-port.ts';

/** What a fleet's processes stand on. */
export interface FleetGround {
  readonly settings: FleetSettings;
  readonly logs: string;
  /** For those that have no proxies of their own. */
  readonly doors: { readonly redisPort: number; readonly postgresPort: number };
  /** For those that have. */
  readonly brokerDoors: readonly BrokerDoor[];
  readonly adminToken: string;
  readonly kafkaBrokers: readonly string[];
  readonly topicPrefix: string;
  /** Past every proxy. */
  readonly databaseUrl: string;
  readonly redis: () => Address;
  /** What is opened for them is closed by these, last first. */
  readonly closing: (() => Promise<unknown>)[];
}

const ROOT = resolve(import.meta.dirname, '../../../..');
/** Short, so that a kill costs its partitions a moment; long enough that a busy machine is not taken for a dead one. */
const SESSION_TIMEOUT_MS = '2000';

/** All processes of a fleet; none is started. */
export async function newInstances(ground: FleetGround): Promise<FleetInstance[]> {
  const { services, behindProxies = [] } = ground.settings;
  const instances: FleetInstance[] = [];
  let door = 0;
  for (const [service, count] of Object.entries(services) as [FleetService, number][]) {
    for (let number = 1; number <= count; number += 1) {
      const proxied = behindProxies.includes(service) ? await openProxies(ground, door++) : undefined;
      instances.push(await newInstance(ground, service, `${service}-${number}`, proxied));
    }
  }
  return instances;
}

interface Proxied {
  readonly proxies: InstanceProxies;
  readonly postgresPort: number;
  readonly env: { readonly REDIS_URL: string; readonly KAFKA_BROKERS: string };
}

async function newInstance(
  ground: FleetGround,
  service: FleetService,
  name: string,
  proxied: Proxied | undefined,
): Promise<FleetInstance> {
  const { settings, doors } = ground;
  const port = await freePort();
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    NODE_OPTIONS: '',
    KAFKA_BROKERS: ground.kafkaBrokers.join(','),
    REDIS_URL: `redis://127.0.0.1:${doors.redisPort}`,
    ...proxied?.env,
    DATABASE_URL: databaseUrlBy(ground, proxied?.postgresPort ?? doors.postgresPort),
    ADMIN_TOKEN: ground.adminToken,
    HTTP_HOST: '127.0.0.1',
    HTTP_PORT: String(port),
    INSTANCE_ID: name,
    TOPIC_PREFIX: ground.topicPrefix,
    CONTACT_PARTITIONS: String(PARTITIONS.contact),
    OUTCOME_PARTITIONS: String(PARTITIONS.outcome),
    SESSION_TIMEOUT_MS,
    LOG_LEVEL: 'info',
    ...settings.env,
    ...settings.envOf?.[service],
  };
  return new FleetInstance({
    service,
    spec: {
      name,
      command: process.execPath,
      args: [join(ROOT, 'services', service, 'dist/main.js')],
      env,
      logFile: join(ground.logs, `${name}.log`),
    },
    url: `http://127.0.0.1:${port}`,
    proxies: proxied?.proxies,
  });
}

function databaseUrlBy({ settings, databaseUrl }: FleetGround, port: number): string {
  const url = new URL(databaseUrl);
  for (const [name, value] of Object.entries(settings.databaseParameters ?? {}))
    url.searchParams.set(name, value);
  url.host = `127.0.0.1:${port}`;
  return url.toString();
}

async function openProxies(
  { settings, brokerDoors, databaseUrl, redis, closing }: FleetGround,
  at: number,
): Promise<Proxied> {
  const door = brokerDoors[at];
  if (!door) throw new Error(`The spare broker has ${brokerDoors.length} doors, too few for this fleet.`);
  const random = seededRandom((settings.seed ?? 1) * 31 + at);
  const proxies = {
    redis: new FaultProxy(redis, random, 'redis'),
    postgres: new FaultProxy(addressOfServer(databaseUrl), random, 'postgres'),
    kafka: new FaultProxy({ host: '127.0.0.1', port: door.port }, random, 'kafka'),
  };
  closing.push(() => Promise.all(Object.values(proxies).map((proxy) => proxy.close())));
  const redisPort = await proxies.redis.listen();
  const postgresPort = await proxies.postgres.listen();
  // The port that the broker advertises to whoever comes by this door.
  await proxies.kafka.listen(door.advertisedPort);
  return {
    proxies,
    postgresPort,
    env: {
      REDIS_URL: `redis://127.0.0.1:${redisPort}`,
      KAFKA_BROKERS: `127.0.0.1:${door.advertisedPort}`,
    },
  };
}

export function addressOfServer(databaseUrl: string): Address {
  const { hostname, port } = new URL(databaseUrl);
  return { host: hostname, port: Number(port || 5432) };
}
