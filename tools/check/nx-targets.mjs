/**
 * An Nx plugin: gives every workspace package the same targets, so that no package.json repeats them.
 * `build` is the package's own script. Caching, inputs and outputs are in nx.json.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** @type {import('@nx/devkit').CreateNodesV2} */
export const createNodesV2 = [
  '{libs,services,tools}/*/package.json',
  (files, _options, { workspaceRoot }) =>
    files.map((file) => {
      const root = dirname(file);
      const { scripts = {} } = JSON.parse(readFileSync(join(workspaceRoot, file), 'utf8'));
      const run = (command) => ({
        executor: 'nx:run-commands',
        options: { cwd: '{workspaceRoot}', command },
      });
      const lint = run(`eslint --no-warn-ignored --no-error-on-unmatched-pattern ${root}`);
      const test = run(
        `node --experimental-vm-modules node_modules/jest/bin/jest.js --selectProjects unit --passWithNoTests --testPathPatterns "/${root}/"`,
      );
      const typecheck = run(`node tools/check/typecheck.mjs ${root}`);
      const targets = 'build' in scripts ? { lint, test, typecheck } : { lint };
      return [file, { projects: { [root]: { targets } } }];
    }),
];
