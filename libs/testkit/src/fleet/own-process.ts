import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';

export interface ProcessSpec {
  /** Names it in errors. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly logFile: string;
}

const SHOWN_LINES = 25;

/** A process that a test may start, stop, freeze and kill as often as it likes. All of its lives write one log. */
export class OwnProcess {
  readonly spec: ProcessSpec;
  private child: ChildProcess | undefined;
  private exited: Promise<void> = Promise.resolve();
  private isExpectedToEnd = false;
  private deaths: string[] = [];

  constructor(spec: ProcessSpec) {
    this.spec = spec;
    mkdirSync(dirname(spec.logFile), { recursive: true });
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  get isRunning(): boolean {
    return this.child !== undefined;
  }

  /** Deaths that nobody ordered. */
  get unexpectedDeaths(): readonly string[] {
    return this.deaths;
  }

  start(): void {
    const { name, command, args, env, logFile } = this.spec;
    if (this.child) throw new Error(`${name} runs already, as process ${this.child.pid}`);
    const log = openSync(logFile, 'a');
    const child = spawn(command, args, { env, stdio: ['ignore', log, log] });
    closeSync(log);
    this.child = child;
    this.isExpectedToEnd = false;
    this.exited = new Promise((resolve) => {
      const ended = (how: string) => {
        if (this.child === child) this.child = undefined;
        if (!this.isExpectedToEnd) this.deaths.push(how);
        resolve();
      };
      child.once('error', (error) => ended(`${name} could not be run: ${error.message}`));
      child.once('exit', (code, signal) =>
        ended(`${name} ended by itself (${signal ?? `exit code ${code}`})`),
      );
    });
  }

  /** SIGKILL, also to one that is paused. Resolves when it is gone. */
  async kill(): Promise<void> {
    this.killNow();
    await this.exited;
  }

  /** The signal alone: for strikes, where the next microsecond counts. */
  killNow(): void {
    this.isExpectedToEnd = true;
    this.child?.kill('SIGKILL');
  }

  /** SIGTERM, and SIGKILL when that takes too long. */
  async stop(withinMs = 10_000): Promise<void> {
    this.isExpectedToEnd = true;
    this.child?.kill('SIGTERM');
    const timer = setTimeout(() => this.child?.kill('SIGKILL'), withinMs);
    await this.exited;
    clearTimeout(timer);
  }

  pause(): void {
    this.child?.kill('SIGSTOP');
  }

  resume(): void {
    this.child?.kill('SIGCONT');
  }

  /** The end of its log, for whoever wants to know why. */
  lastWords(): string {
    const { name, logFile } = this.spec;
    let text = '';
    try {
      text = readFileSync(logFile, 'utf8');
    } catch {
      // Then it has said nothing.
    }
    const lines = text.trimEnd().split('\n').slice(-SHOWN_LINES).join('\n');
    return `${name}, the end of ${logFile}:\n${lines}`;
  }
}
