import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { Fault } from './fault.ts';
import type { Places } from './places.ts';
import type { Ports } from './ports.ts';

/** The services, with the port that the first instance of each prefers. */
export const SERVICES = [
  { name: 'ingest', usualPort: 8081 },
  { name: 'dedup-meter', usualPort: 8082 },
  { name: 'trigger', usualPort: 8083 },
  { name: 'timeline', usualPort: 8084 },
  { name: 'connectors', usualPort: 8085 },
] as const;
export type ServiceName = (typeof SERVICES)[number]['name'];

export interface ServiceInstance {
  readonly service: ServiceName;
  /** `ingest-1`, `ingest-2`, … */
  readonly instance: string;
  readonly port: number;
  readonly url: string;
}

const MOST_INSTANCES = 8;

/** `ingest=2,trigger=3`; a service that is not named has one instance. */
export function parseInstances(text = ''): ReadonlyMap<ServiceName, number> {
  const counts = new Map<ServiceName, number>();
  for (const part of text.split(',').filter(Boolean)) {
    const [name, count] = part.split('=');
    const service = SERVICES.find((one) => one.name === name);
    const wanted = Number(count);
    if (!service || !Number.isInteger(wanted) || wanted < 1 || wanted > MOST_INSTANCES) {
      throw new Fault(
        `--instances does not understand "${part}".`,
        `Like this: --instances ingest=2,trigger=2     (${SERVICES.map((one) => one.name).join(', ')}; up to ${MOST_INSTANCES} of each)`,
      );
    }
    counts.set(service.name, wanted);
  }
  return counts;
}

/** The processes to run, each with a port of its own that stays the same when it is started again. */
export async function planInstances(
  counts: ReadonlyMap<ServiceName, number>,
  ports: Ports,
  { usualPorts }: { usualPorts: boolean },
): Promise<ServiceInstance[]> {
  const planned: ServiceInstance[] = [];
  for (const { name, usualPort } of SERVICES) {
    for (let number = 1; number <= (counts.get(name) ?? 1); number += 1) {
      const instance = `${name}-${number}`;
      const port = await ports.choose(instance, usualPorts && number === 1 ? usualPort : undefined);
      planned.push({ service: name, instance, port, url: `http://127.0.0.1:${port}` });
    }
  }
  return planned;
}

/** What every service is told; the names stand in each service's README. */
export interface CommonSettings {
  readonly kafkaBrokers: string;
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly adminToken: string;
}

/**
 * What development asks for unless the environment says otherwise: secrets can be kept, by a key that stays the same as long as the
 * token does, and webhooks may come back to this machine.
 */
const developmentOf = ({ adminToken }: CommonSettings): NodeJS.ProcessEnv => ({
  SECRETS_KEY: createHash('sha256').update(`secrets ${adminToken}`).digest('base64'),
  CONNECTORS_ALLOW_HTTP: 'true',
  CONNECTORS_ALLOWED_PRIVATE: '127.0.0.0/8,::1/128',
});

export function environmentOf(
  settings: CommonSettings,
  instance: ServiceInstance,
  env: NodeJS.ProcessEnv = process.env,
): NodeJS.ProcessEnv {
  return {
    ...developmentOf(settings),
    ...env,
    KAFKA_BROKERS: settings.kafkaBrokers,
    DATABASE_URL: settings.databaseUrl,
    REDIS_URL: settings.redisUrl,
    ADMIN_TOKEN: settings.adminToken,
    HTTP_HOST: '127.0.0.1',
    HTTP_PORT: String(instance.port),
    INSTANCE_ID: instance.instance,
  };
}

export const scriptOf = (places: Places, service: ServiceName) =>
  join(places.root, 'services', service, 'dist/main.js');
export const migrationOf = (places: Places, service: ServiceName) =>
  join(places.root, 'services', service, 'dist/migrate.js');
