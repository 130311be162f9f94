import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import {
  ADMITTED,
  decodeAdmitted,
  decodeRefused,
  formatPosition,
  monthOf,
  REFUSED,
} from '@trackline/contracts';
import { PinnedReader } from '@trackline/kafka';
import { eventually, faultSeeds, Fleet, MovedClock, seededRandom } from '@trackline/testkit';
import fc from 'fast-check';
import { Customer, type Track, type TrackAnswer } from './customer.ts';
import { ReferenceModel, type ModelVerdict } from './reference-model.ts';

const { seeds, isLong } = faultSeeds([1]);
const [RUNS, COMMANDS] = isLong ? [25, 60] : [5, 25];
/** A failure is shrunk by real processes too, which takes its time. */
const SHRUNK_WITHIN_MS = 10 * 60_000;
jest.setTimeout(900_000);

const DAY_MS = 86_400_000;
const VERDICT_WITHIN_MS = 60_000;
type Door = 'http' | 'kafka';

let fleet: Fleet;
let clock: MovedClock;
let admissions: PinnedReader;
let refusals: PinnedReader;
/** What Kafka says of events that came by Kafka, by their position. */
const told = new Map<string, ModelVerdict>();
/** That each kind of fault really struck. */
const struck = { crashes: 0, flushes: 0, months: 0, plans: 0 };

beforeAll(async () => {
  // Uniqueness lasts for 24 months: less time than that passes in all the runs together.
  clock = new MovedClock(midMonth(Date.now() - 700 * DAY_MS));
  fleet = await Fleet.open({
    services: { ingest: 1, 'dedup-meter': 2, trigger: 1 },
    sourceTimestamps: 'CreateTime',
    env: { TICK_MS: '500', ANSWER_DEADLINE_MS: '30000' },
    envOf: { ingest: clock.env, 'dedup-meter': clock.env },
  });
  admissions = new PinnedReader({
    connection: fleet.kafka,
    topic: ADMITTED,
    partitions: 'all',
    from: 'earliest',
    onBatch: ({ messages }) => {
      for (const { position, eventId } of messages.map((message) => decodeAdmitted(message)))
        told.set(formatPosition(position), { kind: 'admitted', eventId });
    },
  });
  await admissions.start();
  refusals = new PinnedReader({
    connection: fleet.kafka,
    topic: REFUSED,
    partitions: 'all',
    from: 'earliest',
    onBatch: ({ messages }) => {
      for (const { position, refusal } of messages.map((message) => decodeRefused(message)))
        told.set(
          formatPosition(position),
          refusal.verdict === 'duplicate'
            ? { kind: 'duplicate', eventId: refusal.duplicateOf }
            : { kind: 'over_limit' },
        );
    },
  });
  await refusals.start();
}, 300_000);

afterAll(async () => {
  await admissions?.stop();
  await refusals?.stop();
  await fleet?.close();
  clock?.close();
}, 60_000);

/** Far from where a month begins: the clock goes on while a run lasts. */
function midMonth(ms: number): number {
  return Date.parse(`${monthOf(ms)}-10`);
}

interface Sent {
  readonly track: Track;
  readonly door: Door;
}

class Real {
  readonly customer: Customer;
  readonly sent: Sent[] = [];

  constructor(customer: Customer) {
    this.customer = customer;
  }

  async send({ track, door }: Sent): Promise<ModelVerdict> {
    if (door === 'http') return this.heard(await this.customer.call(track));
    const position = await this.customer.publishNow(track, clock.now());
    return eventually(() => told.get(position), { withinMs: VERDICT_WITHIN_MS, everyMs: 10 });
  }

  eventId({ track, door }: Sent): string {
    return this.customer.eventId(track, door);
  }

  private heard({ status, json }: TrackAnswer): ModelVerdict {
    if (status === 200) return { kind: 'admitted', eventId: json.eventId as string };
    if (status === 409) return { kind: 'duplicate', eventId: json.eventId as string };
    expect({ status, ...json }).toMatchObject({ status: 429, code: 'EVENT_LIMIT_EXCEEDED' });
    return { kind: 'over_limit' };
  }
}

type Command = fc.AsyncCommand<ReferenceModel, Real>;

const uniqueOf = ({ body: { name, uniqueId } }: Track) =>
  uniqueId === undefined ? undefined : `${name} ${uniqueId}`;

