/** Makes a checkout runnable: the right Node, the packages of the lock file, a build. No dependencies: nothing may be installed yet. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Fault, say } from './say.mjs';

export const root = resolve(import.meta.dirname, '../..');

const LEAST_NODE = [20, 19];
const SHOWN_LINES_OF_A_FAILURE = 40;

export async function prepare() {
  requireNode();
  await install();
  await build();
}

function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < LEAST_NODE[0] || (major === LEAST_NODE[0] && minor < LEAST_NODE[1])) {
    throw new Fault(
      `Node ${process.versions.node} is too old: Trackline needs ${LEAST_NODE.join('.')} or newer.`,
      'Install one with: nvm install 22     (or see https://nodejs.org/en/download)',
    );
  }
}

async function install() {
  const startedMs = Date.now();
  const count = installedPackages();
  if (count !== undefined) {
    say.done('packages', `${count} packages, as in the lock file`, Date.now() - startedMs);
    return;
  }
  say.doing('packages', 'installing what package-lock.json names (about a minute)');
  await run('npm ci', ...npm(['ci', '--no-audit', '--no-fund', '--loglevel=error']));
  say.done('packages', `${installedPackages() ?? 0} packages installed`, Date.now() - startedMs);
}

/**
 * How many packages are installed, if they are exactly what the lock file asks for; else undefined. Compares contents, not
 * times: npm writes its list of what it has put into node_modules when it is through, so a half-finished install has none.
 */
function installedPackages() {
  const listFile = join(root, 'node_modules/.package-lock.json');
  if (!existsSync(listFile)) return undefined;
  const installed = JSON.parse(readFileSync(listFile, 'utf8')).packages ?? {};
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  const same = (path) =>
    wanted[path]?.version === installed[path]?.version && wanted[path]?.link === installed[path]?.link;
  const complete = Object.keys(wanted).every(
    (path) => path === '' || mayBeAbsent(wanted[path]) || path in installed,
  );
  return complete && Object.keys(installed).every(same) ? Object.keys(installed).length : undefined;
}

/** Packages for another system (another CPU's Postgres) stand in the lock file and are not installed. */
function mayBeAbsent(entry) {
  return entry.optional === true || entry.devOptional === true || entry.peer === true;
}

async function build() {
  const startedMs = Date.now();
  const first = !existsSync(join(root, 'services/ingest/dist'));
  if (first) say.doing('build', 'compiling everything for the first time (about half a minute)');
  await run('tsc -b', process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-b']);
  say.done('build', first ? 'all projects' : 'all projects, what had changed', Date.now() - startedMs);
}

/** npm that runs us, if one does: the npm on the PATH may be another one, or none. */
function npm(args) {
  const script = process.env.npm_execpath;
  return script && /npm-cli\.c?js$/.test(script) ? [process.execPath, [script, ...args]] : ['npm', args];
}

function run(what, command, args) {
  return new Promise((done, fail) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => (output += text));
    child.on('error', (error) => fail(new Fault(`${what} could not be run: ${error.message}`)));
    child.on('close', (code) => {
      if (code === 0) return done(output);
      const lines = output.trimEnd().split('\n').slice(-SHOWN_LINES_OF_A_FAILURE);
      fail(
        new Fault(`${what} failed${code === null ? '' : ` with exit code ${code}`}:\n${lines.join('\n')}`),
      );
    });
  });
}
