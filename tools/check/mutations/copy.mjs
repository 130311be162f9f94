/** A copy of the workspace with packages linked to the installed ones, and our own to the copy's. */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import ts from 'typescript';

const LEFT_OUT = new Set(['node_modules', '.git', '.nx', '.trackline', 'coverage']);
/** What tests of a service read; `dist` goes along, for those that start real processes. */
const COPIED = [
  'libs',
  'services',
  'tools',
  'package.json',
  'jest.config.mjs',
  'tsconfig.base.json',
  'tsconfig.json',
];

/** Gives the directory, to be removed by the caller. */
export function copyOfWorkspace(root) {
  const copy = realpathSync(mkdtempSync(join(tmpdir(), 'trackline-mutations-')));
  for (const path of COPIED) {
    cpSync(join(root, path), join(copy, path), {
      recursive: true,
      filter: (source) => !LEFT_OUT.has(basename(source)),
    });
  }
  linkModules(join(root, 'node_modules'), join(copy, 'node_modules'));
  mkdirSync(join(copy, 'node_modules/@trackline'));
  for (const group of ['libs', 'services', 'tools']) {
    for (const name of readdirSync(join(root, group))) {
      const manifest = join(root, group, name, 'package.json');
      if (!existsSync(manifest)) continue;
      symlinkSync(
        join(copy, group, name),
        join(copy, 'node_modules', JSON.parse(readFileSync(manifest, 'utf8')).name),
      );
      const own = join(root, group, name, 'node_modules');
      if (existsSync(own)) linkModules(own, join(copy, group, name, 'node_modules'));
    }
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

/** Writes what node runs for a changed source file: types are left unchecked, a mutation need not have the right ones. */
export function compileInto(copy, file) {
  const target = join(copy, file.replace('/src/', '/dist/').replace(/\.ts$/, '.js'));
  if (!existsSync(dirname(target))) return;
  const { config } = ts.readConfigFile(join(copy, 'tsconfig.base.json'), ts.sys.readFile);
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, copy);
  const { outputText } = ts.transpileModule(readFileSync(join(copy, file), 'utf8'), {
    fileName: join(copy, file),
    compilerOptions: {
      ...options,
      // It sees one file and no package.json, and would take it for a script.
      module: ts.ModuleKind.ESNext,
      moduleResolution: ts.ModuleResolutionKind.Bundler,
      composite: false,
      incremental: false,
      declaration: false,
      declarationMap: false,
      sourceMap: false,
    },
  });
  writeFileSync(target, outputText);
}
