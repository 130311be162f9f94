/**
 * All migrations and the topics, one after the other: the step before the services in every place but `npm start`, which runs
 * the same programs at the same time (the compose file's `setup`, a deployment's job). Settings: those of the steps.
 */
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { placesOf } from '../places.ts';
import { migrations, provisioning } from './steps.ts';

const places = placesOf(resolve(import.meta.dirname, '../../../..'));

for (const { name, script } of [...migrations(places), provisioning]) {
  console.log(name);
  const { status } = spawnSync(process.execPath, ['--enable-source-maps', script], { stdio: 'inherit' });
  if (status !== 0) {
    console.error(`${name} failed`);
    process.exit(1);
  }
}
