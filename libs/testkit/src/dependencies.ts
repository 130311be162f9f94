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
  return { kafkaBrokers: env.KAFKA_BROKERS!, databaseUrl: env.DATABASE_URL!, redisUrl: env.REDIS_URL! };
}
