import { ADMITTED, REFUSED } from '@trackline/contracts';
import type { FleetInstance } from '@trackline/testkit';
import type { RoundCost } from '../measure/cost.ts';
import { assertCount } from '../scenario.ts';
import { drain } from '../stage/drain.ts';
import { layWorkflows } from '../stage/lay-workflows.ts';
import { slowest, throughAll } from '../stage/passage.ts';
import {
  fillInbound,
  makeCustomers,
  USUAL_MIX,
  USUAL_NAME,
  type Customer,
  type Filled,
  type Mix,
} from '../stage/source-events.ts';
import { redisBytes } from '../stage/redis-bytes.ts';
import { Stage, type ServiceName } from '../stage/stage.ts';
import { openTopicEnds } from '../stage/topic-ends.ts';
import { enableWorkflow, MANY_EXECUTIONS } from './waiting-workflow.ts';

/** What is published before that share of all is warm-up. */
export const WARM_SHARE = 0.25;
const BEHIND_THE_DOOR = ['trigger', 'timeline'] as const satisfies readonly ServiceName[];

export interface DoorRound {
  readonly eventsPerSecond: number;
  readonly cost: RoundCost;
}

export interface OurDoorRound extends DoorRound {
  /** What Redis holds more per event that was sent. */
  readonly redisBytes: number;
}

export interface DoorSettings {
  readonly events: number;
  readonly mix?: Mix;
  /** Of each service. */
  readonly instances?: number;
  /** What is started by each event of this name; absent: nothing is. */
  readonly startedBy?: string;
  /** What else is to be seen while it runs, and what else is to be right in the end. */
  readonly during?: (
    stage: Stage,
    customers: readonly Customer[],
    all: readonly FleetInstance[],
  ) => Promise<void>;
  readonly check?: (stage: Stage) => Promise<void>;
}

/**
 * A backlog at the Kafka door, until everything of it is judged, committed and published, compared with the workflows, and on the timeline.
 * trigger and timeline are up and wait; dedup-meter comes last and finds the backlog. Afterwards everything is counted.
 */
export async function kafkaDoorRound({
  events,
  mix = USUAL_MIX,
  instances = 1,
  startedBy,
  during,
  check,
}: DoorSettings): Promise<OurDoorRound> {
  const stage = await Stage.open(['dedup-meter', ...BEHIND_THE_DOOR]);
  try {
    const customers = await makeCustomers(stage, mix);
    const numbers = Array.from({ length: instances }, (_, at) => at + 1);
    const start = (name: ServiceName) =>
      Promise.all(numbers.map((number) => stage.service(name, { number })));
    const behind = (await Promise.all(BEHIND_THE_DOOR.map(start))).flat();
    await enableForEach(stage, behind[0]!, customers, startedBy);
    const filled = await fillInbound(stage, customers, events, mix);
    const bytesBefore = await redisBytes();
    const all = [...(await start('dedup-meter')), ...behind];
    const ends = await openTopicEnds(stage.kafka);
    const starts = startedBy === undefined ? 0 : startsOf(filled, customers.length, mix, startedBy);
    const beside = during?.(stage, customers, all);
    const drained = await drain({
      count: async () =>
        slowest(filled.sent, [
          [await throughAll(stage, ends, filled), filled.sent],
          [await effectsOnTimeline(stage, starts), starts],
        ]),
      expected: filled.sent,
      warmShare: WARM_SHARE,
      watched: stage.watched(...all.map(({ process }) => process)),
      isAlive: () => all.every(({ process }) => process.isRunning),
    });
    await ends.close();
    const bytes = ((await redisBytes()) - bytesBefore) / filled.sent;
    await beside;
    await assertExact(stage, filled, starts);
    await check?.(stage);
    return { ...drained, redisBytes: bytes };
  } finally {
    await stage.close();
  }
}

/**
 * One enabled workflow in each organisation. When nothing is to be started, it has a step that waits for the usual event, so that each
 * event is looked up among the waits; when something is, its executions wait for an event that does not come.
 */
export async function enableForEach(
  stage: Stage,
  trigger: FleetInstance,
  customers: readonly Customer[],
  startedBy = 'checked_out',
): Promise<void> {
  const { workflowId } = await enableWorkflow(stage, trigger, {
    name: 'Waits',
    trigger: { type: 'event', eventName: startedBy },
    settings: { maxConcurrentExecutions: MANY_EXECUTIONS },
    steps: [
      {
        id: 'wait',
        type: 'wait_for_event',
        config: { eventName: startedBy === 'checked_out' ? USUAL_NAME : 'checked_out' },
      },
    ],
  });
  await layWorkflows(
    stage,
    workflowId,
    customers.map(({ organizationId }) => ({ organizationId, eventName: startedBy })),
  );
}

/** Executions that are to be started: of what was sent, what has the name and is no repeat. */
function startsOf({ sent }: Filled, customers: number, mix: Mix, name: string): number {
  let starts = 0;
  for (let n = 0; n < sent; n += 1) {
    const round = Math.floor(n / customers);
    const unique = round % mix.uniqueEvery === 0 ? round / mix.uniqueEvery : 0;
    if (unique % mix.repeatEvery !== 1 && mix.nameOf(round) === name) starts += 1;
  }
  return starts;
}

/** trigger's messages about them have been put down, too. */
const effectsOnTimeline = (stage: Stage, starts: number): Promise<number> =>
  starts === 0
    ? Promise.resolve(0)
    : stage.count('SELECT count(*)::bigint AS n FROM timeline.execution_effect');

async function assertExact(stage: Stage, filled: Filled, starts: number): Promise<void> {
  const admitted = filled.sent - filled.duplicates;
  const expected: readonly (readonly [string, number])[] = [
    ['SELECT count(*)::bigint AS n FROM dedup_meter.event_identity', admitted],
    ['SELECT coalesce(sum(used), 0)::bigint AS n FROM dedup_meter.usage', admitted],
    ['SELECT count(*)::bigint AS n FROM timeline.event', admitted],
    ['SELECT count(*)::bigint AS n FROM timeline.refusal', filled.duplicates],
    ['SELECT count(*)::bigint AS n FROM trigger.execution', starts],
    ['SELECT count(*)::bigint AS n FROM trigger.wait', starts],
    ['SELECT count(*)::bigint AS n FROM timeline.execution_effect', starts],
  ];
  for (const [text, count] of expected) assertCount(text, await stage.count(text), count);
  const ends = await openTopicEnds(stage.kafka);
  assertCount(ADMITTED, await ends.sum(ADMITTED), admitted);
  assertCount(REFUSED, await ends.sum(REFUSED), filled.duplicates);
  await ends.close();
}
