import type { Surroundings } from '../surroundings.ts';
import { startFromCompose, type ComposeService } from './compose.ts';
import type { Dependency } from './dependency.ts';
import { reachKafka, startKafka } from './kafka.ts';
import { reachPostgres, startPostgres } from './postgres.ts';
import { reachRedis, startRedis } from './redis.ts';

export interface DependencyChoice {
  /** Take what the environment does not name from the compose file instead of starting it embedded. */
  readonly docker: boolean;
  readonly fresh: boolean;
  /** Whether embedded ones write through to the disk. */
  readonly durable: boolean;
  /** Whether embedded ones listen on their well-known ports when those are free. */
  readonly usualPorts: boolean;
  /** Where KAFKA_BROKERS, DATABASE_URL and REDIS_URL are looked up. */
  readonly env: NodeJS.ProcessEnv;
}

/** All three, on their way up at the same time: what needs only one of them need not wait for the others. */
export interface Dependencies {
  readonly kafka: Promise<Dependency>;
  readonly postgres: Promise<Dependency>;
  readonly redis: Promise<Dependency>;
  /** After our processes have stopped: what is not one of them (containers). */
  stop(): Promise<void>;
}

/** Each for itself: named in the environment, else from the compose file (when asked for), else embedded. */
export function findDependencies(surroundings: Surroundings, choice: DependencyChoice): Dependencies {
  const { KAFKA_BROKERS, DATABASE_URL, REDIS_URL } = choice.env;
  const named: Record<ComposeService, string | undefined> = {
    kafka: KAFKA_BROKERS,
    postgres: DATABASE_URL,
    redis: REDIS_URL,
  };
  const others = (Object.keys(named) as ComposeService[]).filter((service) => !named[service]);
  const compose =
    choice.docker && others.length > 0 ? startFromCompose(surroundings, others, choice) : undefined;
  const contained = async (service: ComposeService) => (await compose!).dependencies[service];
  return {
    kafka: KAFKA_BROKERS
      ? reachKafka(KAFKA_BROKERS)
      : compose
        ? contained('kafka')
        : startKafka(surroundings, choice),
    postgres: DATABASE_URL
      ? reachPostgres(DATABASE_URL)
      : compose
        ? contained('postgres')
        : startPostgres(surroundings, choice),
    redis: REDIS_URL
      ? reachRedis(REDIS_URL)
      : compose
        ? contained('redis')
        : startRedis(surroundings, choice),
    stop: async () => {
      const started = await compose?.catch(() => undefined);
      started?.stop();
    },
  };
}
