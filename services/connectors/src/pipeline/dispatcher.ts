import type { ActionKind } from '@trackline/contracts';
import { Load, type Queue } from '../domain/allotment.ts';
import type { ClaimedDelivery } from '../domain/delivery.ts';
import type { BeforeAttempts, DeliveryStore, DispatchLimits, FoundBefore } from '../ports.ts';

export interface DispatcherDependencies {
  readonly kind: ActionKind;
  readonly store: Pick<DeliveryStore, 'claim'>;
  readonly before: BeforeAttempts;
  readonly deliver: (delivery: ClaimedDelivery, found: Promise<FoundBefore>) => Promise<void>;
  readonly limits: DispatchLimits;
  readonly onFault: (error: unknown) => void;
}

/** Completions that come together are answered with one claim. */
const GATHER_MS = 5;

/**
 * Keeps as many deliveries of one kind under way as its limits allow, and claims more when some are done, when it is woken, and every
 * `pollMs`: what another instance put down, and what is due again, tells nobody.
 */
export class Dispatcher {
  private readonly use: DispatcherDependencies;
  private readonly load: Load;
  private readonly underWay = new Set<Promise<void>>();
  private running: Promise<void> | undefined;
  private stopped = false;
  private awake = false;
  private wakeUp: () => void = () => undefined;

  constructor(use: DispatcherDependencies) {
    this.use = use;
    this.load = new Load(use.limits);
  }

  start(): void {
    this.running ??= this.run();
  }

  /** Something may be due. */
  wake(): void {
    this.awake = true;
    this.wakeUp();
  }

  /** Claims no more; resolves when what is under way is done. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.wake();
    await this.running;
    await Promise.all(this.underWay);
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      this.awake = false;
      const begun = await this.claimAndBegin();
      if (begun === 0) await this.rest(this.use.limits.pollMs);
      else if (this.load.free === 0) await this.rest(Number.POSITIVE_INFINITY);
      await new Promise((resolve) => setTimeout(resolve, GATHER_MS));
    }
  }

  /** Until `ms` are over or someone wakes it. */
  private async rest(ms: number): Promise<void> {
    if (this.awake || this.stopped) return;
    await new Promise<void>((resolve) => {
      const timer = ms === Number.POSITIVE_INFINITY ? undefined : setTimeout(resolve, ms);
      this.wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  private async claimAndBegin(): Promise<number> {
    const { kind, store, limits, onFault } = this.use;
    if (this.load.free === 0) return 0;
    try {
      const claimed = await store.claim({
        kind,
        leaseMs: limits.leaseMs,
        queues: this.load.free,
        full: () => this.load.full(),
        allot: (queues) => this.load.allot(queues),
      });
      if (claimed.length > 0) this.begin(claimed);
      return claimed.length;
    } catch (error) {
      onFault(error);
      return 0;
    }
  }

  private begin(claimed: readonly ClaimedDelivery[]): void {
    const { before, deliver, onFault } = this.use;
    const found = before.lookUp(claimed.map(({ action }) => action));
    for (const [at, delivery] of claimed.entries()) {
      const queue: Queue = {
        organizationId: delivery.action.organizationId,
        destination: delivery.destination,
      };
      this.load.begun(queue);
      const own = found.then((all) => all[at]);
      own.catch(() => undefined);
      const one = deliver(delivery, own)
        // The claim comes back when its lease ends.
        .catch(onFault)
        .finally(() => {
          this.load.ended(queue);
          this.underWay.delete(one);
          this.wake();
        });
      this.underWay.add(one);
    }
  }
}
