import { join } from 'node:path';
import { uuidv7 } from '@trackline/kernel';
import { breakableParts } from './fault-lane/breakable-parts.ts';
import { Fault } from './fault.ts';
import { bringUpInfrastructure } from './infrastructure.ts';
import { placesOf } from './places.ts';
import { Ports } from './ports.ts';
import { Children } from './processes/children.ts';
import { endMarked, MARK } from './processes/marked.ts';
import { watchOver } from './processes/watch-over.ts';
import type { Invocation } from './say.ts';
import { stopEverything } from './stop-everything.ts';
import { stopWish } from './stop-wish.ts';
import type { Surroundings } from './surroundings.ts';
import { environmentOfTests } from './test-environment.ts';

const GRACE_MS = 10_000;
const STOPPED = 130;

/**
 * Runs one command with what tests are told: KAFKA_BROKERS, DATABASE_URL, REDIS_URL, REDIS_SERVER, BREAKABLE_PARTS, RUN_RECORDS. Whoever names the
 * first three in the environment keeps theirs; else they are brought up for this command, and are gone with it. Returns its exit code.
 */
export async function withInfrastructure({ root, argv, say }: Invocation): Promise<number> {
  const durable = argv[0] === '--durable';
  const [command, ...args] = durable ? argv.slice(1) : argv;
  if (!command) throw new Fault('There is no command to run.');
  const places = placesOf(root, join(root, '.trackline', `command-${process.pid}`));
  const children = new Children(places);
  const mark = uuidv7();
  const dismissCaretaker = watchOver(places, [places.home, places.elsewhere], mark);
  const surroundings = { places, children, say, ports: new Ports(places.portsFile) };
  const undo: (() => Promise<void>)[] = [];
  const run = async (): Promise<number> => {
    const env = await environment(surroundings, durable, undo);
    const child = children.start({
      ...{ name: 'command', phase: 'task', command, args, graceMs: GRACE_MS, speaks: true },
      env: { ...process.env, ...env, [MARK]: mark },
    });
    const { code, error } = await child.exited;
    if (error) throw error;
    return code ?? 1;
  };
  try {
    return await Promise.race([run(), stopWish(say).then(() => STOPPED)]);
  } finally {
    // The command, and whatever it has started, before what they use.
    children.close();
    await endMarked(mark, GRACE_MS, children.of('task'));
    await stopEverything(children, say, async () => {
      for (const each of undo) await each();
    });
    await dismissCaretaker();
  }
}

async function environment(
  surroundings: Surroundings,
  durable: boolean,
  undo: (() => Promise<void>)[],
): Promise<NodeJS.ProcessEnv> {
  const parts = async (migrated?: string) => ({
    BREAKABLE_PARTS: JSON.stringify(await breakableParts(surroundings, migrated)),
  });
  const { KAFKA_BROKERS, DATABASE_URL, REDIS_URL } = process.env;
  if (KAFKA_BROKERS && DATABASE_URL && REDIS_URL) return parts();
  const choice = { docker: false, fresh: false, durable, usualPorts: false, env: {} };
  const infrastructure = await bringUpInfrastructure(surroundings, choice);
  undo.push(infrastructure.stop);
  return {
    ...(await parts(infrastructure.databaseUrl)),
    ...(await environmentOfTests(surroundings, infrastructure)),
    // By name: a bench tells what each of them costs.
    RUN_RECORDS: surroundings.places.run,
  };
}
