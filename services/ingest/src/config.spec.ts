import { describe, expect, it } from '@jest/globals';
import { ConfigProblems } from '@trackline/process';
import { loadConfig } from './config.ts';

const needed = {
  KAFKA_BROKERS: 'k:9092',
  DATABASE_URL: 'postgres://p/t',
  REDIS_URL: 'redis://r',
  ADMIN_TOKEN: 'secret',
};

describe('the settings', () => {
  it('have defaults but for what is somewhere else in every place', () => {
    expect(loadConfig(needed)).toMatchObject({
      kafkaBrokers: 'k:9092',
      httpHost: '127.0.0.1',
      httpPort: 8081,
      contactPartitions: 6,
      outcomePartitions: 16,
      answerDeadlineMs: 2_000,
      topicPrefix: '',
    });
  });

  it('are refused with all that is wrong at once', () => {
    const load = () =>
      loadConfig({
        ...needed,
        ADMIN_TOKEN: '',
        HTTP_PORT: '80a',
        CONTACT_PARTITIONS: '0',
        LOG_LEVEL: 'loud',
      });
    expect(load).toThrow(ConfigProblems);
    try {
      load();
    } catch (error) {
      expect((error as ConfigProblems).problems.map((problem) => problem.split(' ')[0])).toEqual([
        'LOG_LEVEL',
        'ADMIN_TOKEN',
        'HTTP_PORT',
        'CONTACT_PARTITIONS',
      ]);
    }
  });
});
