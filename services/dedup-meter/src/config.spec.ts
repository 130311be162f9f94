import { describe, expect, it } from '@jest/globals';
import { loadConfig } from './config.ts';

const NEEDED = {
  KAFKA_BROKERS: 'k:9092',
  DATABASE_URL: 'postgres://h/d',
  REDIS_URL: 'redis://h',
  ADMIN_TOKEN: 'secret',
};

describe('settings', () => {
  it('have a default for all but where things are and the admin token', () => {
    expect(loadConfig(NEEDED)).toMatchObject({
      httpPort: 8082,
      contactPartitions: 6,
      sourceGeneration: 1,
      inboundAuth: 'none',
      hotWindowMs: 48 * 3_600_000,
      tickMs: 1_000,
      sessionTimeoutMs: 10_000,
    });
  });

  it('are all checked before anything is told', () => {
    const wrong = {
      ...NEEDED,
      REDIS_URL: '',
      INBOUND_AUTH: 'maybe',
      HOT_WINDOW_HOURS: '0',
      SESSION_TIMEOUT_MS: '999',
      TICK_MS: 'soon',
    };
    expect(() => loadConfig(wrong)).toThrow(
      expect.objectContaining({
        problems: [
          expect.stringMatching(/^REDIS_URL is not set/),
          'INBOUND_AUTH is "maybe": one of none, key is needed.',
          'HOT_WINDOW_HOURS is "0": a whole number from 1 to 1440 is needed.',
          'SESSION_TIMEOUT_MS is "999": a whole number from 1000 to 300000 is needed.',
          'TICK_MS is "soon": a whole number from 0 to 3600000 is needed.',
        ],
      }),
    );
  });
});