const track = (door: Door, name: string, uniqueId: string | null): Command => ({
  check: () => true,
  async run(model, real) {
    const sent = { track: real.customer.event(name, uniqueId === null ? {} : { uniqueId }), door };
    real.sent.push(sent);
    expect(await real.send(sent)).toEqual(model.judge(real.eventId(sent), uniqueOf(sent.track)));
  },
  toString: () => `track(${door}, ${name}, ${uniqueId})`,
});

/** The same event under the same key. */
const retry = (which: number): Command => ({
  check: () => true,
  async run(model, real) {
    const sent = real.sent[which % Math.max(1, real.sent.length)];
    if (sent) expect(await real.send(sent)).toEqual(model.judge(real.eventId(sent), uniqueOf(sent.track)));
  },
  toString: () => `retry(${which})`,
});

/** At once, by both doors: who of them gets in is open, how many is not. */
const race = (count: number): Command => ({
  check: () => true,
  async run(model, real) {
    const all = Array.from({ length: count }, (_, at): Sent => ({
      track: real.customer.event('raced'),
      door: at % 2 === 0 ? 'http' : 'kafka',
    }));
    real.sent.push(...all);
    const room = model.room();
    const verdicts = await Promise.all(all.map((sent) => real.send(sent)));
    const admitted = all.filter((_, at) => verdicts[at]!.kind === 'admitted');
    expect(admitted).toHaveLength(Math.min(room, count));
    for (const sent of admitted) model.judge(real.eventId(sent), undefined);
  },
  toString: () => `race(${count})`,
});

const crash = (which: number): Command => ({
  check: () => true,
  async run() {
    const meter = fleet.of('dedup-meter')[which]!;
    await meter.kill();
    struck.crashes += 1;
    meter.start();
    // The other takes over meanwhile, or this one comes back first.
  },
  toString: () => `crash(${which})`,
});

const flush = (): Command => ({
  check: () => true,
  async run() {
    await fleet.redis.flush();
    struck.flushes += 1;
  },
  toString: () => 'flush()',
});

const plan = (monthlyLimit: number | null): Command => ({
  check: () => true,
  async run(model, real) {
    await real.customer.changePlan(
      monthlyLimit === null ? { plan: 'enterprise' } : { plan: 'custom', monthlyLimit },
    );
    model.hardCap = monthlyLimit === null ? null : Math.floor(monthlyLimit * 1.25);
    struck.plans += 1;
  },
  toString: () => `plan(${monthlyLimit})`,
});

const nextMonth = (): Command => ({
  check: () => clock.now() < Date.now() - 40 * DAY_MS,
  async run(model) {
    await fleet.ready();
    await clock.moveTo(midMonth(clock.now() + 31 * DAY_MS), [
      ...fleet.of('ingest'),
      ...fleet.of('dedup-meter'),
    ]);
    model.month = monthOf(clock.now());
    struck.months += 1;
  },
  toString: () => 'nextMonth()',
});

const door = fc.constantFrom<Door>('http', 'kafka');
const commands = fc.commands(
  [
    fc
      .tuple(door, fc.constantFrom('a', 'b'), fc.constantFrom(null, 'u1', 'u2', 'u3'))
      .map((of) => track(...of)),
    fc.tuple(door, fc.constant('a'), fc.constantFrom(null, null, 'u4')).map((of) => track(...of)),
    fc.nat(20).map(retry),
    fc.integer({ min: 2, max: 8 }).map(race),
    fc.nat(1).map(crash),
    fc.constant(null).map(flush),
    fc.constantFrom(null, 2, 4, 8, 16).map(plan),
    fc.constant(null).map(nextMonth),
  ],
  { maxCommands: COMMANDS, size: 'max' },
);

describe('model', () => {
  it.each(seeds)('any interleaving ends as the reference model says (seed %i)', async (seed) => {
    await fc.assert(
      fc.asyncProperty(commands, async (list) => {
        await fleet.ready();
        const customer = await Customer.make(fleet, seededRandom(seed), {}, 4);
        const model = new ReferenceModel();
        model.month = monthOf(clock.now());
        await fc.asyncModelRun(() => ({ model, real: new Real(customer) }), list);
        expect(new Map(Object.entries(await customer.used()))).toEqual(model.used);
        fleet.assertNoneDied();
      }),
      { seed, numRuns: RUNS, interruptAfterTimeLimit: SHRUNK_WITHIN_MS },
    );
    process.stdout.write(`model (seed ${seed}): ${JSON.stringify(struck)}\n`);
    expect(Math.min(...Object.values(struck))).toBeGreaterThan(0);
  });
});
