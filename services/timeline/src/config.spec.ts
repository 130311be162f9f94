import { describe, expect, it } from '@jest/globals';
import { ConfigProblems } from '@trackline/process';
import { loadConfig } from './config.ts';

const enough = { KAFKA_BROKERS: 'localhost:9092', DATABASE_URL: 'postgres://localhost/x', ADMIN_TOKEN: 't' };

describe('settings', () => {
  it('have defaults for all but what only the operator knows', () => {
    expect(loadConfig(enough)).toMatchObject({
      httpPort: 8084,
      httpHost: '127.0.0.1',
      batchMessages: 500,
      sessionTimeoutMs: 10_000,
    });
  });

  it('are all looked at before anything is said', () => {
    const load = () => loadConfig({ HTTP_PORT: 'high', LOG_LEVEL: 'loud', BATCH_MESSAGES: '0' });
    expect(load).toThrow(ConfigProblems);
    for (const name of [
      'KAFKA_BROKERS',
      'DATABASE_URL',
      'ADMIN_TOKEN',
      'HTTP_PORT',
      'LOG_LEVEL',
      'BATCH_MESSAGES',
    ]) {
      expect(load).toThrow(name);
    }
  });
});
