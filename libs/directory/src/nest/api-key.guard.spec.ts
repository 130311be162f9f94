import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import type { ExecutionContext } from '@nestjs/common';
import type { Authentication } from '../organization/cached-organizations.ts';
import { mintKey } from '../organization/api-key.ts';
import { ApiKeyGuard, AUTH_METADATA, type AuthenticatedRequest } from './api-key.guard.ts';

const KEY = mintKey();
const authentication = (scopes: string[]): Authentication =>
  ({ organization: { id: 'o' }, keyId: 'k', scopes, asOf: new Map() }) as unknown as Authentication;

/** Asks the guard for a route with `auth`; gives the principal, true, or the code of the refusal. */
async function ask(
  auth: string | undefined,
  authorization: string | string[] | undefined,
  answer: Authentication = { refused: 'unknown' },
): Promise<unknown> {
  const guard = new ApiKeyGuard({ directory: { authenticate: async () => answer }, adminToken: 'secret' });
  const handler = (): void => undefined;
  if (auth !== undefined) Reflect.defineMetadata(AUTH_METADATA, auth, handler);
  const request: AuthenticatedRequest = { headers: { authorization } };
  const context = {
    getType: () => 'http',
    getHandler: () => handler,
    switchToHttp: () => ({ getRequest: () => request }),
  } as unknown as ExecutionContext;
  try {
    const admitted = await guard.canActivate(context);
    return request.principal ?? admitted;
  } catch (error) {
    return (error as { code?: string }).code ?? error;
  }
}

describe('ApiKeyGuard', () => {
  it('leaves public routes and what is no route of the API open', async () => {
    expect(await ask('public', undefined)).toBe(true);
    expect(await ask(undefined, undefined)).toBe(true);
  });

  it('puts who calls on the request of a route that its key may use', async () => {
    expect(await ask('read', `Bearer ${KEY}`, authentication(['read']))).toMatchObject({ keyId: 'k' });
    expect(await ask('read', `bearer   ${KEY}`, authentication(['read']))).toMatchObject({ keyId: 'k' });
  });

  it('refuses a key that lacks the scope', async () => {
    expect(await ask('manage', `Bearer ${KEY}`, authentication(['read', 'events:write']))).toBe('FORBIDDEN');
  });

  it.each([undefined, '', 'Bearer', 'Bearer ', `Basic ${KEY}`, KEY, `Bearer ${KEY} x`, 'Bearer \0'])(
    'refuses the header %j',
    async (header) => expect(await ask('read', header, authentication(['read']))).toBe('UNAUTHORIZED'),
  );

  it('refuses keys that are unknown, expired or revoked, saying which', async () => {
    for (const refused of ['unknown', 'expired', 'revoked'] as const) {
      expect(await ask('read', `Bearer ${KEY}`, { refused })).toBe('UNAUTHORIZED');
    }
  });

  it('opens admin routes to the admin token alone', async () => {
    expect(await ask('admin', 'Bearer secret')).toBe(true);
    expect(await ask('admin', 'Bearer Secret')).toBe('UNAUTHORIZED');
    expect(await ask('admin', undefined)).toBe('UNAUTHORIZED');
    expect(await ask('admin', `Bearer ${KEY}`)).toBe('UNAUTHORIZED');
    expect(await ask('admin', `Bearer ${KEY}`, authentication(['manage']))).toBe('FORBIDDEN');
    expect(await ask('read', 'Bearer secret')).toBe('UNAUTHORIZED');
  });

  it('opens nothing for a scope that it does not know', async () => {
    expect(await ask('superuser', `Bearer ${KEY}`, authentication(['read']))).toBeInstanceOf(Error);
  });

  it('does not come to be with an empty admin token', () => {
    expect(
      () =>
        new ApiKeyGuard({
          directory: { authenticate: async () => ({ refused: 'unknown' }) },
          adminToken: '',
        }),
    ).toThrow('admin token');
  });
});
