import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const HOME = join(import.meta.dirname, '../../.trackline/python');
const PYTHON = join(HOME, 'bin/python');
const CLIENT = 'kafka-python==2.3.0';

/** A Python of its own with kafka-python in it; fetched from PyPI once per checkout. Throws a word that says what is missing. */
export async function pythonWithKafka(): Promise<string> {
  const works = () =>
    run(PYTHON, ['-c', 'import kafka']).then(
      () => true,
      () => false,
    );
  if (existsSync(PYTHON) && (await works())) return PYTHON;
  try {
    await run('python3', ['-m', 'venv', HOME]);
  } catch (error) {
    throw new Error(
      `This test needs Python 3 with venv, for a producer outside Node: ${(error as Error).message}`,
      { cause: error },
    );
  }
  try {
    await run(PYTHON, ['-m', 'pip', 'install', '--disable-pip-version-check', '--quiet', CLIENT], {
      timeout: 120_000,
    });
  } catch (error) {
    throw new Error(
      `This test needs ${CLIENT} from PyPI, which could not be installed: ${(error as Error).message}`,
      { cause: error },
    );
  }
  return PYTHON;
}

export interface Published {
  readonly source: string;
  /** Numbers of the good events. */
  readonly good: readonly number[];
  /** What the header "broken" says of each broken one, and the way it is broken. */
  readonly broken: Readonly<Record<string, string>>;
}

export async function publishFromPython(
  python: string,
  args: readonly (string | number)[],
): Promise<Published> {
  const { stdout } = await run(python, [join(import.meta.dirname, 'publish.py'), ...args.map(String)], {
    maxBuffer: 16 * 1024 * 1024,
    timeout: 120_000,
  });
  return JSON.parse(stdout) as Published;
}
