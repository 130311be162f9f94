import { createServer } from 'node:net';
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { readJson, writeJson } from './json-file.ts';
import { Fault } from './fault.ts';

/** Below the ranges from which systems take the ports of outgoing connections: between our look and our use, nobody else draws one. */
const FREE_PORTS = { from: 20_000, to: 29_999 };
const TRIES = 200;

/** Hands out ports, remembers what it handed out, and prefers the same again at the next start. */
export class Ports {
  private readonly file: string;
  private readonly remembered: Record<string, number>;
  private readonly taken = new Set<number>();

  constructor(file: string) {
    this.file = file;
    this.remembered = readJson<Record<string, number>>(file) ?? {};
  }

  /** The port of last time, else the usual one, else a free one. `usual` undefined: any, as long as it is free. */
  async choose(name: string, usual?: number): Promise<number> {
    const port =
      (await this.firstFree([this.remembered[name], usual])) ??
      (await this.firstFree(someFreePorts())) ??
      none();
    this.taken.add(port);
    this.remembered[name] = port;
    writeJson(this.file, this.remembered);
    return port;
  }

  private async firstFree(candidates: Iterable<number | undefined>): Promise<number | undefined> {
    for (const port of candidates) {
      if (port !== undefined && !this.taken.has(port) && (await isFree(port))) return port;
    }
    return undefined;
  }
}

export async function isFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((settle) => {
    const server = createServer();
    server.once('error', () => settle(false));
    server.listen({ port, host, exclusive: true }, () => server.close(() => settle(true)));
  });
}

function* someFreePorts(): Generator<number> {
  for (let tried = 0; tried < TRIES; tried += 1) yield randomInt(FREE_PORTS.from, FREE_PORTS.to + 1);
}

function none(): never {
  throw new Fault(`No free port between ${FREE_PORTS.from} and ${FREE_PORTS.to}.`);
}

/** The program that listens there, as far as this system tells: ` (process 4711, node)`. */
export function listenerOn(port: number): string {
  const { stdout } = spawnSync('ss', ['-Hltnp', `sport = :${port}`], { encoding: 'utf8' });
  const found = /users:\(\("([^"]+)",pid=(\d+)/.exec(stdout ?? '');
  if (found) return ` (process ${found[2]}, ${found[1]})`;
  const { stdout: listed } = spawnSync('lsof', ['-nP', '-Fpc', `-iTCP:${port}`, '-sTCP:LISTEN'], {
    encoding: 'utf8',
  });
  const other = /p(\d+)\nc(.+)/.exec(listed ?? '');
  return other ? ` (process ${other[1]}, ${other[2]})` : '';
}
