import type { Redis } from 'ioredis';
import type { Logger } from '@trackline/observability';

export interface PartitionLeaseSettings {
  readonly redis: Redis;
  /** Partitions of `outcomes.v1`. */
  readonly partitions: number;
  /** Who leases: no two processes have the same. */
  readonly owner: string;
  readonly keyPrefix: string;
  readonly logger: Logger;
}

const LEASE_MS = 15_000;
const RENEW_MS = 5_000;

const RENEW = `
local owner = redis.call('GET', KEYS[1])
if not owner or owner == ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  return 1
end
return 0
`;
const RELEASE = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`;

/**
 * Which partition of the outcomes this process reads. Leasing spreads the instances over the partitions and nothing
 * more: two that share one (none is free, Redis is away, a lease was lost) each read the other's outcomes and drop them.
 */
export class PartitionLease {
  readonly partition: number;
  private readonly settings: PartitionLeaseSettings;
  private readonly timer: NodeJS.Timeout;

  private constructor(settings: PartitionLeaseSettings, partition: number) {
    this.settings = settings;
    this.partition = partition;
    this.timer = setInterval(() => void this.renew(), RENEW_MS);
    this.timer.unref();
  }

  static async take(settings: PartitionLeaseSettings): Promise<PartitionLease> {
    const { partitions, logger } = settings;
    const start = Math.floor(Math.random() * partitions);
    for (let tried = 0; tried < partitions; tried += 1) {
      const partition = (start + tried) % partitions;
      try {
        if ((await takeFree(settings, partition)) === 'OK') return new PartitionLease(settings, partition);
      } catch (err) {
        logger.warn(
          { err, partition: start },
          'redis is away: reading a partition of outcomes without a lease',
        );
        break;
      }
    }
    logger.info({ partition: start, partitions }, 'sharing a partition of outcomes');
    return new PartitionLease(settings, start);
  }

  async release(): Promise<void> {
    clearInterval(this.timer);
    const { redis, owner } = this.settings;
    await redis.eval(RELEASE, 1, this.key(), owner).catch(() => undefined);
  }

  /** Takes it again when it has lapsed; when another has it by now, both read it. */
  private async renew(): Promise<void> {
    const { redis, owner } = this.settings;
    await redis.eval(RENEW, 1, this.key(), owner, LEASE_MS).catch(() => undefined);
  }

  private key(): string {
    return keyOf(this.settings, this.partition);
  }
}

const keyOf = ({ keyPrefix }: PartitionLeaseSettings, partition: number): string =>
  `${keyPrefix}tl:ingest:outcomes:${partition}`;

const takeFree = (settings: PartitionLeaseSettings, partition: number): Promise<'OK' | null> =>
  settings.redis.set(keyOf(settings, partition), settings.owner, 'PX', LEASE_MS, 'NX');
