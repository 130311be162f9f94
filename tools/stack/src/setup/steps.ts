import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Places } from '../places.ts';
import { migrationOf, SERVICES } from '../services.ts';

/** A program that has to run through before the services start. */
export interface SetupStep {
  readonly name: string;
  readonly script: string;
}

/** One per owner of a schema; each its own schema, so in any order and at the same time. */
export function migrations(places: Places): SetupStep[] {
  const ofServices = SERVICES.map(({ name }) => ({
    name: `migrate-${name}`,
    script: migrationOf(places, name),
  }));
  return [
    { name: 'migrate-directory', script: join(import.meta.dirname, 'migrate-directory.js') },
    ...ofServices.filter(({ script }) => existsSync(script)),
  ];
}

export const provisioning: SetupStep = {
  name: 'provision',
  script: join(import.meta.dirname, 'provision.js'),
};
