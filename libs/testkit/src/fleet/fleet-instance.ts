import { eventually } from '../eventually.ts';
import type { FaultProxy, Moment, Strike, StrikeOrder } from '../fault-proxy.ts';
import { httpClient, type Call } from '../http-client.ts';
import { OwnProcess, type ProcessSpec } from './own-process.ts';
import { noteStrike } from './strikes-file.ts';

/** One in front of each thing that an instance depends on. */
export interface InstanceProxies {
  readonly redis: FaultProxy;
  readonly postgres: FaultProxy;
  readonly kafka: FaultProxy;
}

export interface FleetInstanceParts {
  readonly service: string;
  readonly spec: ProcessSpec;
  readonly url: string;
  readonly proxies: InstanceProxies | undefined;
}

const READY_WITHIN_MS = 120_000;
const PROBE_MS = 2_000;

/** Which proxy sees a moment. */
const WHERE: Readonly<Record<Moment, keyof InstanceProxies>> = {
  judge: 'redis',
  remember: 'redis',
  seed: 'redis',
  commit: 'postgres',
  term: 'postgres',
  publish: 'kafka',
  fetch: 'kafka',
  offsets: 'kafka',
  join: 'kafka',
};

/** A process of a service, which keeps name, port and proxies over all its lives. */
export class FleetInstance {
  readonly service: string;
  readonly name: string;
  readonly url: string;
  readonly call: Call;
  readonly process: OwnProcess;
  private readonly known: InstanceProxies | undefined;

  constructor({ service, spec, url, proxies }: FleetInstanceParts) {
    this.service = service;
    this.name = spec.name;
    this.url = url;
    this.call = httpClient(url);
    this.process = new OwnProcess(spec);
    this.known = proxies;
  }

  get proxies(): InstanceProxies {
    if (!this.known)
      throw new Error(`${this.name} is not behind proxies: name its service in "behindProxies".`);
    return this.known;
  }

  /** Starts it; `ready` says when it is up. */
  start(): void {
    this.process.start();
  }

  async ready(withinMs = READY_WITHIN_MS): Promise<void> {
    try {
      await eventually(
        async () => {
          // Whoever died while starting does not get better by waiting.
          if (!this.process.isRunning) return true;
          const response = await fetch(`${this.url}/health/ready`, { signal: AbortSignal.timeout(PROBE_MS) });
          if (response.status !== 200) throw new Error(`not ready: ${await response.text()}`);
          return true;
        },
        { withinMs, everyMs: 50 },
      );
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${this.process.lastWords()}`, { cause: error });
    }
    if (!this.process.isRunning) throw new Error(`${this.name} is down.\n${this.process.lastWords()}`);
  }

  /** SIGKILL. Resolves when the process is gone. */
  kill(): Promise<void> {
    if (this.process.isRunning) noteStrike(`${this.service} killed`);
    return this.process.kill();
  }

  /** SIGTERM: it drains. */
  stop(): Promise<void> {
    return this.process.stop();
  }

  pause(): void {
    this.process.pause();
  }

  resume(): void {
    this.process.resume();
  }

  async restart(): Promise<void> {
    await this.kill();
    this.start();
    await this.ready();
  }

  /** Arms the proxy that sees the moment. */
  strike(order: StrikeOrder): Strike {
    return this.proxies[WHERE[order.moment]].strike(order);
  }

  /** Kills it with -9 at the moment; resolves when that has happened and the process is gone. */
  async killAt(order: Omit<StrikeOrder, 'then'>, withinMs = 90_000): Promise<void> {
    const strike = this.strike({ ...order, then: () => this.process.killNow() });
    try {
      await eventually(() => strike.hasStruck(), { withinMs, everyMs: 10 });
    } catch (error) {
      throw new Error(`${this.name} never came to ${order.when} ${order.moment}: nothing was struck.`, {
        cause: error,
      });
    } finally {
      strike.cancel();
    }
    await this.process.kill();
  }
}
