import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FleetInstance } from '@trackline/testkit';
import { beginCost, costOf } from '../measure/cost.ts';
import { memoryNow } from '../measure/memory.ts';
import { median } from '../measure/statistics.ts';
import { alone, compared, type Figure, type Scenario } from '../scenario.ts';
import { answersOf, assertAnswered, HttpCallers, type Answers } from '../stage/callers.ts';
import { layWorkflows } from '../stage/lay-workflows.ts';
import { encodeInbound, USUAL_MIX, USUAL_NAME } from '../stage/source-events.ts';
import { Stage } from '../stage/stage.ts';
import { openWebhookSink, type WebhookSink } from '../stage/webhook-sink.ts';
import { makeCallers, trackRequests, type Caller } from './http-customers.ts';
import { COUNTED_OF_HTTP } from './http-stage.ts';
import { enableWorkflow, MANY_EXECUTIONS } from './waiting-workflow.ts';

const DOOR_PER_SECOND = 1_350;
const HTTP_PER_SECOND = 150;
const PER_SECOND = DOOR_PER_SECOND + HTTP_PER_SECOND;
const MINUTES = 30;
const EVENTS = PER_SECOND * 60 * MINUTES;
const CALLERS = 32;
/** Every so manieth event at the Kafka door starts an execution. Prime to the number of customers: each has its turn. */
const STARTS_EVERY = 101;
const STARTED_BY = 'order_placed';
const EVERY_MS = 100;
const SAMPLES = 300;
const MOST_MEGABYTES = 250;
const MOST_GROWTH = 1.1;
const SERVICES = ['trigger', 'timeline', 'dedup-meter', 'connectors', 'ingest'] as const;

interface World {
  readonly stage: Stage;
  readonly instances: readonly FleetInstance[];
  readonly customers: readonly Caller[];
  readonly sink: WebhookSink;
  readonly callers: HttpCallers;
}

type Samples = Record<string, number[]>;

/** Half an hour of a steady stream through all services: does memory stay where it is? */
export const memory: Scenario = {
  name: 'memory',
  says: `${PER_SECOND.toLocaleString('en')} events a second for half an hour, by Kafka and HTTP, with executions and webhooks: memory of each service, the last third beside the second`,
  isLong: true,
  async run({ events = EVENTS, say }) {
    const world = await openWorld();
    const { stage, instances, sink, callers } = world;
    try {
      const seconds = Math.ceil(events / PER_SECOND);
      const costFor = await beginCost(stage.watched(...instances.map(({ process }) => process)));
      const [samples, answered] = await Promise.all([
        stream(world, seconds),
        callers.run({
          ...{ kind: 'open', callers: CALLERS, seconds, warmSeconds: 0, perSecond: HTTP_PER_SECOND },
        }),
      ]);
      const sent = seconds * DOOR_PER_SECOND;
      const { whole, accepted, others } = answersOf([answered]);
      const exact = await assertExact(stage, sink, sent, { whole: whole + sent, accepted, others });
      const cost = await costFor(seconds * PER_SECOND);
      return {
        figures: [
          ...SERVICES.flatMap((name) =>
            figuresOf(name, samples[name]!, cost.memory[name] ?? Number.NaN, say),
          ),
          alone('steady stream, other answers than 200 and 202', 'answers', others, { atMost: 0 }),
        ],
        costs: [costOf('a steady stream', [{ cost }])],
        rounds: [{ samples, answered }],
        exact,
      };
    } finally {
      callers.close();
      await sink.close();
      await stage.close();
    }
  },
};

async function openWorld(): Promise<World> {
  const stage = await Stage.open(SERVICES);
  try {
    const sink = await openWebhookSink();
    const env = { CONNECTORS_ALLOW_HTTP: 'true', CONNECTORS_ALLOWED_PRIVATE: '127.0.0.1/32' };
    const instances: FleetInstance[] = [];
    for (const name of SERVICES) instances.push(await stage.service(name, { env }));
    const customers = await makeCallers(stage);
    const { workflowId } = await enableWorkflow(stage, instances[0]!, {
      name: 'Tells, and waits',
      trigger: { type: 'event', eventName: STARTED_BY },
      settings: { maxConcurrentExecutions: MANY_EXECUTIONS },
      steps: [
        { id: 'tell', type: 'webhook', config: { url: sink.url } },
        { id: 'wait', type: 'wait_for_event', config: { eventName: USUAL_NAME } },
      ],
    });
    await layWorkflows(
      stage,
      workflowId,
      customers.map(({ organizationId }) => ({ organizationId, eventName: STARTED_BY })),
    );
    const callers = new HttpCallers({
      origins: [instances.at(-1)!.url],
      requests: trackRequests(customers),
    });
    return { stage, instances, customers, sink, callers };
  } catch (error) {
    await stage.close();
    throw error;
  }
}

/** To the Kafka door, as many a second as are due; looks at memory meanwhile. */
async function stream({ stage, instances, customers }: World, seconds: number): Promise<Samples> {
  const samples: Samples = Object.fromEntries(SERVICES.map((name) => [name, []]));
  const events = seconds * DOOR_PER_SECOND;
  const beganMs = performance.now();
  for (let sent = 0; sent < events;) {
    const due = Math.min(events, Math.floor(((performance.now() - beganMs) / 1_000) * DOOR_PER_SECOND));
    const some = Array.from({ length: due - sent }, (_, at) => {
      const n = sent + at;
      const customer = customers[n % customers.length]!;
      const contact = Math.floor(n / customers.length) % USUAL_MIX.contactsOfEach;
      const name = n % STARTS_EVERY === 0 ? STARTED_BY : USUAL_NAME;
      return encodeInbound({ customer, contact, name, uniqueId: undefined }, n);
    });
    await stage.publisher.publish(some);
    sent = due;
    if (samples.trigger!.length < (sent / events) * SAMPLES)
      for (const { process, service } of instances) samples[service]!.push(memoryNow(process.pid!));
    await sleep(EVERY_MS);
  }
  return samples;
}

async function assertExact(
  stage: Stage,
  sink: WebhookSink,
  sent: number,
  answers: Answers,
): Promise<string[]> {
  const exact = [];
  for (const [what, text] of COUNTED_OF_HTTP)
    exact.push(await assertAnswered(what, () => stage.count(text), answers));
  const starts = { whole: Math.ceil(sent / STARTS_EVERY), accepted: 0, others: 0 };
  const executions = () => stage.count('SELECT count(*)::bigint AS n FROM trigger.execution');
  exact.push(await assertAnswered('executions started', executions, starts));
  exact.push(await assertAnswered('webhooks delivered', () => Promise.resolve(sink.received), starts));
  return exact;
}

function figuresOf(
  name: string,
  taken: readonly number[],
  peak: number,
  say: (text: string) => void,
): Figure[] {
  const third = Math.floor(taken.length / 3);
  const [middle, last] = [median(taken.slice(third, 2 * third)), median(taken.slice(2 * third))];
  say(`${name}: ${middle.toFixed(0)} MB, then ${last.toFixed(0)} MB, at most ${peak.toFixed(0)} MB`);
  return [
    alone(`memory of ${name}, at most`, 'MB', peak, { atMost: MOST_MEGABYTES }),
    compared(
      `memory of ${name}, the last third beside the second`,
      'MB',
      { ours: last, baseline: middle },
      { atMost: MOST_GROWTH },
    ),
  ];
}
