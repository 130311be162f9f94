import { appendFileSync } from 'node:fs';

/** A soak counts what really happened: each fault adds a line to the file that `STRIKES_FILE` names. */
export function noteStrike(what: string): void {
  const file = process.env.STRIKES_FILE;
  if (file) appendFileSync(file, `${what}\n`);
}
