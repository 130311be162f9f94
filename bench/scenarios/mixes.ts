import { ADMITTED, decodeAdmitted } from '@trackline/contracts';
import { readToEnd } from '@trackline/kafka';
import { costOf } from '../measure/cost.ts';
import { interleave } from '../measure/interleave.ts';
import { median } from '../measure/statistics.ts';
import { compared, type Scenario } from '../scenario.ts';
import { USUAL_MIX, type Mix } from '../stage/source-events.ts';
import type { Stage } from '../stage/stage.ts';
import { kafkaDoorRound } from './kafka-door.ts';

const EVENTS_OF_A_ROUND = 100_000;
const FIRST = 'as usual';
const MIXES = {
  [FIRST]: USUAL_MIX,
  'every second one a duplicate': { ...USUAL_MIX, uniqueEvery: 1, repeatEvery: 2 },
  '10,000 organisations': { ...USUAL_MIX, organizations: 10_000, contactsOfEach: 1 },
  'one organisation': { ...USUAL_MIX, organizations: 1, contactsOfEach: 2_000 },
  'one contact': { ...USUAL_MIX, organizations: 1, contactsOfEach: 1 },
} satisfies Record<string, Mix>;
type Side = keyof typeof MIXES;
const SIDES = Object.keys(MIXES) as Side[];

/** The same way for other senders: many duplicates, many organisations, one, and one contact with everything. */
export const mixes: Scenario = {
  name: 'mixes',
  says: 'the pipeline when half are duplicates, when each organisation sends a little, when one sends all, when one contact does; beside the usual',
  isLong: true,
  async run({ rounds, events = EVENTS_OF_A_ROUND, say }) {
    const round = (side: Side) => async () => {
      const taken = await kafkaDoorRound({ events, mix: MIXES[side], check: assertOrder });
      say(`${side}: ${Math.round(taken.eventsPerSecond).toLocaleString('en')} events/s`);
      return taken;
    };
    const taken = await interleave(
      rounds,
      Object.fromEntries(SIDES.map((side) => [side, round(side)])) as Record<Side, ReturnType<typeof round>>,
    );
    const rate = (side: Side) => median(taken[side].map(({ eventsPerSecond }) => eventsPerSecond));
    return {
      figures: SIDES.filter((side) => side !== FIRST).map((side) =>
        compared(`pipeline, ${side}, beside the usual`, 'events/s', {
          ours: rate(side),
          baseline: rate(FIRST),
        }),
      ),
      costs: SIDES.map((side) => costOf(`pipeline, ${side}`, taken[side])),
      rounds: SIDES.map((side) => ({ side, taken: taken[side] })),
      exact: [
        'every round: ledger, usage, topics and timeline hold what was sent',
        'every round: admitted events of each contact are in the order in which they were sent',
      ],
    };
  },
};

/** The nth event that was sent is `bench-<n>` to its producer. */
async function assertOrder({ kafka }: Stage): Promise<void> {
  const last = new Map<string, number>();
  await readToEnd({
    connection: kafka,
    topic: ADMITTED,
    onMessage: (message) => {
      const { contactId, clientId } = decodeAdmitted(message);
      const serial = Number(clientId!.split('-')[1]);
      if (serial <= (last.get(contactId) ?? 0))
        throw new Error(`Event ${serial} of contact ${contactId} comes after ${last.get(contactId)}.`);
      last.set(contactId, serial);
    },
  });
}
