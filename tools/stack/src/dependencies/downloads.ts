import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Fault } from '../fault.ts';
import { describeExit, lastLines, type Children } from '../processes/children.ts';
import type { Surroundings } from '../surroundings.ts';

const DEPENDENCY_PLUGIN = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1';
const GRACE_MS = 2_000;

/**
 * A directory that Maven fills once and all checkouts of this user share. Filled beside its place and then moved there, so that a
 * download that was broken off leaves nothing that looks complete.
 */
export async function fromMaven(
  { places, children, say }: Surroundings,
  {
    name,
    profile,
    goal,
  }: { name: string; profile: string; goal: 'copy-dependencies' | 'unpack-dependencies' },
): Promise<string> {
  const directory = join(places.cache, name);
  if (existsSync(directory)) return directory;
  const startedMs = Date.now();
  say.doing('download', `${name} from Maven, once for all checkouts`);
  mkdirSync(dirname(directory), { recursive: true });
  const draft = mkdtempSync(`${directory}-`);
  try {
    await maven(children, name, [
      '--quiet',
      '--batch-mode',
      `--file=${join(places.root, 'tools/stack/broker/pom.xml')}`,
      `--activate-profiles=${profile}`,
      `${DEPENDENCY_PLUGIN}:${goal}`,
      '-DincludeScope=runtime',
      `-DoutputDirectory=${draft}`,
    ]);
    moveInto(directory, draft);
    say.done('download', name, Date.now() - startedMs);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return directory;
}

async function maven(children: Children, name: string, args: string[]): Promise<void> {
  const child = children.start({
    name: `maven-${name}`,
    phase: 'task',
    command: 'mvn',
    args,
    graceMs: GRACE_MS,
  });
  const exit = await child.exited;
  if (exit.code === 0) return;
  throw new Fault(
    `Fetching ${name}: Maven ${describeExit(exit)}:\n${lastLines(child.logFile, 12)}`,
    `Is there a network? The whole output: ${child.logFile}`,
  );
}

/** Somebody else may have been faster: theirs is as good. */
function moveInto(directory: string, draft: string): void {
  try {
    renameSync(draft, directory);
  } catch (error) {
    if (!existsSync(directory)) throw error;
  }
}
