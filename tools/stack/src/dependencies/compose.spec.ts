import { describe, expect, it } from '@jest/globals';
import { addressOf, volumesOf, type ComposeFile } from './compose.ts';

const config: ComposeFile = {
  volumes: { postgres: { name: 'trackline_postgres' } },
  services: {
    kafka: { ports: [{ target: 9092, published: '9192' }] },
    postgres: {
      environment: { POSTGRES_USER: 'trackline', POSTGRES_PASSWORD: 'p@ss', POSTGRES_DB: 'events' },
      volumes: [
        { type: 'volume', source: 'postgres' },
        { type: 'bind', source: '/etc' },
      ],
      ports: [{ target: 5432, published: '5432' }],
    },
    redis: { ports: [{ target: 6379 }] },
  },
};

describe('what the compose file tells', () => {
  it('is where this machine reaches a service', () => {
    expect(addressOf('kafka', config)).toBe('127.0.0.1:9192');
    expect(addressOf('postgres', config)).toBe('postgres://trackline:p%40ss@127.0.0.1:5432/events');
  });

  it('has to include a port', () => {
    expect(() => addressOf('redis', config)).toThrow('docker-compose.yml publishes no port of redis');
  });

  it('is which volumes hold its data', () => {
    expect(volumesOf('postgres', config)).toEqual(['trackline_postgres']);
    expect(volumesOf('redis', config)).toEqual([]);
  });
});
