import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readJson, writeJson } from '../json-file.ts';
import type { ProcessIdentity } from './identity.ts';

/** The order in which things stop: who uses goes before what is used. */
export const PHASES = ['task', 'service', 'gateway', 'kafka', 'postgres', 'redis'] as const;
export type Phase = (typeof PHASES)[number];

/** A process that we started, as kept on disk: whoever comes after us can stop it, even when we were killed. */
export interface RunRecord extends ProcessIdentity {
  readonly name: string;
  readonly phase: Phase;
  readonly stopSignal: NodeJS.Signals;
  /** How long it may take to stop before it is killed. */
  readonly graceMs: number;
  /** The stack that started it. */
  readonly owner: ProcessIdentity;
}

const fileOf = (directory: string, name: string) => join(directory, `${name}.json`);

export function keepRecord(directory: string, record: RunRecord): void {
  mkdirSync(directory, { recursive: true });
  writeJson(fileOf(directory, record.name), record);
}

/** Forgets that process, and not one that has taken its name since. */
export function forgetRecord(directory: string, record: RunRecord): void {
  if (readJson<RunRecord>(fileOf(directory, record.name))?.pid !== record.pid) return;
  rmSync(fileOf(directory, record.name), { force: true });
}

export function readRecords(directory: string): RunRecord[] {
  let files: string[];
  try {
    files = readdirSync(directory);
  } catch {
    return [];
  }
  return files
    .filter((file) => file.endsWith('.json'))
    .map((file) => readJson<RunRecord>(join(directory, file)))
    .filter((record) => record !== undefined);
}
