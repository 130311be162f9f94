import { createDatabase } from './dependencies/postgres.ts';
import { redisServer } from './dependencies/redis.ts';
import type { Infrastructure } from './infrastructure.ts';
import type { Surroundings } from './surroundings.ts';

/** Tests have a database and a Redis number of their own on the servers of the stack, which keeps its to itself. */
export async function environmentOfTests(
  surroundings: Surroundings,
  infrastructure: Infrastructure,
): Promise<NodeJS.ProcessEnv> {
  const database = new URL(infrastructure.databaseUrl);
  database.pathname = '/tests';
  await createDatabase(database.toString());
  return {
    KAFKA_BROKERS: infrastructure.kafkaBrokers,
    DATABASE_URL: database.toString(),
    REDIS_URL: `${infrastructure.redisUrl}/1`,
    // For those that start servers of their own: a cluster.
    REDIS_SERVER: (await redisServer(surroundings)).command,
  };
}
