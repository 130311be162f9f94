/** What `npm test` prepares for tests that break things (tools/stack/src/fault-lane): programs to start, none of which runs yet. */
export interface BreakableParts {
  readonly directory: string;
  readonly logs: string;
  /** The command. */
  readonly redisServer: string;
  /** Of this worker of jest: files that run at the same time do not meet. */
  readonly broker: SpareBroker;
  readonly migrations: readonly string[];
  /** Has all schemas already, and is copied; left out: the migrations make them. */
  readonly migratedDatabase?: string;
}

export interface SpareBroker {
  readonly command: string;
  readonly args: readonly string[];
  /** Formatted storage, to be copied. */
  readonly logDirectory: string;
  readonly port: number;
  readonly doors: readonly BrokerDoor[];
}

/** Who comes in by `port` is told to come by `advertisedPort` from then on. */
export interface BrokerDoor {
  readonly port: number;
  readonly advertisedPort: number;
}

/** Throws when they are not there: a fault test fails without them, it never skips. */
export function breakablePartsFromEnv(env: NodeJS.ProcessEnv = process.env): BreakableParts {
  const text = env.BREAKABLE_PARTS;
  if (!text) {
    throw new Error(
      'BREAKABLE_PARTS is not set: this test starts and kills a broker, a Redis and services of its own. "npm test -- fault" ' +
        'prepares them; for "npm run jest" do it with: eval "$(npm run --silent breakable)"',
    );
  }
  const { brokers, ...parts } = JSON.parse(text) as Omit<BreakableParts, 'broker'> & {
    brokers: SpareBroker[];
  };
  const broker = brokers[workerIndex(env)];
  if (!broker)
    throw new Error(`There are ${brokers.length} spare brokers, and more workers of jest than that.`);
  return { ...parts, broker };
}

/** From 0 on, among the workers of this run of jest. */
export const workerIndex = (env: NodeJS.ProcessEnv = process.env): number =>
  Number(env.JEST_WORKER_ID ?? 1) - 1;
