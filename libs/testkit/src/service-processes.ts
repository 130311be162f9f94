import { eventually } from './eventually.ts';
import type { RunningService } from './stack.ts';
import { stackFromEnv } from './stack.ts';

/** The process as the stack knows it now; `name` is an instance (`ingest-2`) or a service (its first instance). */
export function runningService(name: string): RunningService {
  const { services } = stackFromEnv();
  const found =
    services.find(({ instance }) => instance === name) ?? services.find((one) => one.name === name);
  if (!found)
    throw new Error(
      `No service ${name} in the stack; there are ${services.map((one) => one.instance).join(', ')}`,
    );
  return found;
}

/** Sends the signal and returns the process that got it. The stack starts a dead service again: see `restarted`. */
export function signalService(name: string, signal: NodeJS.Signals = 'SIGKILL'): RunningService {
  const service = runningService(name);
  process.kill(service.pid, signal);
  return service;
}

/** Waits until another process has taken the place of `previous` and says that it is ready. */
export async function restarted(previous: RunningService, withinMs = 30_000): Promise<RunningService> {
  return eventually(
    async () => {
      const now = runningService(previous.instance);
      if (now.pid === previous.pid) throw new Error(`${previous.instance} still is process ${previous.pid}`);
      await assertReady(now);
      return now;
    },
    { withinMs },
  );
}

/** Waits until all services of the stack say that they are ready. */
export async function allReady(withinMs = 30_000): Promise<void> {
  await eventually(
    async () => {
      await Promise.all(stackFromEnv().services.map(assertReady));
      return true;
    },
    { withinMs },
  );
}

async function assertReady(service: RunningService): Promise<void> {
  const response = await fetch(new URL('/health/ready', service.url), { signal: AbortSignal.timeout(2_000) });
  if (response.status !== 200) throw new Error(`${service.instance} is not ready: ${await response.text()}`);
}
