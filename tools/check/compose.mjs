/**
 * Holds docker-compose.yml to what it promises: every service is there and reachable through the gateway, images are
 * pinned, what runs on has a health check, nothing is published beyond this machine. Where a compose client is
 * installed (Debian: docker-compose), it reads the file as well.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

const root = join(import.meta.dirname, '../..');
const file = join(root, 'docker-compose.yml');
const RUNS_ONCE = 'setup';

/** @returns {string[]} what is wrong */
export function faultsOf(compose, services) {
  const faults = [];
  const expect = (right, fault) => right || faults.push(fault);
  const { gateway } = compose.services;
  for (const name of services) {
    const { command } = compose.services[name] ?? {};
    expect(String(command) === `services/${name}/dist/main.js`, `services/${name} is not run`);
    const variable = `UPSTREAM_${name.toUpperCase().replaceAll('-', '_')}`;
    const port = compose.services[name]?.environment?.HTTP_PORT;
    expect(
      gateway?.environment?.[variable] === `http://${name}:${port}`,
      `the gateway's ${variable} is not http://${name}:${port}`,
    );
    expect(gateway?.depends_on?.[name], `the gateway does not wait for ${name}`);
  }
  for (const [name, { image = '', healthcheck, ports = [], restart }] of Object.entries(compose.services)) {
    expect(
      /:\d+\.\d+(\.\d+)?(-[a-z]+)?$/.test(image),
      `the image of ${name}, "${image}", is not pinned to a version`,
    );
    expect(name === RUNS_ONCE || healthcheck?.test, `${name} has no health check`);
    expect(name === RUNS_ONCE || restart === 'unless-stopped', `${name} is not started again when it dies`);
    for (const port of ports)
      expect(String(port).startsWith('127.0.0.1:'), `${name} publishes ${port} to everybody`);
  }
  return faults;
}

function clientFaults() {
  for (const [command, ...prefix] of [['docker', 'compose'], ['docker-compose']]) {
    if (spawnSync(command, [...prefix, 'version']).status !== 0) continue;
    const { status, stderr } = spawnSync(command, [...prefix, '--file', file, 'config', '--quiet'], {
      encoding: 'utf8',
    });
    console.log(`read by ${[command, ...prefix].join(' ')}`);
    return status === 0 ? [] : [stderr.trim()];
  }
  console.log('no compose client here: its own reading of the file is left out');
  return [];
}

if (process.argv[1] === import.meta.filename) {
  const services = readdirSync(join(root, 'services')).filter((name) =>
    existsSync(join(root, 'services', name, 'package.json')),
  );
  const faults = [
    ...faultsOf(parse(readFileSync(file, 'utf8'), { merge: true }), services),
    ...clientFaults(),
  ];
  for (const fault of faults) console.error(`docker-compose.yml: ${fault}`);
  process.exitCode = faults.length > 0 ? 1 : 0;
}
