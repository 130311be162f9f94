export interface Dependencies {
  /** Comma separated `host:port`, as in KAFKA_BROKERS. */
  readonly kafkaBrokers: string;
  readonly databaseUrl: string;
  readonly redisUrl: string;
}

/** Where the real Kafka, Postgres and Redis of an integration test are. Throws when one is not named: such a test fails, it never skips. */
export function dependenciesFromEnv(env: NodeJS.ProcessEnv = process.env): Dependencies {
  const missing = ['KAFKA_BROKERS', 'DATABASE_URL', 'REDIS_URL'].filter((name) => !env[name]);
  if (missing.length > 0) {
    throw new Error(
      `${missing.join(', ')} not set: this test needs real Kafka, Postgres and Redis. "npm test" brings them up.`,
    );
  }
  return {
    kafkaBrokers: env.KAFKA_BROKERS!,
    databaseUrl: env.DATABASE_URL!,
    redisUrl: ofWorker(env.REDIS_URL!, Number(env.JEST_WORKER_ID ?? 1)),
  };
}

/** Test files that run at the same time share a Redis, not a database of it: some of them empty theirs. */
function ofWorker(redisUrl: string, worker: number): string {
  const url = new URL(redisUrl);
  url.pathname = String(Number(url.pathname.slice(1)) + worker - 1);
  return url.href;
}
