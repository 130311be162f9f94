import { spawnSync } from 'node:child_process';
import { Fault } from '../fault.ts';

const LEAST_JAVA = 17;

/** Java and Maven, or the one line that installs what is missing. */
export function requireJavaAndMaven(forWhat: string): void {
  const missing = [javaVersion() < LEAST_JAVA && 'java', !runs('mvn', '--version') && 'mvn'].filter(
    (name) => name !== false,
  );
  if (missing.length === 0) return;
  throw new Fault(
    `${forWhat} needs Java ${LEAST_JAVA} or newer and Maven; missing here: ${missing.join(', ')}.`,
    `Install with: ${installLine(missing)}\nor name one that runs already in the environment (KAFKA_BROKERS, DATABASE_URL, REDIS_URL), or use: npm start -- --docker`,
  );
}

export function requireJava(forWhat: string): void {
  if (javaVersion() >= LEAST_JAVA) return;
  throw new Fault(`${forWhat} needs Java ${LEAST_JAVA} or newer.`, `Install with: ${installLine(['java'])}`);
}

/** 0 when there is none. `java -version` speaks on stderr: `openjdk version "17.0.15" 2025-04-15`. */
function javaVersion(): number {
  const { stderr } = spawnSync('java', ['-version'], { encoding: 'utf8' });
  const [, first, second] = /version "(\d+)(?:\.(\d+))?/.exec(stderr ?? '') ?? [];
  return Number(first === '1' ? second : (first ?? 0));
}

export function runs(command: string, ...args: string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

const PACKAGES: Record<'apt' | 'dnf' | 'brew', Record<string, string>> = {
  apt: { java: 'default-jre-headless', mvn: 'maven' },
  dnf: { java: 'java-latest-openjdk-headless', mvn: 'maven' },
  brew: { java: 'openjdk', mvn: 'maven' },
};

function installLine(programs: readonly string[]): string {
  const names = (manager: keyof typeof PACKAGES) => programs.map((name) => PACKAGES[manager][name]).join(' ');
  const sudo = process.getuid?.() === 0 ? '' : 'sudo ';
  if (process.platform === 'darwin') return `brew install ${names('brew')}`;
  if (runs('dnf', '--version')) return `${sudo}dnf install -y ${names('dnf')}`;
  return `${sudo}apt-get install -y ${names('apt')}`;
}
