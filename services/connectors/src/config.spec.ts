import { describe, expect, it } from '@jest/globals';
import { ConfigProblems } from '@trackline/process';
import { loadConfig } from './config.ts';

const NEEDED = {
  KAFKA_BROKERS: 'localhost:9092',
  DATABASE_URL: 'postgres://localhost/trackline',
  ADMIN_TOKEN: 'token',
};

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof ConfigProblems) return error.problems;
    throw error;
  }
  return [];
}

describe('the settings', () => {
  it('have defaults for all but where the others are', () => {
    expect(loadConfig(NEEDED)).toMatchObject({
      httpPort: 8085,
      deliveryConcurrency: 128,
      deliveriesDays: 30,
      allowHttp: false,
      allowedPrivate: [],
      whatsappApiUrl: 'https://graph.facebook.com',
      conversionsApiUrl: 'https://graph.facebook.com',
      conversionsApiVersion: 'v24.0',
      secretsKey: undefined,
      smtpUrl: undefined,
    });
  });

  it('name everything that is wrong at once, and no secret', () => {
    const problems = problemsOf({
      HTTP_PORT: 'x',
      SECRETS_KEY: 'hunter2',
      SMTP_URL: 'http://me:hunter2@mail',
      CONNECTORS_ALLOW_HTTP: 'yes',
      CONNECTORS_ALLOWED_PRIVATE: '10.0.0.0/8, 127.0.0.1',
      WHATSAPP_API_VERSION: '24',
      CONVERSIONS_API_URL: 'ftp://graph',
    });
    expect(problems.map((problem) => problem.split(' ')[0]).sort()).toEqual([
      'ADMIN_TOKEN',
      'CONNECTORS_ALLOWED_PRIVATE',
      'CONNECTORS_ALLOW_HTTP',
      'CONVERSIONS_API_URL',
      'DATABASE_URL',
      'HTTP_PORT',
      'KAFKA_BROKERS',
      'SECRETS_KEY',
      'SMTP_FROM',
      'SMTP_URL',
      'WHATSAPP_API_VERSION',
    ]);
    expect(problems.join()).not.toContain('hunter2');
  });

  it('name a sender for the server that they name', () => {
    const server = { ...NEEDED, SMTP_URL: 'smtp://mail' };
    expect(problemsOf(server)).toEqual([expect.stringContaining('SMTP_FROM')]);
    expect(problemsOf({ ...server, SMTP_FROM: 'shop@shop.example' })).toEqual([]);
  });

  it('keep a lease longer than what is done under it', () => {
    const wrong = { ...NEEDED, DELIVERY_TIMEOUT_MS: '20000', DELIVERY_LEASE_MS: '30000' };
    expect(problemsOf(wrong)).toEqual([expect.stringContaining('DELIVERY_LEASE_MS')]);
  });
});
