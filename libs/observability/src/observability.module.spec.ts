import 'reflect-metadata';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Module } from '@nestjs/common';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import type { ReadinessChecks } from './health.ts';
import { createMetrics } from './metrics.ts';
import { ObservabilityModule } from './observability.module.ts';

let app: NestFastifyApplication | undefined;

async function serve(checks: ReadinessChecks): Promise<NestFastifyApplication> {
  const metrics = createMetrics('timeline');
  metrics.counter('events_total', 'Events.').inc(5);
  const testing = await Test.createTestingModule({
    imports: [ObservabilityModule.forService({ service: 'timeline', checks, metrics })],
  }).compile();
  app = testing.createNestApplication<NestFastifyApplication>(new FastifyAdapter(), { logger: false });
  await app.init();
  return app;
}

afterEach(async () => {
  await app?.close();
  app = undefined;
});

describe('GET /health/live', () => {
  it('is 200 though nothing is ready', async () => {
    const answer = await (await serve({ kafka: () => false })).inject('/health/live');
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toEqual({ status: 'live', service: 'timeline' });
  });
});

describe('GET /health/ready', () => {
  it('is 200 when every part is ready', async () => {
    const answer = await (
      await serve({ kafka: () => true, postgres: () => Promise.resolve(true) })
    ).inject('/health/ready');
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toEqual({
      status: 'ready',
      service: 'timeline',
      parts: { kafka: 'ready', postgres: 'ready' },
    });
  });

  it('is 503 in the common error form and names what is not ready, without telling why', async () => {
    const checks = {
      kafka: () => true,
      postgres: () => Promise.reject(new Error('password of trackline')),
      redis: () => false,
    };
    const answer = await (await serve(checks)).inject('/health/ready');
    expect(answer.statusCode).toBe(503);
    expect(answer.headers['retry-after']).toBe('1');
    expect(answer.json()).toMatchObject({
      success: false,
      error: 'timeline is not ready: postgres, redis',
      code: 'UNAVAILABLE',
      requestId: expect.any(String),
      parts: { kafka: 'ready', postgres: 'failed', redis: 'not_ready' },
    });
    expect(answer.body).not.toContain('password');
  });

  it('names a part that hangs instead of hanging with it', async () => {
    const answer = await (
      await serve({ kafka: () => new Promise<boolean>(() => undefined) })
    ).inject('/health/ready');
    expect(answer.statusCode).toBe(503);
    expect(answer.json()).toMatchObject({ parts: { kafka: 'timed_out' } });
  });

  it('is 503 from the moment the process begins to drain', async () => {
    let releaseDrain = () => undefined as void;
    const drained = new Promise<void>((resolve) => (releaseDrain = resolve));
    class SlowDrain {
      beforeApplicationShutdown() {
        return drained;
      }
    }
    @Module({ providers: [SlowDrain] })
    class ServiceModule {}
    const metrics = createMetrics('timeline');
    const testing = await Test.createTestingModule({
      imports: [ServiceModule, ObservabilityModule.forService({ service: 'timeline', checks: {}, metrics })],
    }).compile();
    const draining = testing.createNestApplication<NestFastifyApplication>(new FastifyAdapter(), {
      logger: false,
    });
    await draining.init();
    const closed = draining.close();
    await new Promise((resolve) => setImmediate(resolve));
    const answer = await draining.inject('/health/ready');
    expect(answer.statusCode).toBe(503);
    expect(answer.json()).toMatchObject({ status: 'draining', error: 'timeline is shutting down' });
    releaseDrain();
    await closed;
  });
});

describe('GET /metrics', () => {
  it('is the exposition text', async () => {
    const answer = await (await serve({})).inject('/metrics');
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(answer.body).toContain('trackline_events_total{service="timeline"} 5');
  });
});

describe('checks over what Nest has wired', () => {
  it('are made by a factory', async () => {
    const DATABASE = Symbol('Database');
    @Module({ providers: [{ provide: DATABASE, useValue: { isReady: () => false } }], exports: [DATABASE] })
    class StoreModule {}
    const testing = await Test.createTestingModule({
      imports: [
        ObservabilityModule.forServiceAsync({
          imports: [StoreModule],
          inject: [DATABASE],
          useFactory: (database: { isReady(): boolean }) => ({
            service: 'trigger',
            checks: { postgres: () => database.isReady() },
            metrics: createMetrics('trigger'),
          }),
        }),
      ],
    }).compile();
    app = testing.createNestApplication<NestFastifyApplication>(new FastifyAdapter(), { logger: false });
    await app.init();
    expect((await app.inject('/health/ready')).json()).toMatchObject({
      error: 'trigger is not ready: postgres',
    });
  });
});
