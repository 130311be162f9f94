import { appendFileSync } from 'node:fs';

/** Says that a fault really happened, to whoever counts (`npm run test:soak` does, by STRIKES_FILE). One line each. */
export function noteStrike(what: string, env: NodeJS.ProcessEnv = process.env): void {
  if (env.STRIKES_FILE) appendFileSync(env.STRIKES_FILE, `${what.replaceAll('\n', ' ')}\n`);
}
