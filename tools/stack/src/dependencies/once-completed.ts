import { existsSync, writeFileSync } from 'node:fs';

/**
 * For what has to be made once and takes a while: `make` begins from nothing, and is done again when an earlier start was stopped
 * in the middle of it. A part of a database directory looks like a whole one to its server.
 */
export async function onceCompleted(marker: string, make: () => Promise<void>): Promise<void> {
  if (existsSync(marker)) return;
  await make();
  writeFileSync(marker, '');
}
