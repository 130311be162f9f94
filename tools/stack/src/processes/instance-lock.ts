import { linkSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { Fault } from '../fault.ts';
import { readJson, writeJson } from '../json-file.ts';
import { identify, isRunning, type ProcessIdentity } from './identity.ts';

interface Holder extends ProcessIdentity {
  readonly since: string;
}

/** One stack per home. Returns how to give the lock back, and whether an earlier run left it behind. */
export function takeLock(file: string): { release: () => void; leftBehind: boolean } {
  mkdirSync(dirname(file), { recursive: true });
  const mine: Holder = { ...identify(process.pid)!, since: new Date().toISOString() };
  let leftBehind = false;
  for (;;) {
    if (claim(file, mine)) return { release: () => rmSync(file, { force: true }), leftBehind };
    const holder = readJson<Holder>(file);
    if (holder && isRunning(holder)) throw alreadyRunning(holder);
    leftBehind = true;
    setAside(file, holder);
  }
}

/** `link` fails when the name is taken: exactly one of several starts at once gets it, with its content complete. */
function claim(file: string, mine: Holder): boolean {
  const draft = `${file}.${mine.pid}.claim`;
  writeJson(draft, mine);
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Removes a dead holder's lock; should somebody else have taken it over meanwhile, theirs is put back. */
function setAside(file: string, dead: Holder | undefined): void {
  const aside = `${file}.${process.pid}.dead`;
  try {
    renameSync(file, aside);
  } catch {
    return;
  }
  const taken = readJson<Holder>(aside);
  if (taken && (taken.pid !== dead?.pid || taken.began !== dead.began)) linkSync(aside, file);
  rmSync(aside, { force: true });
}

function alreadyRunning(holder: Holder): Fault {
  return new Fault(
    `Trackline is running here already: process ${holder.pid}, since ${holder.since}.`,
    `Stop it with Ctrl-C where it runs, or with: kill ${holder.pid}`,
  );
}
