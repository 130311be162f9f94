import { setTimeout as sleep } from 'node:timers/promises';
import { performance } from 'node:perf_hooks';
import { eventually, type FleetInstance } from '@trackline/testkit';
import { between, costOf, lookAt } from '../measure/cost.ts';
import { memoryNow } from '../measure/memory.ts';
import { median } from '../measure/statistics.ts';
import { alone, assertCount, compared, type Scenario } from '../scenario.ts';
import { encodeInbound, makeCustomers, USUAL_MIX, USUAL_NAME } from '../stage/source-events.ts';
import { Stage } from '../stage/stage.ts';
import { enableForEach } from './kafka-door.ts';

const PER_SECOND = 1_500;
const MINUTES = 30;
const EVENTS = PER_SECOND * 60 * MINUTES;
const EVERY_MS = 100;
const SAMPLES = 300;
const MOST_MEGABYTES = 250;
const MOST_GROWTH = 1.1;
const SETTLED_WITHIN_MS = 60_000;
const SERVICES = ['trigger', 'timeline', 'dedup-meter'] as const;

/** Half an hour of a steady stream: does memory stay where it is? */
export const memory: Scenario = {
  name: 'memory',
  says: `${PER_SECOND.toLocaleString('en')} events a second at the Kafka door for half an hour: memory of each service, the last third beside the second`,
  isLong: true,
  async run({ events = EVENTS, say }) {
    const stage = await Stage.open(SERVICES);
    try {
      const instances: FleetInstance[] = [];
      for (const name of SERVICES) instances.push(await stage.service(name));
      const customers = await makeCustomers(stage);
      await enableForEach(stage, instances[0]!, customers);
      const watched = stage.watched(...instances.map(({ process }) => process));
      const samples: Record<string, number[]> = Object.fromEntries(SERVICES.map((name) => [name, []]));
      const before = lookAt(watched);
      const beganMs = performance.now();
      for (let sent = 0; sent < events;) {
        const due = Math.min(events, Math.floor(((performance.now() - beganMs) / 1_000) * PER_SECOND));
        const some = Array.from({ length: due - sent }, (_, at) => {
          const n = sent + at;
          const customer = customers[n % customers.length]!;
          const contact = Math.floor(n / customers.length) % USUAL_MIX.contactsOfEach;
          return encodeInbound({ customer, contact, name: USUAL_NAME, uniqueId: undefined }, n);
        });
        await stage.publisher.publish(some);
        sent = due;
        if (samples.trigger!.length < (sent / events) * SAMPLES)
          for (const { process, name } of instances) samples[name]!.push(memoryNow(process.pid!));
        await sleep(EVERY_MS);
      }
      const metered = () => stage.count('SELECT coalesce(sum(used), 0)::bigint AS n FROM dedup_meter.usage');
      await eventually(async () => (await metered()) >= events, {
        withinMs: SETTLED_WITHIN_MS,
        everyMs: 250,
      });
      const cost = between(before, lookAt(watched), events);
      const counts = [assertCount('events metered', await metered(), events)];
      await eventually(
        async () => (await stage.count('SELECT count(*)::bigint AS n FROM timeline.event')) >= events,
        { withinMs: SETTLED_WITHIN_MS, everyMs: 1_000 },
      );
      const figures = SERVICES.flatMap((name) => {
        const taken = samples[name]!;
        const third = Math.floor(taken.length / 3);
        const [middle, last] = [median(taken.slice(third, 2 * third)), median(taken.slice(2 * third))];
        say(
          `${name}: ${middle.toFixed(0)} MB, then ${last.toFixed(0)} MB, at most ${Math.max(...taken).toFixed(0)} MB`,
        );
        return [
          alone(`memory of ${name}, at most`, 'MB', Math.max(...taken), { atMost: MOST_MEGABYTES }),
          compared(
            `memory of ${name}, the last third beside the second`,
            'MB',
            { ours: last, baseline: middle },
            { atMost: MOST_GROWTH },
          ),
        ];
      });
      return { figures, costs: [costOf('a steady stream', [{ cost }])], rounds: [samples], exact: counts };
    } finally {
      await stage.close();
    }
  },
};
