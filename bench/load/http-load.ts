/**
 * The callers, in a process of their own: what they cost is told apart from what they call. undici, one request at a time per connection.
 * Forked by stage/callers.ts; one task after the other.
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import { percentile } from '../measure/statistics.ts';

/** Requests are taken in turn. */
export interface LoadTarget {
  readonly origin: string;
  readonly requests: readonly LoadRequest[];
}

export interface LoadRequest {
  /** Absent: POST. */
  readonly method?: 'GET';
  readonly path: string;
  /** Sent as the bearer. */
  readonly key?: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * `closed`: each caller sends its next request when the last was answered, which tells how much goes through. `open`: so many a second whatever
 * comes back, which tells how long it takes, from the moment at which the request was meant to go. `count`: closed, so many requests.
 */
export type LoadTask = { readonly callers: number } & (
  | { readonly kind: 'closed'; readonly seconds: number; readonly warmSeconds: number }
  | {
      readonly kind: 'open';
      readonly seconds: number;
      readonly warmSeconds: number;
      readonly perSecond: number;
    }
  | { readonly kind: 'count'; readonly requests: number }
);

export interface LoadResult {
  /** All answers, those of the warm-up too. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Answers that say of an item that it was accepted and not judged in time. */
  readonly undecided: number;
  /** What of these is told below. */
  readonly measured: number;
  /** Of the measured, those that were answered with 200. */
  readonly whole: number;
  /** Of these, in a second of the window. */
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

const HEADERS = { 'content-type': 'application/json' };

class Callers {
  private readonly pool: Pool;
  private readonly target: LoadTarget;
  private next = 0;
  private statuses: Record<string, number> = {};
  private undecided = 0;
  /** Of those that are measured. */
  private tookMs: number[] = [];
  private whole = 0;

  constructor(target: LoadTarget, callers: number) {
    this.target = target;
    this.pool = new Pool(target.origin, { connections: callers, pipelining: 1 });
  }

  async run(task: LoadTask): Promise<LoadResult> {
    const seconds = await this[task.kind](task as never);
    await this.pool.close();
    const { statuses, undecided, tookMs, whole } = this;
    return {
      ...{ statuses, undecided, measured: tookMs.length, whole, perSecond: whole / seconds },
      p50Ms: percentile(tookMs, 0.5),
      p99Ms: percentile(tookMs, 0.99),
      maxMs: percentile(tookMs, 1),
    };
  }

  protected async closed({ callers, seconds, warmSeconds }: LoadTask & { kind: 'closed' }): Promise<number> {
    const warmUntilMs = performance.now() + warmSeconds * 1_000;
    const untilMs = warmUntilMs + seconds * 1_000;
    await each(callers, async () => {
      for (let atMs = performance.now(); atMs < untilMs; atMs = performance.now()) {
        const status = await this.once();
        const endedMs = performance.now();
        // What ends in the window is counted, whenever it began: so no moment of it is left out or told twice.
        if (endedMs >= warmUntilMs && endedMs < untilMs) this.measure(status, endedMs - atMs);
      }
    });
    return seconds;
  }

  protected async open({ seconds, warmSeconds, perSecond }: LoadTask & { kind: 'open' }): Promise<number> {
    const beginsAtMs = performance.now() + 10;
    const count = Math.floor(perSecond * (warmSeconds + seconds));
    const warm = Math.floor(perSecond * warmSeconds);
    const sent: Promise<void>[] = [];
    for (let index = 0; index < count; await sleep(1)) {
      for (const nowMs = performance.now(); index < count; index += 1) {
        const meantAtMs = beginsAtMs + (index / perSecond) * 1_000;
        if (meantAtMs > nowMs) break;
        const isMeasured = index >= warm;
        sent.push(
          this.once().then((status) => {
            if (isMeasured) this.measure(status, performance.now() - meantAtMs);
          }),
        );
      }
    }
    await Promise.all(sent);
    return seconds;
  }

  protected async count({ callers, requests }: LoadTask & { kind: 'count' }): Promise<number> {
    const startedMs = performance.now();
    let left = requests;
    await each(callers, async () => {
      while (left > 0) {
        left -= 1;
        const atMs = performance.now();
        this.measure(await this.once(), performance.now() - atMs);
      }
    });
    return (performance.now() - startedMs) / 1_000;
  }

  private measure(status: string, tookMs: number): void {
    this.tookMs.push(tookMs);
    if (status === '200') this.whole += 1;
  }

  /** Gives the status, or how there was none. */
  private async once(): Promise<string> {
    const {
      method = 'POST',
      path,
      key,
      body,
      headers,
    } = this.target.requests[this.next++ % this.target.requests.length]!;
    let status: string;
    try {
      const answer = await this.pool.request({
        ...{ method, path, body: body ?? null },
        headers: {
          ...(body !== undefined && HEADERS),
          ...(key !== undefined && { authorization: `Bearer ${key}` }),
          ...headers,
        },
      });
      const text = await answer.body.text();
      status = String(answer.statusCode);
      if (text.includes('"accepted"')) this.undecided += 1;
    } catch (error) {
      status = (error as { code?: string }).code ?? String(error);
    }
    this.statuses[status] = (this.statuses[status] ?? 0) + 1;
    return status;
  }
}

const each = (callers: number, run: () => Promise<void>) => Promise.all(Array.from({ length: callers }, run));

let target: LoadTarget | undefined;
process.on('message', (message: { target: LoadTarget } | { task: LoadTask }) => {
  if ('target' in message) target = message.target;
  else
    void new Callers(target!, message.task.callers).run(message.task).then((result) => process.send!(result));
});
process.once('disconnect', () => process.exit());
