import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { connectKafka, type KafkaConnection } from '@trackline/kafka';
import { Mistake } from './mistake.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const NEEDED = {
  kafkaBrokers: 'KAFKA_BROKERS',
  databaseUrl: 'DATABASE_URL',
  redisUrl: 'REDIS_URL',
} as const;
type Dependency = keyof typeof NEEDED;

export type Addresses<Needed extends Dependency> = Readonly<Record<Needed, string>> & {
  readonly topicPrefix: string;
};

/** Where the needed ones are: each from its variable, else from the stack that runs in this checkout. */
export function addressesOf<Needed extends Dependency>(
  needed: readonly Needed[],
  env: Environment = process.env,
): Addresses<Needed> {
  const file = resolve(env.STACK_FILE || join(env.TRACKLINE_HOME || '.trackline', 'stack.json'));
  const stack = needed.every((name) => env[NEEDED[name]]) ? {} : readStack(file);
  const found = needed.map((name) => [name, env[NEEDED[name]] || stack[name]] as const);
  const missing = found.filter(([, address]) => !address).map(([name]) => NEEDED[name]);
  if (missing.length > 0) {
    throw new Mistake(
      `${missing.join(', ')} not set, and no stack runs here (${file} is not there). Set them, or start a stack with "npm start".`,
    );
  }
  return { ...Object.fromEntries(found), topicPrefix: env.TOPIC_PREFIX ?? '' } as Addresses<Needed>;
}

function readStack(file: string): Partial<Record<Dependency, string>> {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Partial<Record<Dependency, string>>;
  } catch {
    return {};
  }
}

export const kafkaOf = ({ kafkaBrokers, topicPrefix }: Addresses<'kafkaBrokers'>): KafkaConnection =>
  connectKafka({ brokers: kafkaBrokers, clientId: `operations-${process.pid}`, topicPrefix });
