import { spawn } from 'node:child_process';
import { pathToFileURL } from 'node:url';
import { dependenciesFromEnv } from '../dependencies.ts';
import { createTestDatabase, type TestDatabase } from '../test-database.ts';
import type { BreakableParts } from './breakable-parts.ts';

/** A database of a fleet's own with all schemas: a copy, where the lane has a database that has them; else they are made. */
export async function fleetDatabase({
  migrations,
  migratedDatabase,
}: Pick<BreakableParts, 'migrations' | 'migratedDatabase'>): Promise<TestDatabase> {
  const { databaseUrl } = dependenciesFromEnv();
  const made = await createTestDatabase(databaseUrl, 'fleet', migratedDatabase);
  if (migratedDatabase !== undefined) return made;
  try {
    await migrateAll(migrations, { ...process.env, NODE_OPTIONS: '', DATABASE_URL: made.databaseUrl });
    return made;
  } catch (error) {
    await made.drop();
    throw error;
  }
}

/** One process for all of them: most of the time goes into loading what they have in common. */
function migrateAll(scripts: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const program = scripts
    .map((script) => `await import(${JSON.stringify(pathToFileURL(script).href)});`)
    .join('\n');
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (said += text));
    child.once('error', fail);
    child.once('close', (code) =>
      code === 0 ? done() : fail(new Error(`The schemas were not brought up to date:\n${said}`)),
    );
  });
}
