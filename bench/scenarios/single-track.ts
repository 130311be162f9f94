import { Agent, request } from 'node:http';
import { performance } from 'node:perf_hooks';
import { createOrganization } from '@trackline/testkit';
import { openRawRoundTrip } from '../baselines/raw-round-trip.ts';
import { beginCost, costOf, type RoundCost } from '../measure/cost.ts';
import { infrastructureProcesses } from '../measure/cpu.ts';
import { interleave } from '../measure/interleave.ts';
import { median, percentile } from '../measure/statistics.ts';
import { assertCount, compared, type Bound, type Figure, type Scenario } from '../scenario.ts';
import { ADMIN_TOKEN, Stage } from '../stage/stage.ts';

const CALLS_OF_A_ROUND = 500;
const WARM_UP_CALLS = 300;
const MOST_RATIO = 3;
const BODY = JSON.stringify({
  name: 'page_viewed',
  contactEmail: 'bench@example.com',
  properties: { path: '/prices', referrer: 'https://example.com/a/b/c', total: 49.9 },
});

interface Round {
  readonly side: 'ours' | 'baseline';
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cost: RoundCost;
}

/** One caller, one event at a time: the answer waits until the event was judged, committed, and matched against the workflows. */
export const singleTrack: Scenario = {
  name: 'single-track',
  says: 'one POST /v1/events after the other, answered through ingest, dedup-meter and trigger; beside a raw kafkajs round trip',
  async run({ rounds, events = CALLS_OF_A_ROUND, say }) {
    const stage = await Stage.open(['dedup-meter', 'trigger', 'ingest']);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    try {
      const [ingest, meter, trigger] = await Promise.all(
        (['ingest', 'dedup-meter', 'trigger'] as const).map((name) => stage.service(name)),
      );
      const raw = await openRawRoundTrip(stage);
      const { id, key, call } = await createOrganization({ url: ingest!.url, adminToken: ADMIN_TOKEN });
      const contact = await call('POST', '/v1/contacts', { body: { email: 'bench@example.com' } });
      if (contact.status !== 201) throw new Error(`The contact was not made: ${contact.text}`);
      const track = tracker(agent, new URL('/v1/events', ingest!.url), key);
      let tracked = 0;
      const ours = async () => {
        tracked += 1;
        return track();
      };
      const baseline = () => raw.trip(BODY);
      for (let n = 0; n < WARM_UP_CALLS; n += 1) {
        await ours();
        await baseline();
      }
      const processes = {
        ours: [ingest!, meter!, trigger!].map(({ service, process }) => ({
          name: service,
          pid: process.pid!,
        })),
        baseline: [{ name: 'raw-echo', pid: raw.echoPid }],
      };
      const round = (side: Round['side'], once: () => Promise<number>) => async (): Promise<Round> => {
        const watched = [...processes[side], ...infrastructureProcesses()];
        const costFor = await beginCost(watched);
        const tookMs: number[] = [];
        for (let n = 0; n < events; n += 1) tookMs.push(await once());
        const cost = await costFor(events);
        const taken = { side, p50Ms: median(tookMs), p99Ms: percentile(tookMs, 0.99), cost };
        say(`${side}: p50 ${taken.p50Ms.toFixed(2)} ms, p99 ${taken.p99Ms.toFixed(2)} ms`);
        return taken;
      };
      const taken = await interleave(rounds, {
        ours: round('ours', ours),
        baseline: round('baseline', baseline),
      });
      await raw.close();
      const { rows } = await stage.database.query<{ used: number }>({
        text: 'SELECT coalesce(sum(used), 0)::bigint AS used FROM dedup_meter.usage WHERE organization_id = $1',
        values: [id],
      });
      return {
        figures: [
          figure('p50', taken, ({ p50Ms }) => p50Ms, { atMost: MOST_RATIO }),
          figure('p99', taken, ({ p99Ms }) => p99Ms),
        ],
        costs: (['ours', 'baseline'] as const).map((side) => costOf(`single-track, ${side}`, taken[side])),
        rounds: [...taken.ours, ...taken.baseline],
        exact: [assertCount('events metered, each answered with 200', Number(rows[0]!.used), tracked)],
      };
    } finally {
      agent.destroy();
      await stage.close();
    }
  },
};

function figure(
  name: string,
  taken: { readonly ours: readonly Round[]; readonly baseline: readonly Round[] },
  of: (round: Round) => number,
  promised?: Bound,
): Figure {
  const [ours, baseline] = [median(taken.ours.map(of)), median(taken.baseline.map(of))];
  return compared(`single track, ${name}`, 'ms', { ours, baseline }, promised);
}

/** Milliseconds from the request to the last byte of its answer, on one kept connection. Throws unless the answer is complete: 200. */
function tracker(agent: Agent, url: URL, key: string): () => Promise<number> {
  const headers = {
    authorization: `Bearer ${key}`,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(BODY),
  };
  return () =>
    new Promise((resolve, reject) => {
      const startedMs = performance.now();
      const call = request(url, { method: 'POST', agent, headers }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => (text += part));
        response.once('end', () => {
          if (response.statusCode === 200) resolve(performance.now() - startedMs);
          else reject(new Error(`POST /v1/events answered ${response.statusCode}: ${text}`));
        });
      });
      call.once('error', reject);
      call.end(BODY);
    });
}
