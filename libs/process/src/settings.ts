import { LOG_LEVELS, type LogLevelName } from '@trackline/observability';

export type Environment = Readonly<Record<string, string | undefined>>;

/** What every service is told. */
export interface ServiceConfig {
  readonly kafkaBrokers: string;
  readonly databaseUrl: string;
  readonly httpHost: string;
  readonly httpPort: number;
  readonly adminToken: string;
  readonly logLevel: LogLevelName;
  /** Put before every topic name and group id. */
  readonly topicPrefix: string;
  readonly instanceId: string;
}

/** The settings are not usable; `problems` names every one of them. */
export class ConfigProblems extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`Settings are missing or wrong:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.problems = problems;
  }
}

/** Reads settings out of the environment and gathers what is wrong with them. A variable that is empty counts as absent. */
export class Settings {
  readonly problems: string[] = [];
  private readonly env: Environment;

  constructor(env: Environment) {
    this.env = env;
  }

  /** `httpPort`: where this service listens unless it is told otherwise. */
  ofService(service: string, { httpPort }: { httpPort: number }): ServiceConfig {
    return {
      logLevel: this.oneOf('LOG_LEVEL', 'info', LOG_LEVELS),
      kafkaBrokers: this.needed('KAFKA_BROKERS', 'host:port of the brokers, separated by commas'),
      databaseUrl: this.needed('DATABASE_URL', 'postgres://user:password@host:port/database'),
      adminToken: this.needed('ADMIN_TOKEN', 'the bearer token of administration routes'),
      httpHost: this.text('HTTP_HOST', '127.0.0.1'),
      httpPort: this.whole('HTTP_PORT', httpPort, 0, 65_535),
      topicPrefix: this.text('TOPIC_PREFIX', ''),
      instanceId: this.text('INSTANCE_ID', `${service}-${process.pid}`),
    };
  }

  needed(name: string, what: string): string {
    const value = this.env[name];
    if (!value) this.problems.push(`${name} is not set: ${what}.`);
    return value ?? '';
  }

  text(name: string, absent: string): string {
    return this.env[name] || absent;
  }

  /** Both bounds are allowed. */
  whole(name: string, absent: number, min: number, max: number): number {
    const text = this.env[name];
    if (text === undefined || text === '') return absent;
    const value = Number(text);
    if (Number.isInteger(value) && value >= min && value <= max) return value;
    this.problems.push(`${name} is "${text}": a whole number from ${min} to ${max} is needed.`);
    return absent;
  }

  oneOf<Value extends string>(name: string, absent: NoInfer<Value>, values: readonly Value[]): Value {
    const text = this.env[name] || absent;
    const value = values.find((one) => one === text);
    if (value !== undefined) return value;
    this.problems.push(`${name} is "${text}": one of ${values.join(', ')} is needed.`);
    return absent;
  }

  /** True or false; absent is false. */
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

/** The settings from the environment. Throws ConfigProblems that lists all that is wrong at once. */
export function readSettings<Config>(env: Environment, read: (settings: Settings) => Config): Config {
  const settings = new Settings(env);
  const config = read(settings);
  if (settings.problems.length > 0) throw new ConfigProblems(settings.problems);
  return config;
}
