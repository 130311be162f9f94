/**
 * `npm run check`: everything that can be said about the code without running it, in one command, with times.
 * `npm run check -- lint types` runs the named steps alone.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');
const bin = (path) => [process.execPath, join(root, 'node_modules', path)];
const script = (path, ...args) => [process.execPath, join(root, path), ...args];

const TSC = bin('typescript/bin/tsc');
const CRUISED = ['libs', 'services', 'tools', 'acceptance', 'bench'].filter((path) =>
  existsSync(join(root, path)),
);

/** Two tracks, for two cores; the steps of one run in order, because the later ones use what the earlier built. */
const tracks = [
  [
    {
      name: 'format',
      says: 'prettier',
      mend: 'npm run format',
      commands: [
        [
          ...bin('prettier/bin/prettier.cjs'),
          '--check',
          '--cache',
          '--cache-strategy=content',
          '--log-level=warn',
          '.',
        ],
      ],
    },
    {
      name: 'lint',
      says: 'eslint, and who may know whom between projects',
      commands: [[...bin('eslint/bin/eslint.js'), '.']],
    },
    {
      name: 'rooms',
      says: 'who may import whom inside a service, drivers, circles',
      commands: [
        [
          ...bin('dependency-cruiser/bin/dependency-cruise.mjs'),
          ...CRUISED,
          '--config',
          '.dependency-cruiser.cjs',
        ],
      ],
    },
  ],
  [
    {
      name: 'lock',
      says: 'the lock file holds what every package.json asks for',
      mend: 'npm install',
      commands: [['npm', 'ci', '--dry-run', '--offline', '--no-audit', '--no-fund', '--loglevel=error']],
    },
    {
      name: 'types',
      says: 'tsc: what is built, then the tests',
      commands: [
        [...TSC, '-b'],
        [...TSC, '-p', 'tsconfig.spec.json'],
      ],
    },
    {
      name: 'reference',
      says: 'docs/reference is what the contracts say',
      mend: 'npm run reference',
      commands: [script('tools/reference/dist/main.js', '--check')],
    },
    {
      name: 'probes',
      says: 'a planted violation of every rule is reported',
      commands: [script('tools/check/probes/probes.mjs')],
    },
    {
      name: 'compose',
      says: 'docker-compose.yml runs what the workspace has',
      commands: [script('tools/check/compose.mjs')],
    },
  ],
];

const LABEL_WIDTH = 12;
const colours = process.stdout.isTTY === true && process.env.NO_COLOR === undefined;
const paint = (code, text) => (colours ? `\u001b[${code}m${text}\u001b[0m` : text);
const seconds = (startedMs) => `${((Date.now() - startedMs) / 1000).toFixed(1)} s`;

function run([command, ...args]) {
  return new Promise((resolve) => {
    let output = '';
    const env = { ...process.env, NX_DAEMON: 'false', FORCE_COLOR: colours ? '1' : '0' };
    const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => (output += text));
    child.on('error', (error) => resolve({ right: false, output: error.message }));
    child.on('close', (code) => resolve({ right: code === 0, output }));
  });
}

async function runStep({ name, says, mend, commands }) {
  const startedMs = Date.now();
  for (const command of commands) {
    const { right, output } = await run(command);
    if (right) continue;
    console.log(`${paint(31, '✗')} ${name.padEnd(LABEL_WIDTH)} ${says} ${paint(2, seconds(startedMs))}`);
    for (const line of output.trim().split('\n')) console.log(`    ${line}`);
    if (mend) console.log(`    mend it with: ${mend}`);
    return false;
  }
  console.log(
    `${paint(32, '✓')} ${name.padEnd(LABEL_WIDTH)} ${says.padEnd(56)} ${paint(2, seconds(startedMs).padStart(7))}`,
  );
  return true;
}

const named = process.argv.slice(2);
const steps = tracks.flat();
const unknown = named.filter((name) => !steps.some((step) => step.name === name));
if (unknown.length > 0) {
  console.error(
    `There is no step "${unknown.join('", "')}". Steps: ${steps.map(({ name }) => name).join(', ')}.`,
  );
  process.exit(2);
}

const startedMs = Date.now();
if (!existsSync(join(root, 'node_modules/.package-lock.json'))) {
  console.log('… packages     installing what package-lock.json names');
  const installed = await run(['npm', 'ci', '--no-audit', '--no-fund', '--loglevel=error']);
  if (!installed.right) {
    console.error(installed.output);
    process.exit(1);
  }
}

const verdicts = await Promise.all(
  tracks.map(async (track) => {
    const right = [];
    for (const step of track)
      if (named.length === 0 || named.includes(step.name)) right.push(await runStep(step));
    return right;
  }),
);
const right = verdicts.flat();
const wrong = right.filter((verdict) => !verdict).length;
console.log(
  `check: ${wrong === 0 ? `all ${right.length} steps right` : `${wrong} of ${right.length} steps wrong`} in ${seconds(startedMs)}`,
);
process.exitCode = wrong === 0 ? 0 : 1;
