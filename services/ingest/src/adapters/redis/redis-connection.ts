import { Redis } from 'ioredis';
import type { Logger } from '@trackline/observability';

/** A request waits for Redis at most this long: what we keep there makes answers better, not right. */
const COMMAND_TIMEOUT_MS = 250;
const MAX_RECONNECT_PAUSE_MS = 1_000;
const START_TIMEOUT_MS = 2_000;

/**
 * Commands fail at once while Redis is away, and are never sent again behind our back: ioredis would repeat one whose
 * reply was lost, and take two requests out of a bucket for one.
 */
export async function openRedis(url: string, logger: Logger): Promise<Redis> {
  const redis = new Redis(url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    commandTimeout: COMMAND_TIMEOUT_MS,
    connectTimeout: 2_000,
    retryStrategy: (attempt) => Math.min(MAX_RECONNECT_PAUSE_MS, attempt * 50),
  });
  let lastError = '';
  redis.on('error', (err: Error) => {
    // One line per kind of trouble, not one per attempt.
    if (err.message !== lastError) logger.warn({ err }, 'redis is away');
    lastError = err.message;
  });
  redis.on('ready', () => {
    lastError = '';
    logger.info('redis is there');
  });
  await readyOrLate(redis);
  return redis;
}

/** A start does not hang on Redis: without it the service works, only less well. */
function readyOrLate(redis: Redis): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, START_TIMEOUT_MS);
    redis.once('ready', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
