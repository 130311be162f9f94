import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

export const REPLAY_USAGE = `npm run replay-webhooks -- --channel <id> [options]

  --channel <id>    the channel whose webhooks are mapped and published once more
  --from <moment>   received at or after it: 2026-11-01, or 2026-11-01T10:00:00Z (default: all that is kept)
  --to <moment>     received before it
  --dry-run         say what would be published, and publish nothing
  --help

What has been counted is not counted again. Reads DATABASE_URL, KAFKA_BROKERS, TOPIC_PREFIX and CONTACT_PARTITIONS as the service does; without
the first two, the stack that runs in this checkout.`;

/** Whoever gave the command has to change something; told in a sentence. */
export class Mistake extends Error {
  override readonly name = 'Mistake';
}

export interface ReplayOptions {
  readonly channelId: string;
  readonly fromMs?: number;
  readonly toMs?: number;
  readonly dryRun: boolean;
}

/** `undefined`: help is wanted. Throws a Mistake that says what would be right. */
export function parseReplayOptions(argv: readonly string[]): ReplayOptions | undefined {
  const { help, channel, from, to, 'dry-run': dryRun = false } = understood(argv);
  if (help) return undefined;
  if (channel === undefined) throw new Mistake(`--channel is needed.\n\n${REPLAY_USAGE}`);
  const fromMs = momentOf('--from', from);
  const toMs = momentOf('--to', to);
  return {
    channelId: channel,
    ...(fromMs === undefined ? undefined : { fromMs }),
    ...(toMs === undefined ? undefined : { toMs }),
    dryRun,
  };
}

const MOMENT = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d))?$/;

function momentOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = MOMENT.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms))
    throw new Mistake(`${option} is "${text}": like this: 2026-11-01, or 2026-11-01T10:00:00Z.`);
  return ms;
}

function understood(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        channel: { type: 'string' },
        from: { type: 'string' },
        to: { type: 'string' },
        'dry-run': { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new Mistake(`${(error as Error).message}\n\n${REPLAY_USAGE}`);
  }
}

type Environment = Readonly<Record<string, string | undefined>>;

export interface ReplayAddresses {
  readonly databaseUrl: string;
  readonly kafkaBrokers: string;
}

/** From the environment, else from the stack that runs in this checkout. */
export function addressesOf(env: Environment): ReplayAddresses {
  const file = resolve(env.STACK_FILE || join(env.TRACKLINE_HOME || '.trackline', 'stack.json'));
  const stack = env.DATABASE_URL && env.KAFKA_BROKERS ? {} : readStack(file);
  const databaseUrl = env.DATABASE_URL || stack.databaseUrl;
  const kafkaBrokers = env.KAFKA_BROKERS || stack.kafkaBrokers;
  if (databaseUrl && kafkaBrokers) return { databaseUrl, kafkaBrokers };
  throw new Mistake(
    `DATABASE_URL and KAFKA_BROKERS are not both set, and no stack runs here (${file} is not there). Set them, or start a stack with "npm start".`,
  );
}

function readStack(file: string): Partial<ReplayAddresses> {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Partial<ReplayAddresses>;
  } catch {
    return {};
  }
}
