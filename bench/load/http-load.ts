/**
 * The callers, in a process of their own: what they cost is told apart from what they call. undici, one request at a time per connection.
 * Forked by stage/callers.ts; one task after the other.
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import { percentile } from '../measure/statistics.ts';

/** Requests are taken in turn, and so are origins. */
export interface LoadTarget {
  readonly origins: readonly string[];
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
  /** Answers that say of an event that it was accepted and not judged in time: 202, and batches with such an item. */
  readonly undecided: number;
  /** Answers of 429 and 503 that do not say when to come again. */
  readonly withoutRetryAfter: number;
  /** What of these is told below. */
  readonly measured: number;
  /** Of the measured, those that were answered with 200, each event in them judged. */
  readonly whole: number;
  /** Whole answers that came within the window, in a second of it. */
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

interface Answered {
  /** The status, or how there was none. */
  readonly status: string;
  /** 200, and nothing in it is still undecided. */
  readonly isWhole: boolean;
}

const HEADERS = { 'content-type': 'application/json' };
const TURNED_AWAY = [429, 503];

class Callers {
  private readonly pools: readonly Pool[];
  private readonly target: LoadTarget;
  private next = 0;
  private statuses: Record<string, number> = {};
  private undecided = 0;
  private withoutRetryAfter = 0;
  /** Of those that are measured. */
  private tookMs: number[] = [];
  private whole = 0;
  /** Whole ones that came while it was measured, whenever they were meant to. */
  private wholeInTime = 0;

  constructor(target: LoadTarget, callers: number) {
    this.target = target;
    const connections = Math.ceil(callers / target.origins.length);
    this.pools = target.origins.map((origin) => new Pool(origin, { connections, pipelining: 1 }));
  }

  async run(task: LoadTask): Promise<LoadResult> {
    const seconds = await this[task.kind](task as never);
    await Promise.all(this.pools.map((pool) => pool.close()));
    const { statuses, undecided, withoutRetryAfter, tookMs, whole, wholeInTime } = this;
    return {
      ...{ statuses, undecided, withoutRetryAfter },
      ...{ measured: tookMs.length, whole, perSecond: wholeInTime / seconds },
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
        const answered = await this.once();
        const endedMs = performance.now();
        // What ends in the window is counted, whenever it began: so no moment of it is left out or told twice.
        if (endedMs < warmUntilMs || endedMs >= untilMs) continue;
        this.measure(answered, endedMs - atMs);
        this.cameInTime(answered);
      }
    });
    return seconds;
  }

  protected async open({ seconds, warmSeconds, perSecond }: LoadTask & { kind: 'open' }): Promise<number> {
    const beginsAtMs = performance.now() + 10;
    const warmUntilMs = beginsAtMs + warmSeconds * 1_000;
    const untilMs = warmUntilMs + seconds * 1_000;
    const count = Math.floor(perSecond * (warmSeconds + seconds));
    const warm = Math.floor(perSecond * warmSeconds);
    const sent: Promise<void>[] = [];
    for (let index = 0; index < count; await sleep(1)) {
      for (const nowMs = performance.now(); index < count; index += 1) {
        const meantAtMs = beginsAtMs + (index / perSecond) * 1_000;
        if (meantAtMs > nowMs) break;
        const isMeasured = index >= warm;
        sent.push(
          this.once().then((answered) => {
            const endedMs = performance.now();
            if (isMeasured) this.measure(answered, endedMs - meantAtMs);
            if (endedMs >= warmUntilMs && endedMs < untilMs) this.cameInTime(answered);
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
        const answered = await this.once();
        this.measure(answered, performance.now() - atMs);
        this.cameInTime(answered);
      }
    });
    return (performance.now() - startedMs) / 1_000;
  }

  private measure({ isWhole }: Answered, tookMs: number): void {
    this.tookMs.push(tookMs);
    if (isWhole) this.whole += 1;
  }

  private cameInTime({ isWhole }: Answered): void {
    if (isWhole) this.wholeInTime += 1;
  }

  private async once(): Promise<Answered> {
    const turn = this.next++;
    const { requests } = this.target;
    const { method = 'POST', path, key, body, headers } = requests[turn % requests.length]!;
    let answered: Answered;
    try {
      const {
        statusCode,
        headers: told,
        body: coming,
      } = await this.pools[turn % this.pools.length]!.request({
        ...{ method, path, body: body ?? null },
        headers: {
          ...(body !== undefined && HEADERS),
          ...(key !== undefined && { authorization: `Bearer ${key}` }),
          ...headers,
        },
      });
      const isUndecided = (await coming.text()).includes('"accepted"');
      if (isUndecided) this.undecided += 1;
      if (TURNED_AWAY.includes(statusCode) && told['retry-after'] === undefined) this.withoutRetryAfter += 1;
      answered = { status: String(statusCode), isWhole: statusCode === 200 && !isUndecided };
    } catch (error) {
      answered = { status: (error as { code?: string }).code ?? String(error), isWhole: false };
    }
    this.statuses[answered.status] = (this.statuses[answered.status] ?? 0) + 1;
    return answered;
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
