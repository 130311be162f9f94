import { secretsKeyProblem } from '@trackline/directory';
import { readSettings, type Environment, type ServiceConfig, type Settings } from '@trackline/process';
import { isNetwork } from './adapters/network/address-rules.ts';

export interface ConnectorsConfig extends ServiceConfig {
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
  readonly conversionsApiUrl: string;
  readonly conversionsApiVersion: string;
  readonly smtpUrl: string | undefined;
  readonly smtpFrom: string | undefined;
}

const urlOf =
  (...protocols: string[]) =>
  (value: string): string | undefined =>
    URL.canParse(value) && protocols.includes(new URL(value).protocol)
      ? undefined
      : `a URL that begins with ${protocols.map((protocol) => `${protocol}//`).join(' or ')} is needed`;

const graphUrl = (settings: Settings, name: string): string =>
  (settings.checked(name, urlOf('https:', 'http:')) ?? 'https://graph.facebook.com').replace(/\/+$/, '');

const graphVersion = (settings: Settings, name: string): string =>
  settings.checked(name, (value) =>
    /^v\d+\.\d+$/.test(value) ? undefined : 'a version like v24.0 is needed',
  ) ?? 'v24.0';

function networksOf(settings: Settings, name: string): string[] {
  const networks = settings
    .text(name, '')
    .split(',')
    .map((network) => network.trim())
    .filter(Boolean);
  for (const network of networks.filter((one) => !isNetwork(one)))
    settings.problems.push(`${name} has "${network}": networks like 10.0.0.0/8 are needed.`);
  return networks;
}

/** The settings from the environment. Throws ConfigProblems that lists all that is wrong at once. */
export const loadConfig = (env: Environment): ConnectorsConfig => readSettings(env, read);

function read(settings: Settings): ConnectorsConfig {
  const config: ConnectorsConfig = {
    ...settings.ofService('connectors', { httpPort: 8085 }),
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
    allowedPrivate: networksOf(settings, 'CONNECTORS_ALLOWED_PRIVATE'),
    whatsappApiUrl: graphUrl(settings, 'WHATSAPP_API_URL'),
    whatsappApiVersion: graphVersion(settings, 'WHATSAPP_API_VERSION'),
    conversionsApiUrl: graphUrl(settings, 'CONVERSIONS_API_URL'),
    conversionsApiVersion: graphVersion(settings, 'CONVERSIONS_API_VERSION'),
    smtpUrl: settings.checked('SMTP_URL', urlOf('smtp:', 'smtps:')),
    smtpFrom: settings.checked('SMTP_FROM', (value) =>
      value.includes('@') ? undefined : 'an address is needed',
    ),
  };
  if (config.deliveryLeaseMs < 2 * config.deliveryTimeoutMs)
    settings.problems.push('DELIVERY_LEASE_MS has to be at least twice DELIVERY_TIMEOUT_MS.');
  if (config.smtpUrl !== undefined && config.smtpFrom === undefined)
    settings.problems.push('SMTP_FROM is needed with SMTP_URL: whom its mails come from.');
  return config;
}
