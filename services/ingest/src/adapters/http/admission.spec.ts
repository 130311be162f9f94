import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import type { ExecutionContext } from '@nestjs/common';
import { Problem, recordConversations, trackEvent, type RouteContract } from '@trackline/contracts';
import { ApiKeyGuard, AUTH_METADATA, type Organization } from '@trackline/directory';
import type { RateState } from '../../domain/request-rate.ts';
import { Admission, AdmittedGuard } from './admission.ts';

const organization = { id: 'o', requestsPerMinute: 60, burst: 15 } as Organization;
const good: RateState = { allowed: true, remaining: 14, retryAfterMs: 0, fullAfterMs: 1_000 };

function door(state: RateState | undefined, scopes: readonly string[] = ['events:write'], isCrowded = false) {
  const limited: string[] = [];
  const guard = new ApiKeyGuard({
    adminToken: 'admin',
    directory: {
      authenticate: async (bearer) =>
        bearer === 'good'
          ? { organization, keyId: 'k', scopes: scopes as never, asOf: new Map() }
          : { refused: 'unknown' as const },
    },
  });
  const limiter = { take: async (organizationId: string) => (limited.push(organizationId), state) };
  const refused: string[] = [];
  const admission = new Admission({
    guard,
    limiter,
    onRateLimited: () => refused.push('rate'),
    isCrowdedFor: () => isCrowded,
    onCrowded: () => refused.push('crowded'),
  });
  const headers: Record<string, string> = {};
  const reply = { headers: (more: Record<string, string>) => Object.assign(headers, more) };
  const request = (authorization?: string, more: object = {}) => ({ headers: { authorization, ...more } });
  const admit = (one: object, contract: RouteContract = trackEvent) =>
    admission.admit(one as never, reply as never, contract);
  return { admit, request, headers, limited, refused };
}

const contextOf = (request: object, auth: string | undefined): ExecutionContext => {
  const handler = () => undefined;
  if (auth !== undefined) Reflect.defineMetadata(AUTH_METADATA, auth, handler);
  return { getHandler: () => handler, switchToHttp: () => ({ getRequest: () => request }) } as never;
};

describe('admission', () => {
  it('lets a good key in and tells its rate', async () => {
    const { admit, request, headers } = door(good);
    const one = request('Bearer good');
    await admit(one);
    expect(headers['RateLimit-Remaining']).toBe('14');
    expect(new AdmittedGuard().canActivate(contextOf(one, 'events:write'))).toBe(true);
  });

  it('turns who wants a verdict away from a crowd, before his rate is asked, and nobody else', async () => {
    const { admit, request, limited, refused } = door(good, ['events:write', 'read'], true);
    await expect(admit(request('Bearer good'))).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message:
        'More events are on their way than can be judged in time. Nothing was recorded: send the request again.',
      options: { headers: { 'Retry-After': '1' } },
    });
    expect([limited, refused]).toEqual([[], ['crowded']]);
    await admit(request('Bearer good', { prefer: 'respond-async' }));
    await admit(request('Bearer good'), recordConversations);
    expect(limited).toHaveLength(2);
    expect(refused).toEqual(['crowded']);
  });

  it('takes nothing out of a bucket for who may not come in', async () => {
    const { admit, request, limited } = door(good, ['read']);
    await expect(admit(request())).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
    await expect(admit(request('Bearer bad'))).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
    await expect(admit(request('Bearer good'))).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect(limited).toEqual([]);
  });

  it('refuses past the rate', async () => {
    const { admit, request, headers, refused } = door({
      ...good,
      allowed: false,
      remaining: 0,
      retryAfterMs: 1_500,
    });
    await expect(admit(request('Bearer good'))).rejects.toBeInstanceOf(Problem);
    expect(headers['Retry-After']).toBe('2');
    expect(refused).toEqual(['rate']);
  });

  it('lets everybody in when the buckets are out of reach', async () => {
    const { admit, request, headers } = door(undefined);
    await admit(request('Bearer good'));
    expect(headers).toEqual({});
  });
});

describe('the second lock', () => {
  it('is open for what needs no key, and shut for what came past the first', () => {
    const guard = new AdmittedGuard();
    expect(guard.canActivate(contextOf({}, undefined))).toBe(true);
    expect(guard.canActivate(contextOf({}, 'public'))).toBe(true);
    expect(() => guard.canActivate(contextOf({}, 'admin'))).toThrow(/past the admission/);
  });
});
