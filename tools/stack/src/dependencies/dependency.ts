/** Kafka, Postgres or Redis, running and reachable. */
export interface Dependency {
  /** As in the environment: KAFKA_BROKERS, DATABASE_URL or REDIS_URL. */
  readonly address: string;
  /** Whence it comes, for the reader. */
  readonly origin: string;
  /** Ends by itself while the stack is up: only an embedded one can. */
  readonly died?: Promise<string>;
}
