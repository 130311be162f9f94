import { findDependencies, type DependencyChoice } from './dependencies/find-dependencies.ts';
import type { Dependency } from './dependencies/dependency.ts';
import type { Surroundings } from './surroundings.ts';
import { runStep } from './setup/run-step.ts';
import { migrations, provisioning } from './setup/steps.ts';

/** Kafka, Postgres and Redis, with the schemas migrated and the topics provisioned. */
export interface Infrastructure {
  readonly kafkaBrokers: string;
  readonly databaseUrl: string;
  readonly redisUrl: string;
  /** What is not one of our processes. Those are stopped by `Children.stopAll`. */
  stop(): Promise<void>;
}

/** All at once: Kafka takes longest to start, and meanwhile the migrations run. */
export async function bringUpInfrastructure(
  surroundings: Surroundings,
  choice: DependencyChoice,
): Promise<Infrastructure> {
  const { children, say } = surroundings;
  const startedMs = Date.now();
  const found = findDependencies(surroundings, choice);
  const up = async (name: string, coming: Promise<Dependency>): Promise<Dependency> => {
    const dependency = await coming;
    say.done(name, `${withoutPassword(dependency.address)} (${dependency.origin})`, Date.now() - startedMs);
    void dependency.died?.then((log) => {
      if (!children.isClosed)
        say.wrong(name, `has ended; without it nothing works. Its log: ${log}. Stop with Ctrl-C.`);
    });
    return dependency;
  };
  try {
    const [kafka, postgres, redis] = await Promise.all([
      up('kafka', found.kafka).then(async (dependency) => {
        await provisionTopics(surroundings, dependency.address);
        return dependency;
      }),
      up('postgres', found.postgres).then(async (dependency) => {
        await migrateAll(surroundings, dependency.address);
        return dependency;
      }),
      up('redis', found.redis),
    ]);
    return {
      kafkaBrokers: kafka.address,
      databaseUrl: postgres.address,
      redisUrl: redis.address,
      stop: () => found.stop(),
    };
  } catch (error) {
    await found.stop();
    throw error;
  }
}

async function provisionTopics({ children, say }: Surroundings, kafkaBrokers: string): Promise<void> {
  const startedMs = Date.now();
  const told = await runStep(children, provisioning, { KAFKA_BROKERS: kafkaBrokers });
  say.done('topics', told, Date.now() - startedMs);
}

async function migrateAll({ places, children, say }: Surroundings, databaseUrl: string): Promise<void> {
  const startedMs = Date.now();
  const steps = migrations(places);
  await Promise.all(steps.map((step) => runStep(children, step, { DATABASE_URL: databaseUrl })));
  say.done('schemas', `${steps.length} up to date`, Date.now() - startedMs);
}

function withoutPassword(address: string): string {
  return address.replace(/:\/\/[^@/]*@/, '://');
}
