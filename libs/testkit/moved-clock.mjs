// Loaded before a service (`node --import`): its clock is as far from the true one as a file says. libs/testkit/src/fleet/moved-clock.ts writes it.
import { readFileSync, writeFileSync } from 'node:fs';

const file = process.env.MOVED_CLOCK_FILE;
const TrueDate = Date;
let aheadMs = 0;

function read() {
  aheadMs = Number(readFileSync(file, 'utf8'));
  writeFileSync(`${file}.${process.pid}`, String(aheadMs));
}

const now = () => TrueDate.now() + aheadMs;

globalThis.Date = new Proxy(TrueDate, {
  construct: (target, args, newTarget) =>
    Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
  get: (target, name) => (name === 'now' ? now : Reflect.get(target, name)),
});

read();
process.on('SIGUSR2', read);
