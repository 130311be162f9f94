import { describe, expect, it } from '@jest/globals';
import { ConfigProblems } from '@trackline/process';
import { loadConfig } from './config.ts';

const needed = { KAFKA_BROKERS: 'a:9092', DATABASE_URL: 'postgres://a/b', ADMIN_TOKEN: 'secret' };

describe('the settings', () => {
  it('have their defaults', () => {
    expect(loadConfig(needed)).toMatchObject({ httpPort: 8083, contactPartitions: 6, sourceGeneration: 1 });
  });

  it('are refused all at once, each with what would be right', () => {
    try {
      loadConfig({ HTTP_PORT: 'x', TIMER_CHUNK: '0', LOG_LEVEL: 'loud' });
      throw new Error('accepted');
    } catch (error) {
      expect((error as ConfigProblems).problems.map((problem) => problem.split(' ')[0])).toEqual([
        'LOG_LEVEL',
        'KAFKA_BROKERS',
        'DATABASE_URL',
        'ADMIN_TOKEN',
        'HTTP_PORT',
        'TIMER_CHUNK',
      ]);
    }
  });
});
