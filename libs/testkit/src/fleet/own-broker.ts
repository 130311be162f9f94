import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { connectKafka } from '@trackline/kafka';
import { eventually } from '../eventually.ts';
import type { BreakableParts } from './breakable-parts.ts';
import { OwnProcess } from './own-process.ts';
import { noteStrike } from './strikes-file.ts';

/** Seconds; on a machine that is busy with other things it is minutes. */
const UP_WITHIN_MS = 180_000;

/** The spare broker, started from nothing for one test file. One at a time: its ports are given. */
export class OwnBroker {
  readonly process: OwnProcess;
  /** Past every proxy. */
  readonly address: string;
  private readonly directory: string;

  private constructor({ broker }: BreakableParts, directory: string, logFile: string) {
    this.directory = join(directory, 'kafka');
    this.address = `127.0.0.1:${broker.port}`;
    this.process = new OwnProcess({
      name: 'broker',
      command: broker.command,
      args: [...broker.args, '--override', `log.dirs=${this.directory}`],
      env: process.env,
      logFile,
    });
  }

  static async start(parts: BreakableParts, directory: string, logFile: string): Promise<OwnBroker> {
    const broker = new OwnBroker(parts, directory, logFile);
    rmSync(broker.directory, { recursive: true, force: true });
    cpSync(parts.broker.logDirectory, broker.directory, { recursive: true });
    try {
      await broker.start();
    } catch (error) {
      // Nobody else knows of it yet, and its ports are wanted.
      await broker.close();
      throw error;
    }
    return broker;
  }

  async start(): Promise<void> {
    this.process.start();
    await this.answers();
  }

  /** kill -9, and up again with what its disk has. */
  async restart(): Promise<void> {
    noteStrike('broker killed');
    await this.process.kill();
    await this.start();
  }

  async close(): Promise<void> {
    await this.process.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }

  private async answers(): Promise<void> {
    const connection = connectKafka({ brokers: this.address, clientId: 'testkit', connectTimeoutMs: 1_000 });
    await eventually(
      async () => {
        if (!this.process.isRunning) return true;
        const admin = connection.newClient({ retries: 0 }).admin();
        try {
          await admin.connect();
          return (await admin.describeCluster()).brokers.length > 0;
        } finally {
          await admin.disconnect().catch(() => undefined);
        }
      },
      { withinMs: UP_WITHIN_MS, everyMs: 100 },
    ).catch((error: unknown) => {
      throw new Error(`The broker does not answer. ${this.process.lastWords()}`, { cause: error });
    });
    if (!this.process.isRunning) throw new Error(`The broker did not start. ${this.process.lastWords()}`);
  }
}
