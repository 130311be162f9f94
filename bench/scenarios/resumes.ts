import { randomUUID } from 'node:crypto';
import { EXECUTIONS, OUTCOMES } from '@trackline/contracts';
import { beginCost, costOf, type RoundCost } from '../measure/cost.ts';
import { interleave } from '../measure/interleave.ts';
import { paced } from '../measure/paced.ts';
import { median, percentile } from '../measure/statistics.ts';
import { alone, assertCount, compared, type Scenario, type ScenarioSettings } from '../scenario.ts';
import type { Fed } from '../stage/admitted-feed.ts';
import { alike, drain } from '../stage/drain.ts';
import { layWaits } from '../stage/lay-waits.ts';
import { OutcomeWatch } from '../stage/outcome-watch.ts';
import { openTopicEnds } from '../stage/topic-ends.ts';
import { openBareWaits } from './bare-waits.ts';
import type { Resumer } from './resumer.ts';
import { openWaitingWorkflow, RESUMED_BY } from './waiting-workflow.ts';

const RESUMES_OF_A_ROUND = 40_000;
const OTHERS_WAITING = 100_000;
const WARM_SHARE = 0.25;
const PER_SECOND = 100;
const LATENCY_SECONDS = 8;
const ANSWERED_WITHIN_MS = 60_000;
const LEAST_PER_SECOND = 2_000;
const MOST_P50_MS = 15;

interface Round {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cost: RoundCost;
  readonly pacedCost: RoundCost;
}

/** Executions that wait are resumed by their events, as fast as it goes, and at a steady rate. */
export const resumes: Scenario = {
  name: 'resumes',
  says: '100,000 executions of others wait; waits end by their events, at full speed and at 100 a second; beside one statement per batch',
  async run(settings) {
    const ours = await openOurs();
    const bare = await openBareWaits();
    try {
      const others =
        settings.events === undefined ? OTHERS_WAITING : Math.min(OTHERS_WAITING, settings.events * 3);
      await Promise.all([ours.lay(others), bare.lay(others)]);
      let resumed = 0;
      const round = (resumer: Resumer) => async () => {
        const taken = await measure(resumer, settings);
        const counts = await resumer.counts();
        if (resumer.name === 'ours') resumed = counts.resumed;
        assertCount(`${resumer.name}: executions that still wait`, counts.waiting, others);
        return taken;
      };
      const taken = await interleave(settings.rounds, { ours: round(ours), baseline: round(bare) });
      const of = (pick: (round: Round) => number) => ({
        ours: median(taken.ours.map(pick)),
        baseline: median(taken.baseline.map(pick)),
      });
      const [rate, p50, p99] = [of((r) => r.perSecond), of((r) => r.p50Ms), of((r) => r.p99Ms)];
      return {
        figures: [
          compared('resumes at full speed, beside one bare statement', '/s', rate),
          alone('resumes at full speed', '/s', rate.ours, { atLeast: LEAST_PER_SECOND }),
          compared('resumes, published to resumed, p50, beside one bare statement', 'ms', p50),
          alone('resumes, published to resumed, p50', 'ms', p50.ours, { atMost: MOST_P50_MS }),
          compared('resumes, published to resumed, p99, beside one bare statement', 'ms', p99),
        ],
        costs: (['ours', 'baseline'] as const).flatMap((side) => [
          costOf(`resumes at full speed, ${side}`, taken[side]),
          costOf(
            `resumes at ${PER_SECOND}/s, ${side}`,
            taken[side].map(({ pacedCost: cost }) => ({ cost })),
          ),
        ]),
        rounds: [...taken.ours, ...taken.baseline],
        exact: [
          assertCount(
            'executions resumed, each once, as many as events were published',
            resumed,
            ours.feed.published - 1,
          ),
          `${others} executions of others still wait`,
        ],
      };
    } finally {
      await ours.close();
      await bare.close();
    }
  },
};

async function measure(resumer: Resumer, { events, say }: ScenarioSettings): Promise<Round> {
  const { name } = resumer;
  const { eventsPerSecond, cost } = await atFullSpeed(resumer, events ?? RESUMES_OF_A_ROUND);
  const { tookMs, cost: pacedCost } = await atSteadyRate(resumer, PER_SECOND * LATENCY_SECONDS);
  const [p50Ms, p99Ms] = [median(tookMs), percentile(tookMs, 0.99)];
  say(
    `${name}: ${Math.round(eventsPerSecond).toLocaleString('en')} resumes/s; at ${PER_SECOND}/s p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms`,
  );
  return { perSecond: eventsPerSecond, p50Ms, p99Ms, cost, pacedCost };
}

/** The process is held while the backlog is made, so that it is warm and finds all of it at once. */
async function atFullSpeed(resumer: Resumer, count: number) {
  const { feed, process, progressTopic, progressOfEach } = resumer;
  const contacts = await resumer.lay(count);
  const ends = await openTopicEnds(feed.stage.kafka);
  const before = await ends.sum(progressTopic);
  process.pause();
  await feed.publish(contacts.map((contactId) => crossing(resumer, contactId)));
  process.resume();
  const drained = await drain({
    progress: async () => alike(((await ends.sum(progressTopic)) - before) / progressOfEach),
    expected: count,
    warmShare: WARM_SHARE,
    watched: resumer.watched(),
    isAlive: () => process.isRunning,
  });
  await ends.close();
  return drained;
}

async function atSteadyRate(resumer: Resumer, count: number) {
  const { feed, answersTopic } = resumer;
  const contacts = await resumer.lay(count);
  const watch = await OutcomeWatch.open(feed.stage, answersTopic);
  const costFor = await beginCost(resumer.watched());
  const tookMs = await paced(count, PER_SECOND, async (index, meantAtMs) => {
    const correlation = randomUUID();
    const answered = watch.answered(correlation, ANSWERED_WITHIN_MS);
    const replyTo = `0/${correlation}`;
    const published = feed.publish([{ ...crossing(resumer, contacts[index]!), replyTo }]);
    const [atMs] = await Promise.all([answered, published]);
    return atMs - meantAtMs;
  });
  const cost = await costFor(count);
  await watch.close();
  return { tookMs, cost };
}

const crossing = ({ organizationId }: Resumer, contactId: string): Fed => ({
  organizationId,
  contactId,
  name: RESUMED_BY,
});

async function openOurs(): Promise<Resumer> {
  const { stage, trigger, feed, pattern } = await openWaitingWorkflow();
  const executions = (where: string) =>
    stage.count(
      `SELECT count(*)::bigint AS n FROM trigger.execution WHERE organization_id = $1 AND ${where}`,
      [pattern.organizationId],
    );
  return {
    name: 'ours',
    feed,
    organizationId: pattern.organizationId,
    answersTopic: OUTCOMES,
    progressTopic: EXECUTIONS,
    progressOfEach: 2,
    process: trigger.process,
    watched: () => stage.watched(trigger.process),
    lay: (count) => layWaits(stage, pattern, count),
    counts: async () => ({
      // But for the one that the others are made after.
      waiting: (await executions(`status = 'waiting'`)) - 1,
      resumed: await executions(`status = 'completed'`),
    }),
    close: () => stage.close(),
  };
}
