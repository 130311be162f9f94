import { chmodSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { Fault } from '../fault.ts';
import type { Surroundings } from '../surroundings.ts';
import type { Dependency } from './dependency.ts';
import { fromMaven } from './downloads.ts';
import { requireJavaAndMaven, runs } from './programs.ts';
import { waitUntilReachable, waitUntilUp } from './wait-until.ts';

const BUNDLE = 'embedded-redis-1.4.3';
const USUAL_PORT = 6379;
const UP_WITHIN_MS = 15_000;
const GRACE_MS = 3_000;
const PROBE_MS = 1_000;

export async function reachRedis(url: string): Promise<Dependency> {
  await waitUntilReachable(
    () => `REDIS_URL names ${new URL(url).host}, which does not answer.`,
    () => redisAnswers(url),
    15_000,
    'Start that Redis, or unset REDIS_URL: then an embedded one is started.',
  );
  return { address: url, origin: 'from REDIS_URL' };
}

export async function startRedis(
  surroundings: Surroundings,
  { durable, usualPorts }: { durable: boolean; usualPorts: boolean },
): Promise<Dependency> {
  const { places, ports, children } = surroundings;
  const { command, origin } = await redisServer(surroundings);
  const port = await ports.choose('redis', usualPorts ? USUAL_PORT : undefined);
  const directory = join(places.data, 'redis');
  mkdirSync(directory, { recursive: true });
  const child = children.start({
    name: 'redis',
    phase: 'redis',
    command,
    args: [
      ...['--port', String(port), '--bind', '127.0.0.1', '--dir', directory],
      ...['--save', '', '--appendonly', durable ? 'yes' : 'no'],
      // What counts identities must refuse to forget: a full Redis says so.
      ...['--maxmemory-policy', 'noeviction'],
    ],
    graceMs: GRACE_MS,
  });
  const url = `redis://127.0.0.1:${port}`;
  await waitUntilUp('Redis', child, () => redisAnswers(url), UP_WITHIN_MS);
  return { address: url, origin, died: child.exited.then(() => child.logFile) };
}

/** The program, from the machine or from Maven. */
export async function redisServer(surroundings: Surroundings): Promise<{ command: string; origin: string }> {
  for (const command of ['redis-server', 'valkey-server']) {
    if (runs(command, '--version')) return { command, origin: `embedded, ${command} of this machine` };
  }
  if (!existsSync(join(surroundings.places.cache, BUNDLE)))
    requireJavaAndMaven('Redis is not installed, and fetching one');
  const directory = await fromMaven(surroundings, {
    name: BUNDLE,
    profile: 'redis',
    goal: 'unpack-dependencies',
  });
  const wanted = `${process.platform}-${process.arch === 'x64' ? 'amd64' : process.arch}`;
  const file = readdirSync(directory).find(
    (name) => name.startsWith('redis-server-') && name.endsWith(wanted),
  );
  if (!file) {
    throw new Fault(
      `There is no embedded Redis for ${wanted}.`,
      'Install one with: sudo apt-get install -y redis-server     (macOS: brew install redis)\nor name one in REDIS_URL.',
    );
  }
  const command = join(directory, file);
  chmodSync(command, 0o755);
  return { command, origin: `embedded, Redis ${/redis-server-([\d.]+)/.exec(file)?.[1] ?? ''} from Maven` };
}

export async function redisAnswers(url: string): Promise<boolean> {
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: PROBE_MS,
    commandTimeout: PROBE_MS,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
  });
  redis.on('error', () => {});
  try {
    await redis.connect();
    return (await redis.ping()) === 'PONG';
  } catch {
    return false;
  } finally {
    redis.disconnect();
  }
}
