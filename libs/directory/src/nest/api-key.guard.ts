import 'reflect-metadata';
import { createHash, timingSafeEqual } from 'node:crypto';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { Problem } from '@trackline/contracts';
import type { Reading } from '../cache/revision-reader.ts';
import type { Directory } from '../directory.ts';
import { looksLikeKey, SCOPES, type Scope } from '../organization/api-key.ts';
import type { Organization } from '../organization/organization.ts';

/** Metadata of a handler: 'public', 'admin', or the scope that a key needs. */
export const AUTH_METADATA = 'trackline:auth';

/** Who calls, on `request.principal` of routes that take a key. */
export interface Principal {
  readonly organization: Organization;
  readonly keyId: string;
  readonly scopes: readonly Scope[];
  /** Hand it to the Directory's calls of this request. */
  readonly asOf: Reading;
}

export interface AuthenticatedRequest {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  principal?: Principal;
}

export interface ApiKeyGuardSettings {
  readonly directory: Pick<Directory, 'authenticate'>;
  /** Bearer of the admin routes. */
  readonly adminToken: string;
}

const BEARER = /^Bearer +([\x21-\x7e]+) *$/i;

const REFUSALS = {
  unknown: 'This key is not known. Send "Authorization: Bearer <key>" with a key of your organization.',
  expired: 'This key has expired.',
  revoked: 'This key was revoked.',
} as const;

/**
 * Lets a request to its route when it may go there. To be used globally: handlers without the metadata are no routes of the
 * API (health, metrics, pages) and are open; routes made from a contract always carry it.
 */
export class ApiKeyGuard implements CanActivate {
  private readonly directory: ApiKeyGuardSettings['directory'];
  private readonly adminDigest: Buffer;

  constructor({ directory, adminToken }: ApiKeyGuardSettings) {
    if (!adminToken) throw new Error('The admin token is empty: anybody could call the admin routes.');
    this.directory = directory;
    this.adminDigest = digest(adminToken);
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    if (context.getType() !== 'http') return true;
    const needed: unknown = Reflect.getMetadata(AUTH_METADATA, context.getHandler());
    if (needed === undefined || needed === 'public') return true;
    await this.admit(needed, context.switchToHttp().getRequest<AuthenticatedRequest>());
    return true;
  }

  /** The same for a request of which Nest does not know yet. `needed`: 'public', 'admin', or a scope. Throws who may not come in. */
  async admit(needed: unknown, request: AuthenticatedRequest): Promise<void> {
    if (needed === 'public') return;
    const bearer = bearerOf(request);
    if (needed === 'admin') return this.admitAdmin(bearer);
    if (!SCOPES.includes(needed as Scope))
      throw new Error(`A route asks for the unknown scope "${String(needed)}".`);
    request.principal = await this.admitKey(bearer, needed as Scope);
  }

  private async admitAdmin(bearer: string): Promise<void> {
    // Digests have one length, so that the comparison takes the same time whatever was sent.
    if (timingSafeEqual(digest(bearer), this.adminDigest)) return;
    if (looksLikeKey(bearer) && 'organization' in (await this.directory.authenticate(bearer))) {
      throw new Problem('FORBIDDEN', 'This route takes the admin token, not the key of an organization.');
    }
    throw unauthorized('This is not the admin token.');
  }

  private async admitKey(bearer: string, scope: Scope): Promise<Principal> {
    const authentication = await this.directory.authenticate(bearer);
    if ('refused' in authentication) throw unauthorized(REFUSALS[authentication.refused]);
    if (!authentication.scopes.includes(scope)) {
      throw new Problem('FORBIDDEN', `This key may not do that: it lacks the scope "${scope}".`);
    }
    return authentication;
  }
}

function bearerOf(request: AuthenticatedRequest): string {
  const { authorization } = request.headers;
  if (authorization === undefined) throw unauthorized('Send "Authorization: Bearer <key>".');
  const bearer = typeof authorization === 'string' ? BEARER.exec(authorization)?.[1] : undefined;
  if (bearer === undefined) {
    throw unauthorized('The Authorization header is not readable: send "Authorization: Bearer <key>".');
  }
  return bearer;
}

const unauthorized = (message: string): Problem =>
  new Problem('UNAUTHORIZED', message, { headers: { 'www-authenticate': 'Bearer' } });

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
