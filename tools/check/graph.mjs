/** `npm run graph`: which project stands on which, as text here and as a page to click through. */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { createProjectGraphAsync } from '@nx/devkit';

const root = join(import.meta.dirname, '../..');
const page = join(root, '.nx/graph/index.html');
const short = (name) => name.replace('@trackline/', '');

const graph = await createProjectGraphAsync();
const projects = Object.values(graph.nodes)
  .map(({ name, data }) => ({
    name: short(name),
    root: data.root,
    on: [...new Set((graph.dependencies[name] ?? []).map(({ target }) => target))]
      .filter((target) => target in graph.nodes)
      .map(short)
      .sort(),
  }))
  .sort((one, other) => one.root.localeCompare(other.root));

const width = Math.max(...projects.map(({ root: path }) => path.length));
for (const { root: path, on } of projects)
  console.log(`${path.padEnd(width)}  ${on.length > 0 ? `→ ${on.join(', ')}` : ''}`.trimEnd());

mkdirSync(join(root, '.nx/graph'), { recursive: true });
execFileSync(
  join(root, 'node_modules/.bin/nx'),
  ['graph', `--file=${relative(root, page)}`, '--open=false'],
  {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, NX_DAEMON: 'false' },
  },
);
console.log(`\nAs a page: ${relative(process.cwd(), page)}`);
