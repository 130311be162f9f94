import type { AnyRequestedAction } from '@trackline/contracts';

const MAX_CHARACTERS = 300;

/**
 * What may be slow or away as one, within an organisation: a webhook's host and port; for the rest the way it goes. What cannot be
 * parsed has a destination too: its delivery says why it failed.
 */
export function destinationOf({ kind, request }: Pick<AnyRequestedAction, 'kind' | 'request'>): string {
  if (kind !== 'webhook') return kind;
  const { url } = request as { url: string };
  if (!URL.canParse(url)) return 'no address';
  const { protocol, host } = new URL(url);
  return host === '' ? 'no address' : `${protocol}//${host}`.slice(0, MAX_CHARACTERS);
}
