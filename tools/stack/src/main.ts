import { accessSync, constants, mkdirSync, rmSync } from 'node:fs';
import { runMainJob } from './demonstration/main-job.ts';
import { callerOf } from './demonstration/caller.ts';
import { seed } from './demonstration/seed.ts';
import { sayWhatNext } from './demonstration/try-next.ts';
import { WrongAnswer } from './demonstration/walk.ts';
import { Fault } from './fault.ts';
import { bringUpInfrastructure } from './infrastructure.ts';
import { clearLeftBehind } from './left-behind.ts';
import { parseOptions, USAGE, type Options } from './options.ts';
import { placesOf, type Places } from './places.ts';
import { Ports } from './ports.ts';
import { Children } from './processes/children.ts';
import { takeLock } from './processes/instance-lock.ts';
import { watchOver } from './processes/watch-over.ts';
import type { Invocation, Say } from './say.ts';
import { planInstances } from './services.ts';
import { startStack, requireFreePort } from './stack.ts';
import { removeStackFile } from './stack-file.ts';
import { stopEverything } from './stop-everything.ts';
import { stopWish } from './stop-wish.ts';
import type { Surroundings } from './surroundings.ts';

/** `npm start`, once everything is installed and built. Returns the exit code. */
export async function main({ root, argv, say }: Invocation): Promise<number> {
  const startedMs = Date.now();
  const options = parseOptions(argv);
  if (options.help) {
    say.plain(USAGE);
    return 0;
  }
  const places = placesOf(root);
  requireOwnHome(places);
  const lock = takeLock(places.lockFile);
  const wish = stopWish(say);
  const children = new Children(places);
  const dismissCaretaker = watchOver(places);
  const undo: (() => Promise<void>)[] = [];
  try {
    const surroundings = { places, children, say, ports: new Ports(places.portsFile) };
    const outcome = await Promise.race([run(surroundings, options, startedMs, undo), wish]);
    if (options.once) return outcome === 'up' ? 0 : 1;
    if (outcome === 'up') await wish;
    return 0;
  } catch (error) {
    if (!(error instanceof WrongAnswer)) say.fault(error);
    return 1;
  } finally {
    await stopEverything(children, say, async () => {
      for (const each of undo) await each();
    });
    removeStackFile(places.stackFile);
    await dismissCaretaker();
    lock.release();
    say.plain();
  }
}

/** From nothing to up; with `--once` no further than the main job. */
async function run(
  surroundings: Surroundings,
  options: Options,
  startedMs: number,
  undo: (() => Promise<void>)[],
): Promise<'up'> {
  const { places, ports, say } = surroundings;
  await clearLeftBehind(places, say);
  await requireFreePort(options.port);
  if (options.fresh) deleteData(places, say);
  const infrastructure = await bringUpInfrastructure(surroundings, {
    ...options,
    durable: true,
    usualPorts: true,
    env: process.env,
  });
  undo.push(() => infrastructure.stop());
  const instances = await planInstances(options.instances, ports, { usualPorts: true });
  const stack = await startStack(surroundings, infrastructure, { gatewayPort: options.port, instances });
  const call = callerOf(stack.url);
  const demonstration = await seed(call, stack.adminToken, places.demonstrationFile);
  stack.announce(demonstration);
  say.done(
    'ready',
    `${stack.url}${demonstration.found ? '' : ', with a demonstration organisation'}`,
    Date.now() - startedMs,
  );
  if (!options.demonstration) return 'up';
  say.title('The main job');
  try {
    const email = await runMainJob(call, demonstration, say);
    if (options.once) return 'up';
    sayWhatNext(say, {
      url: stack.url,
      apiKey: demonstration.apiKey,
      email,
      logs: places.logs,
      stackFile: places.stackFile,
    });
  } catch (error) {
    // Whoever wants to look into it needs the stack up; a script wants the exit code.
    if (options.once || !(error instanceof WrongAnswer)) throw error;
    say.plain();
    say.notice('wrong', `The main job went wrong. The stack stays up to look into it; logs: ${places.logs}`);
  }
  return 'up';
}

/** A home that another user (root, once) has made cannot be used, and the message of the first failing write would not say why. */
function requireOwnHome({ home, logs }: Places): void {
  try {
    mkdirSync(logs, { recursive: true });
    accessSync(home, constants.W_OK);
    accessSync(logs, constants.W_OK);
  } catch (error) {
    throw new Fault(
      `${home} cannot be written by this user.`,
      `Remove it as the one who made it: sudo rm -r ${home}`,
      error,
    );
  }
}

function deleteData(places: Places, say: Say): void {
  for (const each of [places.data, places.elsewhere, places.demonstrationFile]) {
    rmSync(each, { recursive: true, force: true });
  }
  say.done('fresh', 'the data of earlier starts is deleted');
  const named = ['KAFKA_BROKERS', 'DATABASE_URL', 'REDIS_URL'].filter((name) => process.env[name]);
  if (named.length > 0)
    say.notice('fresh', `what ${named.join(', ')} name${named.length === 1 ? 's' : ''} is left as it is`);
}
