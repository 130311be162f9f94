/**
 * Plants every violation of violations.mjs in a copy of the workspace and fails if a rule stays silent, if a rule has no
 * violation planted for it, or if a rule speaks about lawful code.
 */
import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, relative } from 'node:path';
import { importViolations, lawful, lintViolations } from './violations.mjs';
import { makeWorkspace, packagesOf } from './workspace.mjs';

const root = join(import.meta.dirname, '../../..');
const require = createRequire(import.meta.url);

/** Both tools exit with 1 when they have something to say: only missing JSON is a failure. */
function reportOf(tool, args, cwd) {
  const bin = join(root, 'node_modules', tool);
  const env = {
    ...process.env,
    NX_DAEMON: 'false',
    NX_WORKSPACE_ROOT_PATH: cwd,
    NX_WORKSPACE_DATA_DIRECTORY: join(cwd, '.nx/data'),
  };
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [bin, ...args], { cwd, env, maxBuffer: 64 << 20 }, (error, stdout, stderr) => {
      try {
        resolve(JSON.parse(stdout));
      } catch {
        reject(
          new Error(`${tool} gave no report: ${(stderr || stdout || error?.message || '').slice(0, 2000)}`),
        );
      }
    });
  });
}

async function spokenOf(copy) {
  const [lint, cruise] = await Promise.all([
    reportOf('eslint/bin/eslint.js', ['--format', 'json', 'libs', 'services', 'tools/stack'], copy),
    reportOf(
      'dependency-cruiser/bin/dependency-cruise.mjs',
      ['libs', 'services', 'tools', '--config', '.dependency-cruiser.cjs', '--output-type', 'json'],
      copy,
    ),
  ]);
  return [
    ...lint.flatMap(({ filePath, messages }) =>
      messages.map(({ ruleId, message }) => ({
        file: relative(copy, filePath),
        rule: ruleId ?? 'unreadable',
        message,
      })),
    ),
    ...cruise.summary.violations.flatMap(({ from, rule, to, cycle }) =>
      // a circle is told once, from whichever of its files comes first
      [from, ...(cycle ?? []).map(({ name }) => name)].map((file) => ({
        file,
        rule: rule.name,
        message: `imports ${to}`,
      })),
    ),
  ];
}

/** Rules and tags that exist but have no violation planted for them. */
function unproven() {
  const { forbidden } = require(join(root, '.dependency-cruiser.cjs'));
  const planted = new Set(importViolations.map(({ rule }) => rule));
  const tagged = new Set(lintViolations.map(({ tag }) => tag));
  const tags = packagesOf(root).flatMap(({ path, manifest }) => {
    const own = (manifest.nx?.tags ?? []).filter((tag) => tag.startsWith('type:'));
    return own.length === 1 ? own : [`exactly one type: tag in ${path}/package.json`];
  });
  return [
    ...forbidden.map(({ name }) => name).filter((name) => !planted.has(name)),
    ...new Set(tags.filter((tag) => !tagged.has(tag))),
  ];
}

/** @returns {Promise<{planted: number, faults: string[]}>} */
export async function probe() {
  const violations = [...importViolations, ...lintViolations];
  const copy = makeWorkspace(root, [...lawful, ...violations]);
  try {
    const spoken = await spokenOf(copy);
    const silent = violations.filter(
      ({ rule, file, tag = '' }) =>
        !spoken.some(
          (report) => report.rule === rule && report.file === file && report.message.includes(tag),
        ),
    );
    const lawfulFiles = new Set(
      lawful.map(({ file }) => file).filter((file) => !file.endsWith('circle-back.ts')),
    );
    const overzealous = spoken.filter(({ file }) => lawfulFiles.has(file) || file.endsWith('/src/index.ts'));
    return {
      planted: violations.length,
      faults: [
        ...unproven().map((name) => `no violation is planted for ${name}`),
        ...silent.map(({ rule, file }) => `${rule} stays silent about ${file}`),
        ...overzealous.map(
          ({ rule, file, message }) => `${rule} speaks about lawful code in ${file}: ${message}`,
        ),
      ],
    };
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

if (process.argv[1] === import.meta.filename) {
  const { planted, faults } = await probe();
  for (const fault of faults) console.error(fault);
  console.log(`${planted} violations planted, ${faults.length} faults`);
  process.exitCode = faults.length > 0 ? 1 : 0;
}
