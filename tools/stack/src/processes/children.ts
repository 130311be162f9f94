import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../fault.ts';
import type { Places } from '../places.ts';
import { identify, type ProcessIdentity } from './identity.ts';
import { forgetRecord, keepRecord, type Phase, type RunRecord } from './run-record.ts';
import { stopInOrder, stopProcess, type Stopped } from './stopping.ts';

export interface ChildSpec {
  /** Names its log and its record. */
  readonly name: string;
  readonly phase: Phase;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly user?: { readonly uid: number; readonly gid: number } | undefined;
  /** Default SIGTERM. */
  readonly stopSignal?: NodeJS.Signals;
  readonly graceMs: number;
  /** Its words go to the reader instead of the log. */
  readonly speaks?: boolean;
}

/** No process has this number, so nothing that is recorded under it is ever stopped. */
const NEVER_RAN = -1;

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** It never ran: the program or its directory is not there, or may not be used. */
  readonly error?: Error;
}

export interface Child extends ProcessIdentity {
  readonly logFile: string;
  readonly exited: Promise<Exit>;
  /** Undefined while it runs. */
  exit(): Exit | undefined;
  stop(): Promise<Stopped>;
}

/** All processes of one stack: each in a session of its own, so that a Ctrl-C reaches us alone and we stop them in order. */
export class Children {
  private readonly places: Places;
  private readonly owner: ProcessIdentity;
  private readonly running = new Set<RunRecord>();
  private readonly begunLogs = new Set<string>();
  private closed = false;

  constructor(places: Places) {
    this.places = places;
    this.owner = identify(process.pid)!;
    mkdirSync(places.logs, { recursive: true });
  }

  /** Throws once it is closed: nothing may be started behind its back. */
  start(spec: ChildSpec): Child {
    if (this.closed) throw new Fault(`${spec.name} is not started: Trackline is stopping.`);
    const logFile = join(this.places.logs, `${spec.name}.log`);
    const log = spec.speaks ? undefined : this.openLog(logFile);
    const child = spawn(spec.command, spec.args, {
      cwd: spec.cwd ?? this.places.root,
      env: spec.env ?? process.env,
      detached: true,
      stdio: log === undefined ? ['ignore', 'inherit', 'inherit'] : ['ignore', log, log],
      ...spec.user,
    });
    if (log !== undefined) closeSync(log);
    let ended: Exit | undefined;
    const exited = new Promise<Exit>((settle) => {
      child.once('error', (error) => settle((ended ??= { code: null, signal: null, error })));
      child.once('exit', (code, signal) => settle((ended ??= { code, signal })));
    });
    const { pid = NEVER_RAN } = child;
    const record = this.keep(spec, pid);
    void exited.then(() => this.forget(record));
    return { pid, began: record.began, logFile, exited, exit: () => ended, stop: () => stopProcess(record) };
  }

  /** Nothing is started from now on. */
  close(): void {
    this.closed = true;
  }

  /** Those of one phase that run now. Each leads a session of its own. */
  of(phase: Phase): ProcessIdentity[] {
    return [...this.running].filter((record) => record.phase === phase);
  }

  async stopAll(onStopped: (record: RunRecord, how: Stopped) => void): Promise<void> {
    this.close();
    await stopInOrder([...this.running], (record, how) => {
      this.forget(record);
      onStopped(record, how);
    });
  }

  get any(): boolean {
    return this.running.size > 0;
  }

  get isClosed(): boolean {
    return this.closed;
  }

  private keep(spec: ChildSpec, pid: number): RunRecord {
    const { name, phase, graceMs, stopSignal = 'SIGTERM' } = spec;
    const began = identify(pid)?.began ?? 'gone at once';
    const record: RunRecord = { name, phase, pid, began, stopSignal, graceMs, owner: this.owner };
    this.running.add(record);
    keepRecord(this.places.run, record);
    return record;
  }

  private forget(record: RunRecord): void {
    this.running.delete(record);
    forgetRecord(this.places.run, record);
  }

  /** A run begins its logs anew and keeps those of the run before. */
  private openLog(file: string): number {
    if (!this.begunLogs.has(file) && existsSync(file))
      renameSync(file, file.replace(/\.log$/, '.previous.log'));
    this.begunLogs.add(file);
    return openSync(file, 'a');
  }
}

/** The end of a log, for the reader whose start failed. */
export function lastLines(logFile: string, count = 20): string {
  try {
    return readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-count).join('\n');
  } catch {
    return '';
  }
}

export function describeExit({ code, signal, error }: Exit): string {
  if (error) return `could not be run (${error.message})`;
  if (signal) return `was ended by ${signal}`;
  return `ended with exit code ${code}`;
}
