import { join } from 'node:path';
import { adminTokenOf } from './admin-token.ts';
import { Fault } from './fault.ts';
import { upstreamVariable } from './gateway/upstream-variable.ts';
import type { Infrastructure } from './infrastructure.ts';
import type { Surroundings } from './surroundings.ts';
import { isFree, listenerOn } from './ports.ts';
import { Supervisor, type Supervised } from './processes/supervisor.ts';
import { environmentOf, scriptOf, SERVICES, type ServiceInstance } from './services.ts';
import { writeStackFile } from './stack-file.ts';

const SERVICE_GRACE_MS = 10_000;
const GATEWAY_GRACE_MS = 3_000;

/** The four services and the gateway, ready. */
export interface Stack {
  readonly url: string;
  readonly adminToken: string;
  /** From now on `stack.json` tells others where everything is, as long as this stack is up. */
  announce(demonstration: { readonly organizationId: string; readonly apiKey: string }): void;
}

export interface StackWish {
  readonly gatewayPort: number;
  readonly instances: readonly ServiceInstance[];
  /** For every service, beside what the environment says. */
  readonly settings?: NodeJS.ProcessEnv;
}

export async function requireFreePort(port: number): Promise<void> {
  if (await isFree(port)) return;
  throw new Fault(
    `Port ${port} is taken${listenerOn(port)}: Trackline's own address is not free.`,
    `Stop what listens there, or take another port: npm start -- --port ${port + 10}`,
  );
}

/** Starts all services and the gateway at once, and keeps them running. */
export async function startStack(
  { places, children, say }: Surroundings,
  infrastructure: Infrastructure,
  { gatewayPort, instances, settings = {} }: StackWish,
): Promise<Stack> {
  const adminToken = adminTokenOf(places);
  const url = `http://127.0.0.1:${gatewayPort}`;
  let announced: { readonly organizationId: string; readonly apiKey: string } | undefined;
  const running: { instance: ServiceInstance; process: Supervised }[] = [];
  const write = () => {
    if (announced === undefined) return;
    writeStackFile(places.stackFile, {
      ...{ url, adminToken, apiKey: announced.apiKey, organizationId: announced.organizationId },
      kafkaBrokers: infrastructure.kafkaBrokers,
      databaseUrl: infrastructure.databaseUrl,
      redisUrl: infrastructure.redisUrl,
      gateway: { pid: gateway.pid(), url },
      services: running.map(({ instance, process }) => ({
        name: instance.service,
        instance: instance.instance,
        pid: process.pid(),
        url: instance.url,
      })),
    });
  };
  const supervisor = new Supervisor(children, say, write);
  const startedMs = Date.now();
  const given = { ...process.env, ...settings };
  for (const instance of instances) {
    const env = environmentOf({ ...infrastructure, adminToken }, instance, given);
    const process = startService(supervisor, { places }, instance, env);
    process.ready.then(
      () => say.done(instance.instance, instance.url, Date.now() - startedMs),
      () => {},
    );
    running.push({ instance, process });
  }
  const gateway = supervisor.keepRunning(
    {
      name: 'gateway',
      phase: 'gateway',
      command: process.execPath,
      args: ['--enable-source-maps', join(import.meta.dirname, 'gateway/main.js')],
      env: { ...process.env, ...gatewayEnvironment(gatewayPort, instances) },
      graceMs: GATEWAY_GRACE_MS,
    },
    url,
  );
  await Promise.all([gateway.ready, ...running.map(({ process }) => process.ready)]);
  say.done('gateway', url, Date.now() - startedMs);
  return {
    url,
    adminToken,
    announce: (demonstration) => {
      announced = demonstration;
      write();
    },
  };
}

function startService(
  supervisor: Supervisor,
  { places }: Pick<Surroundings, 'places'>,
  { service, instance, url }: ServiceInstance,
  env: NodeJS.ProcessEnv,
): Supervised {
  return supervisor.keepRunning(
    {
      name: instance,
      phase: 'service',
      command: process.execPath,
      args: ['--enable-source-maps', scriptOf(places, service)],
      env,
      graceMs: SERVICE_GRACE_MS,
    },
    url,
  );
}

function gatewayEnvironment(port: number, instances: readonly ServiceInstance[]): NodeJS.ProcessEnv {
  const upstreams = SERVICES.map(({ name }) => [
    upstreamVariable(name),
    instances
      .filter(({ service }) => service === name)
      .map(({ url }) => url)
      .join(','),
  ]);
  return {
    HTTP_PORT: String(port),
    HTTP_HOST: '127.0.0.1',
    LOG_LEVEL: 'warn',
    ...Object.fromEntries(upstreams),
  };
}
