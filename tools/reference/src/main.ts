/** `npm run reference` writes docs/reference; with `--check` it only says where what is there is not what the contracts say. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { references } from './references.ts';

const root = join(import.meta.dirname, '../../..');
const directory = join(root, 'docs/reference');

const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
const pages = references(version);
mkdirSync(directory, { recursive: true });
const present = new Map(
  readdirSync(directory).map((name) => [name, readFileSync(join(directory, name), 'utf8')] as const),
);

if (process.argv.includes('--check')) {
  const stale = [...pages].filter(([name, text]) => present.get(name) !== text).map(([name]) => name);
  const strange = [...present.keys()].filter((name) => !pages.has(name));
  for (const name of stale) console.error(`docs/reference/${name} is not what the contracts say now.`);
  for (const name of strange)
    console.error(`docs/reference/${name} is not made from the contracts: it belongs elsewhere.`);
  process.exitCode = stale.length + strange.length > 0 ? 1 : 0;
} else {
  for (const [name, text] of pages) {
    if (present.get(name) !== text)
      console.log(`docs/reference/${name} ${present.has(name) ? 'changed' : 'written'}`);
    writeFileSync(join(directory, name), text);
  }
}
