import { describe, expect, it } from '@jest/globals';
import { ConfigProblems, readSettings, type Environment, type Settings } from './settings.ts';

const NEEDED = { KAFKA_BROKERS: 'k:9092', DATABASE_URL: 'postgres://p/t', ADMIN_TOKEN: 'secret' };

const read =
  <Config>(config: (settings: Settings) => Config) =>
  (env: Environment) =>
    readSettings(env, config);

const problemsOf = (load: (env: Environment) => unknown, env: Environment): readonly string[] => {
  try {
    load(env);
  } catch (error) {
    if (error instanceof ConfigProblems) return error.problems;
    throw error;
  }
  return [];
};

describe('what every service is told', () => {
  const load = read((settings) => settings.ofService('tiny', { httpPort: 8080 }));

  it('has defaults for all but where things are and the admin token', () => {
    expect(load({ ...NEEDED, HTTP_HOST: '', HTTP_PORT: '', LOG_LEVEL: '' })).toEqual({
      kafkaBrokers: 'k:9092',
      databaseUrl: 'postgres://p/t',
      adminToken: 'secret',
      httpHost: '127.0.0.1',
      httpPort: 8080,
      logLevel: 'info',
      topicPrefix: '',
      instanceId: `tiny-${process.pid}`,
    });
  });

  it('is refused with all that is wrong at once, and what would be right', () => {
    expect(problemsOf(load, { HTTP_PORT: '65536', LOG_LEVEL: 'loud' })).toEqual([
      'LOG_LEVEL is "loud": one of trace, debug, info, warn, error, fatal, silent is needed.',
      'KAFKA_BROKERS is not set: host:port of the brokers, separated by commas.',
      'DATABASE_URL is not set: postgres://user:password@host:port/database.',
      'ADMIN_TOKEN is not set: the bearer token of administration routes.',
      'HTTP_PORT is "65536": a whole number from 0 to 65535 is needed.',
    ]);
    expect(() => load({})).toThrow(/^Settings are missing or wrong:\n {2}KAFKA_BROKERS is not set/);
  });
});

describe('a setting', () => {
  it.each(['0', '11', '1.5', 'x', '1e', ' '])('that is %j is no whole number from 1 to 10', (text) => {
    expect(
      problemsOf(
        read((settings) => settings.whole('N', 5, 1, 10)),
        { N: text },
      ),
    ).toHaveLength(1);
  });

  it.each([
    ['true', true],
    ['false', false],
    ['', false],
    [undefined, false],
  ])('that is %j is %j where yes or no is asked', (text, answer) => {
    expect(read((settings) => settings.yes('Y'))({ Y: text })).toBe(answer);
  });

  it('that may hold a password is not told when it is refused', () => {
    const load = read((settings) => settings.checked('SMTP_URL', () => 'a URL is needed'));
    expect(problemsOf(load, { SMTP_URL: 'hunter2' })).toEqual(['SMTP_URL is not right: a URL is needed.']);
    expect(load({ SMTP_URL: '' })).toBeUndefined();
  });
});
