import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { uuidv7 } from '@trackline/kernel';
import { bringUpInfrastructure, type Infrastructure } from './infrastructure.ts';
import { callerOf } from './demonstration/caller.ts';
import { seed } from './demonstration/seed.ts';
import { breakableParts } from './fault-lane/breakable-parts.ts';
import { parseLanes, sum, type LaneResult, type Wanted } from './lanes.ts';
import { placesOf, type Places } from './places.ts';
import { Ports } from './ports.ts';
import { Children } from './processes/children.ts';
import { endMarked, MARK } from './processes/marked.ts';
import { watchOver } from './processes/watch-over.ts';
import { runLane, type LaneRun } from './run-lane.ts';
import type { Invocation, Say } from './say.ts';
import { planInstances } from './services.ts';
import { soak } from './soak.ts';
import { startStack } from './stack.ts';
import { stopEverything } from './stop-everything.ts';
import { stopWish } from './stop-wish.ts';
import type { Surroundings } from './surroundings.ts';
import { environmentOfTests } from './test-environment.ts';

/** Stopped in the middle, tests have no time to stop what they have started. */
const LEFT_GRACE_MS = 10_000;
const COULD_NOT_RUN: LaneResult = { passed: 0, failed: 1, skipped: 0 };

/** `npm test`, once everything is installed and built. Returns the exit code; the last line counts tests, whatever happens. */
export async function test({ root, argv, say }: Invocation): Promise<number> {
  const wanted = parseLanes(argv);
  const places = placesOf(root, join(root, '.trackline', `test-${process.pid}`));
  const children = new Children(places);
  const mark = uuidv7();
  const dismissCaretaker = watchOver(places, [places.home, places.elsewhere], mark);
  const surroundings = { places, children, say, ports: new Ports(places.portsFile) };
  const results: LaneResult[] = [];
  const undo: (() => Promise<void>)[] = [];
  const wish = stopWish(say).then(() => results.push(COULD_NOT_RUN));
  try {
    await Promise.race([runLanes({ ...surroundings, mark }, wanted, results, undo), wish]);
  } catch (error) {
    say.fault(error);
    results.push(COULD_NOT_RUN);
  }
  // Jest, and whatever its tests have started, before what they use.
  children.close();
  await endMarked(mark, LEFT_GRACE_MS, children.of('task'));
  await stopEverything(children, say, async () => {
    for (const each of undo) await each();
  });
  keepLogs(places, say, sum(results).failed > 0);
  await dismissCaretaker();
  const { passed, failed } = sum(results);
  say.plain();
  say.plain(`${passed} passed, ${failed} failed`);
  return failed > 0 ? 1 : 0;
}

/** Nothing is started before a lane needs it. */
async function runLanes(
  { mark, ...surroundings }: Surroundings & { readonly mark: string },
  { lanes, jestArguments, soak: isSoak }: Wanted,
  results: LaneResult[],
  undo: (() => Promise<void>)[],
): Promise<void> {
  let infrastructure: Infrastructure | undefined;
  let env: LaneRun['env'] = { [MARK]: mark };
  for (const lane of lanes) {
    if (lane.needs !== 'nothing' && !infrastructure) {
      infrastructure = await testInfrastructure(surroundings);
      undo.push(infrastructure.stop);
      env = { ...env, ...(await environmentOfTests(surroundings, infrastructure)) };
    }
    if (lane.needs === 'breakable parts') {
      const parts = await breakableParts(surroundings, infrastructure!.databaseUrl);
      env = { ...env, BREAKABLE_PARTS: JSON.stringify(parts) };
    }
    if (lane.needs === 'stack' && env.STACK_FILE === undefined) {
      env = { ...env, ...(await testStack(surroundings, infrastructure!)) };
    }
    const run = { lane, jestArguments, env };
    if (isSoak) results.push(...(await soak(surroundings, run)));
    else results.push(await runLane(surroundings, run));
  }
}

/** Always one of our own: the environment may name a broker or a database that somebody needs. */
async function testInfrastructure(surroundings: Surroundings): Promise<Infrastructure> {
  surroundings.say.title('Infrastructure of this run');
  return bringUpInfrastructure(surroundings, {
    docker: false,
    fresh: false,
    durable: false,
    usualPorts: false,
    env: {},
  });
}

/**
 * Starts the services and the gateway on free ports; returns what tells tests where they are, and where a test has to listen that stands in for
 * Meta: nothing of a test goes there.
 */
async function testStack(
  surroundings: Surroundings,
  infrastructure: Infrastructure,
): Promise<NodeJS.ProcessEnv> {
  const { places, ports, say } = surroundings;
  say.title('Stack of this run');
  const instances = await planInstances(new Map(), ports, { usualPorts: false });
  const gatewayPort = await ports.choose('gateway');
  const settings = { CONVERSIONS_API_URL: `http://127.0.0.1:${await ports.choose('conversions-api')}` };
  const stack = await startStack(surroundings, infrastructure, { gatewayPort, instances, settings });
  stack.announce(await seed(callerOf(stack.url), stack.adminToken, places.demonstrationFile));
  return { STACK_FILE: places.stackFile, ...settings };
}

/** The run's directory goes with the run; its logs stay for whoever has to find out why a test failed. */
function keepLogs(places: Places, say: Say, wanted: boolean): void {
  const kept = join(places.root, '.trackline', 'test-logs');
  rmSync(kept, { recursive: true, force: true });
  mkdirSync(kept, { recursive: true });
  cpSync(places.logs, kept, { recursive: true });
  if (wanted) say.notice('logs', `of the services of this run: ${kept}`);
}
