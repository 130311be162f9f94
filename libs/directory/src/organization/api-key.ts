import { hash, randomBytes } from 'node:crypto';

export const SCOPES = ['events:write', 'read', 'manage'] as const;
export type Scope = (typeof SCOPES)[number];

/** A key as it is listed: never the key itself. */
export interface ApiKey {
  readonly id: string;
  readonly organizationId: string;
  readonly name: string;
  /** How the key begins, to tell keys apart. */
  readonly prefix: string;
  readonly scopes: readonly Scope[];
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
}

export interface NewApiKey {
  readonly name: string;
  /** All of them by default. */
  readonly scopes?: readonly Scope[];
  readonly expiresAt?: Date | null;
}

const KEY_BEGINNING = 'tl_live_';
const KEY = /^tl_live_[A-Za-z0-9_-]{20,128}$/;
const SECRET_BYTES = 32;
const PREFIX_CHARACTERS = KEY_BEGINNING.length + 4;

export const mintKey = (): string => KEY_BEGINNING + randomBytes(SECRET_BYTES).toString('base64url');

/** Text that could be a key of ours; nothing else is looked up. */
export const looksLikeKey = (bearer: string): boolean => KEY.test(bearer);

/** In base64. 256 random bits need no slow hash: they cannot be guessed from it. */
export const hashOfKey = (key: string): string => hash('sha256', key, 'base64');

export const prefixOfKey = (key: string): string => key.slice(0, PREFIX_CHARACTERS);

/** Why a known key is refused at `nowMs`, or `undefined` when it is in force. */
export function refusalOf(
  key: Pick<ApiKey, 'expiresAt' | 'revokedAt'>,
  nowMs: number,
): 'revoked' | 'expired' | undefined {
  if (key.revokedAt !== null) return 'revoked';
  return key.expiresAt !== null && key.expiresAt.getTime() <= nowMs ? 'expired' : undefined;
}
