import { setTimeout as sleep } from 'node:timers/promises';
import type { ServiceName } from '../services.ts';

const LOOK_EVERY_MS = 500;
const PROBE_MS = 2_000;

/**
 * `ready`: said so. `answering`: is there, but not ready (it starts, drains, or has lost a dependency) or too busy to say.
 * `away`: nobody listens on its port.
 */
type State = 'unknown' | 'ready' | 'answering' | 'away';

interface Instance {
  readonly url: string;
  state: State;
}

/** The instances of each service, and which of them can take a request now. */
export class Upstreams {
  private readonly instances: ReadonlyMap<ServiceName, readonly Instance[]>;
  private readonly turns = new Map<ServiceName, number>();

  constructor(urls: ReadonlyMap<ServiceName, readonly string[]>) {
    this.instances = new Map(
      [...urls].map(([service, each]) => [service, each.map((url) => ({ url, state: 'unknown' as const }))]),
    );
  }

  /**
   * Round robin over the ready ones. When none is ready, one that is there answers for itself: it knows better than we why
   * it cannot. Undefined when nobody is there.
   */
  choose(service: ServiceName): string | undefined {
    const all = this.instances.get(service) ?? [];
    const ready = all.filter(({ state }) => state === 'ready');
    const able = ready.length > 0 ? ready : all.filter(({ state }) => state !== 'away');
    if (able.length === 0) return undefined;
    const turn = (this.turns.get(service) ?? 0) + 1;
    this.turns.set(service, turn);
    return able[turn % able.length]!.url;
  }

  /** A connection was refused: no need to wait for the next look. */
  refused(url: string): void {
    for (const instance of this.everyone()) if (instance.url === url) instance.state = 'away';
  }

  /** Services of which no instance is ready. */
  missing(): ServiceName[] {
    return [...this.instances]
      .filter(([, all]) => !all.some(({ state }) => state === 'ready'))
      .map(([service]) => service);
  }

  /** Looks at all of them again and again, until `signal` says stop. */
  async watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await Promise.all(
        [...this.everyone()].map(async (instance) => {
          instance.state = await look(instance.url);
        }),
      );
      await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => {});
    }
  }

  private *everyone(): Generator<Instance> {
    for (const all of this.instances.values()) yield* all;
  }
}

async function look(url: string): Promise<State> {
  try {
    const response = await fetch(new URL('/health/ready', url), { signal: AbortSignal.timeout(PROBE_MS) });
    await response.arrayBuffer();
    return response.status === 200 ? 'ready' : 'answering';
  } catch (error) {
    const code = ((error as Error).cause as { code?: string } | undefined)?.code;
    return code === 'ECONNREFUSED' || code === 'ENOTFOUND' ? 'away' : 'answering';
  }
}
