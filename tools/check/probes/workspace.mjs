/** A copy of the workspace in which every package is empty: the real rules, the real package.json files, none of the code. */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const HOUSE = [
  'package.json',
  'package-lock.json',
  'nx.json',
  'tsconfig.base.json',
  'tsconfig.spec.json',
  'eslint.config.mjs',
  '.dependency-cruiser.cjs',
  'tools/check',
];
const EMPTY_INDEX = "export const planted = 'planted';\nexport type Planted = string;\n";

export function packagesOf(root) {
  return ['libs', 'services', 'tools'].flatMap((group) =>
    readdirSync(join(root, group))
      .map((name) => `${group}/${name}`)
      .filter((path) => path !== 'tools/check' && existsSync(join(root, path, 'package.json')))
      .map((path) => ({
        path,
        manifest: JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8')),
      })),
  );
}

/** Gives the directory, to be removed by the caller. */
export function makeWorkspace(root, files) {
  const copy = realpathSync(mkdtempSync(join(tmpdir(), 'trackline-probes-')));
  for (const path of HOUSE) cpSync(join(root, path), join(copy, path), { recursive: true });

  linkModules(join(root, 'node_modules'), join(copy, 'node_modules'));
  mkdirSync(join(copy, 'node_modules/@trackline'), { recursive: true });
  for (const { path, manifest } of packagesOf(root)) {
    mkdirSync(join(copy, path, 'src'), { recursive: true });
    for (const file of ['package.json', 'tsconfig.json']) {
      if (existsSync(join(root, path, file))) cpSync(join(root, path, file), join(copy, path, file));
    }
    if (existsSync(join(root, path, 'node_modules')))
      linkModules(join(root, path, 'node_modules'), join(copy, path, 'node_modules'));
    writeFileSync(join(copy, path, 'src/index.ts'), EMPTY_INDEX);
    symlinkSync(join(copy, path), join(copy, 'node_modules', manifest.name));
  }
  for (const { file, source } of files) {
    mkdirSync(dirname(join(copy, file)), { recursive: true });
    writeFileSync(join(copy, file), source);
  }
  return copy;
}

function linkModules(from, to) {
  mkdirSync(to, { recursive: true });
  for (const name of readdirSync(from)) {
    if (name === '@trackline' || name.startsWith('.')) continue;
    symlinkSync(join(from, name), join(to, name));
  }
}
