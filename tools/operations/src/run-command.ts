import { Mistake } from './mistake.ts';

/** Runs a command to its exit code. A mistake of whoever gave it is told in a sentence, anything else with where it came from. */
export async function runCommand(command: (argv: string[]) => Promise<number>): Promise<void> {
  try {
    process.exitCode = await command(process.argv.slice(2));
  } catch (error) {
    console.error(error instanceof Mistake ? error.message : error);
    process.exitCode = 1;
  }
}
