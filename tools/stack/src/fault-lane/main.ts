/**
 * `npm run breakable`: prepares what fault tests need beside Kafka, Postgres and Redis, for whoever runs them with `npm run jest`.
 * Prints a line for a shell: `eval "$(npm run --silent breakable)"`. Nothing runs afterwards; all of it lies in `.trackline/breakable`.
 */
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { placesOf } from '../places.ts';
import { Ports } from '../ports.ts';
import { Children } from '../processes/children.ts';
import type { Say } from '../say.ts';
import { breakableParts } from './breakable-parts.ts';

const root = resolve(import.meta.dirname, '../../../..');
const places = placesOf(root, join(root, '.trackline/breakable'));
mkdirSync(places.data, { recursive: true });

/** Standard output is the shell's. */
const say = new Proxy({} as Say, {
  get:
    () =>
    (...words: unknown[]) =>
      console.error(...words),
});
const children = new Children(places);
const parts = await breakableParts({ places, children, say, ports: new Ports(places.portsFile) });
console.log(`export BREAKABLE_PARTS='${JSON.stringify(parts).replaceAll("'", String.raw`'\\''`)}'`);
