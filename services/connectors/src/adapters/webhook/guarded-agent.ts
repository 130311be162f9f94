import { isIP, type LookupFunction } from 'node:net';
import { Agent, buildConnector } from 'undici';
import type { ResolveAllowed } from '../../ports.ts';

export interface GuardedAgentSettings {
  readonly connectTimeoutMs: number;
}

const KEEP_ALIVE_MS = 2_000;
const MAX_HEADER_BYTES = 16_384;

/**
 * Connects to nothing but addresses that `resolve` has allowed. The name is resolved once, as a part of connecting: between looking
 * at an address and calling it there is no second question that could be answered differently.
 */
export function guardedAgent(resolve: ResolveAllowed, { connectTimeoutMs }: GuardedAgentSettings): Agent {
  const lookup: LookupFunction = (hostname, options, callback) => {
    resolve(hostname).then(
      (found) => {
        if (options.all) callback(null, [...found]);
        else callback(null, found[0]!.address, found[0]!.family);
      },
      (error: NodeJS.ErrnoException) => callback(error, ''),
    );
  };
  const connector = buildConnector({ timeout: connectTimeoutMs, lookup });
  return new Agent({
    connect: (options, callback) => {
      // An address is never looked up: Node goes straight to it.
      if (isIP(options.hostname.replace(/^\[|\]$/g, '')) === 0) return connector(options, callback);
      resolve(options.hostname).then(
        () => connector(options, callback),
        (error: Error) => callback(error, null),
      );
      return undefined;
    },
    pipelining: 1,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
  });
}
