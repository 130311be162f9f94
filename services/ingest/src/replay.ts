import { Directory } from '@trackline/directory';
import { parseJsonBody } from '@trackline/http';
import { connectKafka, Publisher } from '@trackline/kafka';
import { createLogger } from '@trackline/observability';
import { createPool } from '@trackline/postgres';
import { composeWhatsapp } from './compose-whatsapp.ts';
import { loadConfig } from './config.ts';
import { receivingDry, replayWebhooks, type ReplayReport } from './pipeline/replay-webhooks.ts';
import { addressesOf, Mistake, parseReplayOptions, REPLAY_USAGE } from './replay-options.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Runs the command and gives what it has to say. Throws a Mistake of whoever gave it. */
export async function replay(argv: readonly string[], env: Environment): Promise<string> {
  const options = parseReplayOptions(argv);
  if (!options) return REPLAY_USAGE;
  const { databaseUrl, kafkaBrokers } = addressesOf(env);
  const name = `ingest-replay-${process.pid}`;
  // What this command does not use is set to something, so that the rest is read and checked as the service does.
  const unused = { REDIS_URL: 'unused', ADMIN_TOKEN: 'unused' };
  const config = loadConfig({ ...env, ...unused, DATABASE_URL: databaseUrl, KAFKA_BROKERS: kafkaBrokers });
  const logger = createLogger({ service: 'ingest', instance: name, level: 'warn' });
  const database = createPool({ databaseUrl, max: 4, applicationName: name, logger });
  const connection = connectKafka({
    brokers: kafkaBrokers,
    clientId: name,
    topicPrefix: config.topicPrefix,
    logger,
  });
  const publisher = new Publisher({ connection, retryForMs: config.publishTimeoutMs });
  try {
    const connections = { database, directory: new Directory(database), publisher };
    const whatsapp = composeWhatsapp({ config, logger, connections });
    const { channelId, dryRun, ...range } = options;
    const known = await whatsapp.channels.numbers(channelId);
    if (!known) throw new Mistake(`There is no channel ${channelId}.`);
    if (!dryRun) await publisher.connect();
    const { organizationId, numbers } = known;
    const report = await replayWebhooks(
      { bodies: whatsapp.bodies, receive: dryRun ? receivingDry() : whatsapp.receive, parse: parseJsonBody },
      {
        ...range,
        channelId,
        asker: { organizationId },
        isOurs: (phoneNumberId) => numbers.has(phoneNumberId),
        tellsMeta: (phoneNumberId) => numbers.get(phoneNumberId)?.conversionFeedback === true,
      },
    );
    return toText(report, dryRun);
  } finally {
    await publisher.disconnect();
    await database.close();
  }
}

function toText(
  { bodies, changes, events, touches, strangers, malformed, erased }: ReplayReport,
  dryRun: boolean,
): string {
  const names = [...events]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, count]) => `  ${name}  ${count}`);
  const left = [
    [strangers, 'changes of numbers that belong to no channel of the organisation'],
    [malformed, 'items without an id'],
    [erased, 'items of people who were erased'],
  ] as const;
  return [
    `${bodies} webhooks with ${changes} changes. ${dryRun ? 'Would be published' : 'Published'}:`,
    ...names,
    `  conversations  ${touches}`,
    ...left.filter(([count]) => count > 0).map(([count, what]) => `left out: ${count} ${what}`),
    ...(dryRun ? [] : ['What had been counted before is not counted again: GET /v1/usage tells.']),
  ].join('\n');
}
