import { secretsKeyProblem } from '@trackline/directory';
import { LOG_LEVELS, type LogLevelName } from '@trackline/observability';
import { isNetwork } from './adapters/network/address-rules.ts';

export interface ConnectorsConfig {
  readonly kafkaBrokers: string;
  readonly databaseUrl: string;
  readonly httpHost: string;
  readonly httpPort: number;
  readonly adminToken: string;
  readonly logLevel: LogLevelName;
  /** Put before every topic name and group id. */
  readonly topicPrefix: string;
  readonly instanceId: string;
  readonly contactPartitions: number;
  readonly databaseConnections: number;
  readonly batchMessages: number;
  /** Of one kind of action, in this process. */
  readonly deliveryConcurrency: number;
  readonly organizationConcurrency: number;
  /** Of one organisation to one destination. */
  readonly destinationConcurrency: number;
  readonly deliveryPollMs: number;
  /** How long a claim is nobody else's. */
  readonly deliveryLeaseMs: number;
  /** For one attempt. */
  readonly deliveryTimeoutMs: number;
  readonly deliveryAttempts: number;
  readonly deliveryHours: number;
  readonly retryFirstMs: number;
  readonly deliveriesDays: number;
  readonly secretsKey: string | undefined;
  readonly allowHttp: boolean;
  /** Networks that are called although they are private. */
  readonly allowedPrivate: readonly string[];
  readonly whatsappApiUrl: string;
  readonly whatsappApiVersion: string;
  readonly smtpUrl: string | undefined;
  readonly smtpFrom: string | undefined;
}

/** The settings are not usable; `problems` names every one of them. */
export class ConfigProblems extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`Settings are missing or wrong:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.problems = problems;
  }
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Reads settings and gathers what is wrong with them. */
class Settings {
  readonly problems: string[] = [];
  private readonly env: Environment;

  constructor(env: Environment) {
    this.env = env;
  }

  needed(name: string, what: string): string {
    const value = this.env[name];
    if (!value) this.problems.push(`${name} is not set: ${what}.`);
    return value ?? '';
  }

  whole(name: string, absent: number, min: number, max: number): number {
    const text = this.env[name];
    if (text === undefined || text === '') return absent;
    const value = Number(text);
    if (Number.isInteger(value) && value >= min && value <= max) return value;
    this.problems.push(`${name} is "${text}": a whole number from ${min} to ${max} is needed.`);
    return absent;
  }

  yes(name: string): boolean {
    const text = this.env[name] ?? '';
    if (!['', 'true', 'false'].includes(text))
      this.problems.push(`${name} is "${text}": true or false is needed.`);
    return text === 'true';
  }

  /** `wrong` says what would be right; the value itself is not told, it may hold a password. */
  checked(name: string, wrong: (value: string) => string | undefined): string | undefined {
    const value = this.env[name] || undefined;
    const problem = value && wrong(value);
    if (problem) this.problems.push(`${name} is not right: ${problem}.`);
    return value;
  }
}

const urlOf =
  (...protocols: string[]) =>
  (value: string): string | undefined =>
    URL.canParse(value) && protocols.includes(new URL(value).protocol)
      ? undefined
      : `a URL that begins with ${protocols.map((protocol) => `${protocol}//`).join(' or ')} is needed`;

const networksOf = (text: string): string[] =>
  text
    .split(',')
    .map((network) => network.trim())
    .filter(Boolean);

/** The settings from the environment. Throws ConfigProblems that lists all that is wrong at once. */
export function loadConfig(env: Environment): ConnectorsConfig {
  const settings = new Settings(env);
  const logLevel = (env.LOG_LEVEL || 'info') as LogLevelName;
  if (!LOG_LEVELS.includes(logLevel))
    settings.problems.push(`LOG_LEVEL is "${logLevel}": one of ${LOG_LEVELS.join(', ')} is needed.`);
  const allowedPrivate = networksOf(env.CONNECTORS_ALLOWED_PRIVATE ?? '');
  for (const network of allowedPrivate.filter((one) => !isNetwork(one)))
    settings.problems.push(
      `CONNECTORS_ALLOWED_PRIVATE has "${network}": networks like 10.0.0.0/8 are needed.`,
    );
  const config: ConnectorsConfig = {
    kafkaBrokers: settings.needed('KAFKA_BROKERS', 'host:port of the brokers, separated by commas'),
    databaseUrl: settings.needed('DATABASE_URL', 'postgres://user:password@host:port/database'),
    adminToken: settings.needed('ADMIN_TOKEN', 'the bearer token of administration routes'),
    httpHost: env.HTTP_HOST || '127.0.0.1',
    httpPort: settings.whole('HTTP_PORT', 8085, 0, 65_535),
    logLevel,
    topicPrefix: env.TOPIC_PREFIX ?? '',
    instanceId: env.INSTANCE_ID || `connectors-${process.pid}`,
    contactPartitions: settings.whole('CONTACT_PARTITIONS', 6, 1, 1_000),
    databaseConnections: settings.whole('DATABASE_CONNECTIONS', 16, 2, 200),
    batchMessages: settings.whole('BATCH_MESSAGES', 500, 1, 5_000),
    deliveryConcurrency: settings.whole('DELIVERY_CONCURRENCY', 128, 1, 2_000),
    organizationConcurrency: settings.whole('ORGANIZATION_CONCURRENCY', 16, 1, 2_000),
    destinationConcurrency: settings.whole('DESTINATION_CONCURRENCY', 8, 1, 2_000),
    deliveryPollMs: settings.whole('DELIVERY_POLL_MS', 200, 10, 60_000),
    deliveryLeaseMs: settings.whole('DELIVERY_LEASE_MS', 60_000, 1_000, 3_600_000),
    deliveryTimeoutMs: settings.whole('DELIVERY_TIMEOUT_MS', 15_000, 50, 300_000),
    deliveryAttempts: settings.whole('DELIVERY_ATTEMPTS', 16, 1, 100),
    deliveryHours: settings.whole('DELIVERY_HOURS', 24, 1, 24 * 7),
    retryFirstMs: settings.whole('RETRY_FIRST_MS', 5_000, 1, 3_600_000),
    deliveriesDays: settings.whole('DELIVERIES_DAYS', 30, 1, 3_660),
    secretsKey: settings.checked('SECRETS_KEY', secretsKeyProblem),
    allowHttp: settings.yes('CONNECTORS_ALLOW_HTTP'),
    allowedPrivate,
    whatsappApiUrl: (
      settings.checked('WHATSAPP_API_URL', urlOf('https:', 'http:')) ?? 'https://graph.facebook.com'
    ).replace(/\/+$/, ''),
    whatsappApiVersion:
      settings.checked('WHATSAPP_API_VERSION', (value) =>
        /^v\d+\.\d+$/.test(value) ? undefined : 'a version like v24.0 is needed',
      ) ?? 'v24.0',
    smtpUrl: settings.checked('SMTP_URL', urlOf('smtp:', 'smtps:')),
    smtpFrom: settings.checked('SMTP_FROM', (value) =>
      value.includes('@') ? undefined : 'an address is needed',
    ),
  };
  if (config.deliveryLeaseMs < 2 * config.deliveryTimeoutMs)
    settings.problems.push('DELIVERY_LEASE_MS has to be at least twice DELIVERY_TIMEOUT_MS.');
  if (config.smtpUrl !== undefined && config.smtpFrom === undefined)
    settings.problems.push('SMTP_FROM is needed with SMTP_URL: whom its mails come from.');
  if (settings.problems.length > 0) throw new ConfigProblems(settings.problems);
  return config;
}
