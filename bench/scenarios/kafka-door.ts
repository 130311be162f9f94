import { performance } from 'node:perf_hooks';
import { ADMITTED, REFUSED } from '@trackline/contracts';
import type { FleetInstance } from '@trackline/testkit';
import type { RoundCost } from '../measure/cost.ts';
import { assertCount } from '../scenario.ts';
import { drain } from '../stage/drain.ts';
import { layWorkflows } from '../stage/lay-workflows.ts';
import { partsOfServices, slowest } from '../stage/passage.ts';
import {
  fillInbound,
  makeCustomers,
  USUAL_MIX,
  USUAL_NAME,
  type Customer,
  type Filled,
  type Mix,
} from '../stage/source-events.ts';
import { Stage, type ServiceName } from '../stage/stage.ts';
import { openTopicEnds } from '../stage/topic-ends.ts';
import { verdictsOn } from '../stage/verdicts.ts';
import { enableWorkflow, MANY_EXECUTIONS } from './waiting-workflow.ts';

/** What is published before that share of all is warm-up. */
export const WARM_SHARE = 0.25;
const BEHIND_THE_DOOR = ['trigger', 'timeline'] as const satisfies readonly ServiceName[];
type Behind = (typeof BEHIND_THE_DOOR)[number];

export interface DoorRound {
  readonly eventsPerSecond: number;
  readonly measuredSeconds: number;
  readonly cost: RoundCost;
}

export interface OurDoorRound extends DoorRound {
  /** From the start of the first dedup-meter until all of it was through, warm-up and all. */
  readonly recoverySeconds: number;
  /** Events that were published and waited for each of these, on average while it was measured: little means that it waits for others. */
  readonly waiting: Readonly<Record<Behind, number>>;
  /** Verdicts that were published again after a partition had changed hands; they have no effect. */
  readonly repeated: number;
  /** What ran beside it was done while there was still something of the backlog. */
  readonly wasBeside: boolean;
}

/** What is to be seen while a backlog runs through. */
export interface Beside {
  /** Begins when this share of all is through. */
  readonly from: number;
  run(stage: Stage, customers: readonly Customer[], all: readonly FleetInstance[]): Promise<void>;
}

export interface DoorSettings {
  readonly events: number;
  readonly mix?: Mix;
  readonly warmShare?: number;
  /** Of each service. */
  readonly instances?: number;
  /** What is started by each event of this name; absent: nothing is. */
  readonly startedBy?: string;
  readonly beside?: Beside;
  /** What else is to be right in the end. */
  readonly check?: (stage: Stage) => Promise<void>;
}

/**
 * A backlog at the Kafka door, until everything of it is judged, committed and published, compared with the workflows, and on the timeline.
 * trigger and timeline are up and wait; dedup-meter comes last and finds the backlog. Afterwards everything is counted.
 */
export async function kafkaDoorRound(settings: DoorSettings): Promise<OurDoorRound> {
  const { events, mix = USUAL_MIX, warmShare = WARM_SHARE, instances = 1, startedBy, check } = settings;
  const stage = await Stage.open(['dedup-meter', ...BEHIND_THE_DOOR]);
  try {
    const customers = await makeCustomers(stage, mix);
    const numbers = Array.from({ length: instances }, (_, at) => at + 1);
    const start = (name: ServiceName) =>
      Promise.all(numbers.map((number) => stage.service(name, { number })));
    const behind = (await Promise.all(BEHIND_THE_DOOR.map(start))).flat();
    await enableForEach(stage, behind[0]!, customers, startedBy);
    const filled = await fillInbound(stage, customers, events, mix);
    const starts = startedBy === undefined ? 0 : startsOf(filled, customers.length, mix, startedBy);
    const ends = await openTopicEnds(stage.kafka);
    const beganMs = performance.now();
    const all = [...(await start('dedup-meter')), ...behind];
    const beside = new RunBeside(settings.beside && (() => settings.beside!.run(stage, customers, all)));
    const queues: Record<Behind, number>[] = [];
    const drained = await drain({
      progress: async () => {
        const parts = await partsOfServices(stage, ends, filled);
        const done = slowest(filled.sent, [
          ...Object.values(parts).flat(),
          [await effectsOnTimeline(stage, starts), starts],
        ]);
        if (done >= filled.sent * warmShare) queues.push(queuesOf(parts, filled.sent));
        if (settings.beside && done >= filled.sent * settings.beside.from) beside.begin();
        return { first: slowest(filled.sent, parts['dedup-meter']), last: done };
      },
      expected: filled.sent,
      warmShare,
      watched: stage.watched(...all.map(({ process }) => process)),
      isAlive: () => all.every(({ process }) => process.isRunning),
    });
    const recoverySeconds = (performance.now() - beganMs) / 1_000;
    const wasBeside = beside.isOver;
    await ends.close();
    await beside.over();
    const repeated = await assertExact(stage, filled, starts);
    // Where no partition changes hands there is nobody to repeat anything.
    if (instances === 1) assertCount('verdicts published twice', repeated, 0);
    await check?.(stage);
    return { ...drained, recoverySeconds, waiting: meansOf(queues), wasBeside, repeated };
  } finally {
    await stage.close();
  }
}

/** Something that is begun once, and may fail long before anybody waits for it. */
class RunBeside {
  isOver = false;
  private begun: Promise<void> | undefined;
  private readonly run: (() => Promise<void>) | undefined;

  constructor(run: (() => Promise<void>) | undefined) {
    this.run = run;
  }

  begin(): void {
    this.begun ??= this.run?.().then(() => {
      this.isOver = true;
    });
    // Told where it is awaited.
    this.begun?.catch(() => undefined);
  }

  async over(): Promise<void> {
    this.begin();
    await this.begun;
  }
}

type Parts = Awaited<ReturnType<typeof partsOfServices>>;

/** Events that are published and that each has not put behind it. */
const queuesOf = (parts: Parts, sent: number): Record<Behind, number> => {
  const published = slowest(sent, parts['dedup-meter']);
  const queue = (name: Behind) => Math.max(0, published - slowest(sent, parts[name]));
  return { trigger: queue('trigger'), timeline: queue('timeline') };
};

const meansOf = (queues: readonly Record<Behind, number>[]): Record<Behind, number> => {
  const mean = (name: Behind) => queues.reduce((sum, each) => sum + each[name], 0) / queues.length;
  return { trigger: mean('trigger'), timeline: mean('timeline') };
};

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
    const unique = mix.uniqueEvery > 0 && round % mix.uniqueEvery === 0 ? round / mix.uniqueEvery : 0;
    if (unique % mix.repeatEvery !== 1 && mix.nameOf(round) === name) starts += 1;
  }
  return starts;
}

/** trigger's messages about them have been put down, too. */
const effectsOnTimeline = (stage: Stage, starts: number): Promise<number> =>
  starts === 0
    ? Promise.resolve(0)
    : stage.count('SELECT count(*)::bigint AS n FROM timeline.execution_effect');

/** Gives how many verdicts were published again. */
async function assertExact(stage: Stage, filled: Filled, starts: number): Promise<number> {
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
  let repeated = 0;
  for (const [topic, count] of [
    [ADMITTED, admitted],
    [REFUSED, filled.duplicates],
  ] as const) {
    const verdicts = await verdictsOn(stage, ends, topic, count);
    assertCount(topic, verdicts.events, count);
    repeated += verdicts.repeated;
  }
  await ends.close();
  return repeated;
}
