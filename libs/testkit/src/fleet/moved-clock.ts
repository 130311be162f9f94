import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { eventually } from '../eventually.ts';
import type { FleetInstance } from './fleet-instance.ts';

const PRELOAD = pathToFileURL(resolve(import.meta.dirname, '../../moved-clock.mjs')).href;

/**
 * The clock of service processes, which a test moves while they run: months pass in a moment. It goes on from where it was put. Timers are not
 * moved, nor are the clocks of Kafka, Postgres and Redis: give the source topics `CreateTime`, then what a service publishes was received by its clock.
 */
export class MovedClock {
  /** For the services that are to go by this clock. */
  readonly env: Readonly<Record<string, string>>;
  private readonly directory: string;
  private readonly file: string;
  private aheadMs = 0;

  constructor(atMs: number) {
    this.directory = mkdtempSync(join(tmpdir(), 'moved-clock-'));
    this.file = join(this.directory, 'ahead-ms');
    this.env = { NODE_OPTIONS: `--import=${PRELOAD}`, MOVED_CLOCK_FILE: this.file };
    this.write(atMs);
  }

  now(): number {
    return Date.now() + this.aheadMs;
  }

  /** They must be up. Resolves when all of them go by it; one that is started later does from its start. */
  async moveTo(atMs: number, instances: readonly FleetInstance[]): Promise<void> {
    this.write(atMs);
    for (const { name, process: one } of instances) {
      if (one.pid === undefined) throw new Error(`${name} is down: it cannot be told the time.`);
      process.kill(one.pid, 'SIGUSR2');
      await eventually(() => readFileSync(`${this.file}.${one.pid}`, 'utf8') === String(this.aheadMs), {
        everyMs: 5,
      });
    }
  }

  close(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  private write(atMs: number): void {
    this.aheadMs = atMs - Date.now();
    writeFileSync(this.file, String(this.aheadMs));
  }
}
