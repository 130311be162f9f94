import type { Say } from '../say.ts';

/** What the reader can do now; the curl line works as it is, in any POSIX shell. */
export function sayWhatNext(
  say: Say,
  {
    url,
    apiKey,
    email,
    logs,
    stackFile,
  }: { url: string; apiKey: string; email: string; logs: string; stackFile: string },
): void {
  say.title('Try next');
  say.plain(
    '  Track an event yourself (it starts "Cart recovery" again; send order.completed to see it go on):',
  );
  say.plain();
  say.plain(`  ${curlLine(url, apiKey, email)}`);
  say.plain();
  say.plain(`  Read the API     ${url}/docs`);
  say.plain(`  Read the logs    ${logs}`);
  say.plain(`  Use it in code   ${stackFile} has the address, the key and the tokens`);
  say.plain('  Stop             Ctrl-C; the data stays, and --fresh starts over');
}

export function curlLine(url: string, apiKey: string, email: string): string {
  const body = JSON.stringify({ name: 'cart.abandoned', contactEmail: email, properties: { total: 12.5 } });
  return `curl -s ${url}/v1/events -H 'authorization: Bearer ${apiKey}' -H 'content-type: application/json' -d '${body}'`;
}
