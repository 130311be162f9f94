import type { FleetInstance } from '@trackline/testkit';
import type { LoadRequest, LoadResult } from '../load/http-load.ts';
import { costOf } from '../measure/cost.ts';
import { median } from '../measure/statistics.ts';
import { alone, compared, type Scenario } from '../scenario.ts';
import { answersOf, HttpCallers } from '../stage/callers.ts';
import type { Customer } from '../stage/source-events.ts';
import type { Stage } from '../stage/stage.ts';
import { kafkaDoorRound, type OurDoorRound } from './kafka-door.ts';

const EVENTS_OF_A_ROUND = 200_000;
/** By then each contact has as many events as a page holds: what is read later is no longer. */
const BEGUN_AT = 0.5;
const PAGES = { kind: 'open', callers: 16, seconds: 4, warmSeconds: 1, perSecond: 100 } as const;

interface Round extends OurDoorRound {
  readonly busy: LoadResult;
  readonly idle: LoadResult;
}

/** Pages of timelines, read while a backlog is put down on them as fast as it goes. */
export const timelinePages: Scenario = {
  name: 'timeline-pages',
  says: `${PAGES.perSecond} pages of 50 events a second, while a backlog runs through the pipeline; beside the same afterwards`,
  isLong: true,
  async run({ rounds, events = EVENTS_OF_A_ROUND, say }) {
    const taken: Round[] = [];
    for (let round = 0; round < rounds; round += 1) {
      let pages: HttpCallers | undefined;
      let busy: LoadResult | undefined;
      let idle: LoadResult | undefined;
      try {
        const door = await kafkaDoorRound({
          events,
          beside: {
            from: BEGUN_AT,
            run: async (stage, customers, all) => {
              pages = new HttpCallers(await pagesOf(stage, customers, all));
              busy = await pages.run(PAGES);
            },
          },
          check: async () => {
            idle = await pages!.run(PAGES);
          },
        });
        taken.push({ ...door, busy: busy!, idle: idle! });
        say(inWords(taken.at(-1)!));
      } finally {
        pages?.close();
      }
    }
    const of = (pick: (result: LoadResult) => number) => ({
      ours: median(taken.map(({ busy }) => pick(busy))),
      baseline: median(taken.map(({ idle }) => pick(idle))),
    });
    const { others } = answersOf(taken.flatMap(({ busy, idle }) => [busy, idle]));
    return {
      figures: [
        compared(
          'pages of timelines under inserts, p50, beside none',
          'ms',
          of(({ p50Ms }) => p50Ms),
        ),
        compared(
          'pages of timelines under inserts, p99, beside none',
          'ms',
          of(({ p99Ms }) => p99Ms),
        ),
        alone('pages of timelines, other answers than 200', 'answers', others, { atMost: 0 }),
        alone(
          'pages of timelines, rounds whose backlog was gone before they were read',
          'rounds',
          taken.filter(({ wasBeside }) => !wasBeside).length,
          { atMost: 0 },
        ),
        alone(
          'pipeline while pages are read',
          'events/s',
          median(taken.map(({ eventsPerSecond }) => eventsPerSecond)),
        ),
      ],
      costs: [costOf('pipeline while pages are read', taken)],
      rounds: taken,
      exact: ['every round: ledger, usage, topics and timeline hold what was sent'],
    };
  },
};

const inWords = ({ eventsPerSecond, busy, idle }: Round): string =>
  `${Math.round(eventsPerSecond).toLocaleString('en')} events/s; a page p50 ${busy.p50Ms.toFixed(1)} ms, p99 ${busy.p99Ms.toFixed(1)} ms; afterwards p50 ${idle.p50Ms.toFixed(1)} ms, p99 ${idle.p99Ms.toFixed(1)} ms`;

async function pagesOf(stage: Stage, customers: readonly Customer[], all: readonly FleetInstance[]) {
  const { url: origin } = all.find(({ service }) => service === 'timeline')!;
  const requests: LoadRequest[] = [];
  for (const { organizationId, contactIds } of customers) {
    const created = await stage.directory.createKey(organizationId, { name: 'bench' });
    for (const contactId of contactIds)
      requests.push({ method: 'GET', path: `/v1/contacts/${contactId}/events?limit=50`, key: created!.key });
  }
  return { origins: [origin], requests };
}
