import { Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';
import { AddressRefused } from '../../domain/address-refused.ts';
import type { Address, ResolveAllowed } from '../../ports.ts';
import type { AddressRules } from './address-rules.ts';

/** Addresses of a name, from DNS. Throws an error with a `code` when there are none. */
export type Lookup = (name: string) => Promise<readonly Address[]>;

const TIMEOUT_MS = 2_000;
const TRIES = 2;

/**
 * Asks DNS by sockets of its own. The system's lookup would also know names of this machine and its network, and a name server that
 * does not answer would fill the four threads that all lookups share.
 */
export function dnsLookup(): Lookup {
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: TRIES });
  return async (name) => {
    const [v4, v6] = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
    const found = [...toAddresses(v4, 4), ...toAddresses(v6, 6)];
    if (found.length === 0) throw (v4 as PromiseRejectedResult).reason;
    return found;
  };
}

const toAddresses = (answer: PromiseSettledResult<string[]>, family: 4 | 6): Address[] =>
  answer.status === 'fulfilled' ? answer.value.map((address) => ({ address, family })) : [];

/** RFC 6761: a name that means this machine, whatever DNS says. */
const isLocalhost = (name: string): boolean => /(^|\.)localhost\.?$/i.test(name);
const LOCALHOST: readonly Address[] = [{ address: '127.0.0.1', family: 4 }];

/** `host`: a name, or an address, in brackets too. Throws AddressRefused. */
export function resolveAllowed(rules: AddressRules, lookup: Lookup = dnsLookup()): ResolveAllowed {
  return async (host) => {
    const bare = host.replace(/^\[|\]$/g, '');
    const found = isIP(bare)
      ? [{ address: bare, family: isIP(bare) as 4 | 6 }]
      : isLocalhost(bare)
        ? LOCALHOST
        : await lookup(bare);
    if (!found.every(({ address }) => rules.allows(address))) throw new AddressRefused(bare);
    return found;
  };
}
