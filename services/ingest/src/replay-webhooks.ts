import { ConfigProblems } from '@trackline/process';
import { Mistake } from './replay-options.ts';
import { replay } from './replay.ts';

try {
  process.stdout.write(`${await replay(process.argv.slice(2), process.env)}\n`);
} catch (error) {
  const isTheirs = error instanceof Mistake || error instanceof ConfigProblems;
  process.stderr.write(`${isTheirs ? error.message : ((error as Error).stack ?? String(error))}\n`);
  process.exitCode = 1;
}
