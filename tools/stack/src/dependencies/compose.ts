import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { Fault } from '../fault.ts';
import type { Places } from '../places.ts';
import { lastLines, type Children } from '../processes/children.ts';
import type { Dependency } from './dependency.ts';
import type { Surroundings } from '../surroundings.ts';
import { runs } from './programs.ts';

export type ComposeService = 'kafka' | 'postgres' | 'redis';

/** What `docker compose config --format json` prints; the fields we read. */
export interface ComposeFile {
  readonly volumes?: Record<string, { readonly name: string }>;
  readonly services: Record<
    string,
    {
      readonly environment?: Record<string, string | null>;
      readonly volumes?: readonly { readonly type: string; readonly source?: string }[];
      readonly ports?: readonly { readonly published?: string; readonly target: number }[];
    }
  >;
}

export interface ComposeDependencies {
  readonly dependencies: Record<ComposeService, Dependency>;
  /** Stops the containers that were started here; those that ran before go on. */
  stop(): void;
}

/** Starts those of the compose file's three, and reads from the file itself where they listen. */
export async function startFromCompose(
  { places, children }: Surroundings,
  wanted: readonly ComposeService[],
  { fresh }: { fresh: boolean },
): Promise<ComposeDependencies> {
  requireDocker();
  const file = join(places.root, 'docker-compose.yml');
  const compose = (...args: string[]) => ['compose', '--file', file, ...args];
  const config = JSON.parse(output(compose('config', '--format', 'json'))) as ComposeFile;
  if (fresh) {
    await run(places, children, compose('rm', '--stop', '--force', ...wanted));
    await run(places, children, [
      'volume',
      'rm',
      '--force',
      ...wanted.flatMap((service) => volumesOf(service, config)),
    ]);
  }
  const before = runningServices(file);
  await run(places, children, compose('up', '--detach', '--wait', ...wanted));
  const dependency = (service: ComposeService): Dependency => ({
    address: addressOf(service, config),
    origin: 'container of docker-compose.yml',
  });
  return {
    dependencies: {
      kafka: dependency('kafka'),
      postgres: dependency('postgres'),
      redis: dependency('redis'),
    },
    stop: () => {
      const ours = wanted.filter((service) => !before.includes(service));
      if (ours.length > 0) output(compose('stop', ...ours));
    },
  };
}

/** How this machine reaches a service: by the first port that the compose file publishes for it. */
export function addressOf(service: ComposeService, config: ComposeFile): string {
  const { environment = {}, ports = [] } = config.services[service] ?? {};
  const port = ports.find(({ published }) => published)?.published;
  if (!port)
    throw new Fault(`docker-compose.yml publishes no port of ${service}, so nothing outside reaches it.`);
  if (service === 'kafka') return `127.0.0.1:${port}`;
  if (service === 'redis') return `redis://127.0.0.1:${port}`;
  const user = environment.POSTGRES_USER ?? 'postgres';
  const password = environment.POSTGRES_PASSWORD ?? '';
  const database = environment.POSTGRES_DB ?? user;
  return `postgres://${user}:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}`;
}

export function volumesOf(service: ComposeService, config: ComposeFile): string[] {
  const sources = (config.services[service]?.volumes ?? []).filter(({ type }) => type === 'volume');
  return sources
    .map(({ source }) => config.volumes?.[source ?? '']?.name)
    .filter((name) => name !== undefined);
}

function requireDocker(): void {
  const { status, error, stderr } = spawnSync('docker', ['info'], { encoding: 'utf8' });
  if (error || !runs('docker', 'compose', 'version'))
    throw new Fault(
      '--docker needs Docker with its compose plugin.',
      'See https://docs.docker.com/engine/install/',
    );
  if (status !== 0) {
    throw new Fault(
      `Docker is installed but does not answer: ${stderr.trim().split('\n').at(-1)}`,
      'Start it, for example with: sudo systemctl start docker',
    );
  }
}

function runningServices(file: string): string[] {
  return output(['compose', '--file', file, 'ps', '--services', '--status', 'running']).split('\n');
}

function output(args: string[]): string {
  const { status, stdout, stderr } = spawnSync('docker', args, { encoding: 'utf8' });
  if (status !== 0) throw new Fault(`docker ${args.join(' ')} failed:\n${stderr.trim()}`);
  return stdout;
}

async function run(places: Places, children: Children, args: string[]): Promise<void> {
  const child = children.start({ name: 'docker', phase: 'task', command: 'docker', args, graceMs: 5_000 });
  const { code } = await child.exited;
  if (code !== 0) {
    throw new Fault(
      `docker ${args.join(' ')} failed:\n${lastLines(child.logFile)}`,
      `All of it: ${join(places.logs, 'docker.log')}`,
    );
  }
}
