import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Module, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR } from '@nestjs/core';
import { defineRoute } from '@trackline/contracts';
import { createLogger } from '@trackline/observability';
import type { FastifyRequest } from 'fastify';
import { createHttpApp, honestFaults, listen, Route, type HttpApp } from './index.ts';

class Away extends Error {}
class Slow extends Error {}

const honest = honestFaults(
  { isIt: (error) => error instanceof Away },
  { isIt: (error) => error instanceof Slow, told: 'Ask for less.' },
);

const route = (id: string) =>
  defineRoute({
    service: 'ingest',
    auth: 'public',
    tag: 'Test',
    summary: 'x',
    errors: [],
    id,
    method: 'GET',
    path: `/v1/${id}`,
    responses: { 200: { description: 'x' } },
  });

@Controller()
class Door {
  @Route(route('away'))
  async away(): Promise<never> {
    throw await Promise.resolve(new Away('10.0.0.7 does not answer'));
  }

  @Route(route('slow'))
  slow(): never {
    throw new Slow();
  }

  @Route(route('broken'))
  broken(): never {
    throw new Error('a fault of ours');
  }

  @Route(route('fine'))
  fine() {
    return { fine: true };
  }
}

/** Asks a database, which is away for some. */
const guard: CanActivate = {
  canActivate(context: ExecutionContext) {
    if (context.switchToHttp().getRequest<FastifyRequest>().headers['x-away']) throw new Away();
    return true;
  },
};

@Module({
  controllers: [Door],
  providers: [
    { provide: APP_GUARD, useValue: honest.guard(guard) },
    { provide: APP_INTERCEPTOR, useValue: honest.interceptor },
  ],
})
class Doors {}

describe('a fault of something that is needed', () => {
  let app: HttpApp;
  let url: string;

  beforeAll(async () => {
    const logger = createLogger({ service: 'test', instance: 'test', level: 'silent' });
    app = await createHttpApp(Doors, { logger });
    url = await listen(app, { httpHost: '127.0.0.1', httpPort: 0 });
  });
  afterAll(async () => app?.close());

  const get = async (path: string, headers: Record<string, string> = {}) => {
    const answer = await fetch(url + path, { headers });
    const { error, code } = (await answer.json()) as { error?: string; code?: string };
    return { status: answer.status, error, code };
  };
  const away = { status: 503, code: 'UNAVAILABLE', error: expect.stringContaining('Try again.') };

  it('is told as such, in the words that it was given', async () => {
    expect(await get('/v1/away')).toEqual(away);
    expect(await get('/v1/slow')).toEqual({ ...away, error: 'Ask for less.' });
  });

  it('is told as such when the guard meets it', async () => {
    expect(await get('/v1/fine', { 'x-away': 'yes' })).toEqual(away);
    expect(await get('/v1/fine')).toMatchObject({ status: 200 });
  });

  it('is not made of others', async () => {
    expect(await get('/v1/broken')).toMatchObject({ status: 500, code: 'INTERNAL_ERROR' });
  });
});
