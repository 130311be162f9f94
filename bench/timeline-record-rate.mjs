/**
 * How fast events are put down and read again, on a database of its own that is removed afterwards:
 *   npx tsc -b services/timeline && DATABASE_URL=postgres://… node bench/timeline-record-rate.mjs [events] [partitions]
 * Batches of 500 decoded messages go through the real flow, as many partitions side by side as given; Kafka is left out.
 */
import { performance } from 'node:perf_hooks';
import { decodeAdmitted, encodeAdmitted } from '@trackline/contracts';
import { systemClock, uuidv7 } from '@trackline/kernel';
import { createPool } from '@trackline/postgres';
import { createTestDatabase } from '@trackline/testkit';
import { OrderRecorder } from '../services/timeline/dist/adapters/postgres/attribution/attribution-writes.js';
import { EditionBook } from '../services/timeline/dist/adapters/postgres/attribution/edition-book.js';
import {
  campaignReader,
  reportReader,
} from '../services/timeline/dist/adapters/postgres/attribution/report-reader.js';
import { contactReader } from '../services/timeline/dist/adapters/postgres/contact-facts.js';
import { effectReader } from '../services/timeline/dist/adapters/postgres/effects.js';
import { eventReader } from '../services/timeline/dist/adapters/postgres/event-reader.js';
import { admittedWriter } from '../services/timeline/dist/adapters/postgres/judged-event-writer.js';
import { partitionInventory } from '../services/timeline/dist/adapters/postgres/partition-inventory.js';
import { positionReader } from '../services/timeline/dist/adapters/postgres/positions.js';
import { refusalReader } from '../services/timeline/dist/adapters/postgres/refusal-reader.js';
import { migrateTimeline } from '../services/timeline/dist/adapters/postgres/schema.js';
import { placeBefore } from '../services/timeline/dist/domain/page-cursor.js';
import { readableTime } from '../services/timeline/dist/domain/read-request.js';
import { keepPartitions } from '../services/timeline/dist/pipeline/keep-partitions.js';
import { KnownPositions } from '../services/timeline/dist/pipeline/known-positions.js';
import { listReceipts } from '../services/timeline/dist/pipeline/list-receipts.js';
import { readReceipt } from '../services/timeline/dist/pipeline/read-receipt.js';
import { readTimeline } from '../services/timeline/dist/pipeline/read-timeline.js';
import { recordJudged } from '../services/timeline/dist/pipeline/record-judged.js';

const events = Number(process.argv[2] ?? 200_000);
const partitions = Number(process.argv[3] ?? 6);
const BATCH = 500;
const say = (line) => process.stdout.write(`${line}\n`);

const testDatabase = await createTestDatabase(process.env.DATABASE_URL, 'measure');
await migrateTimeline(testDatabase.databaseUrl);
const database = createPool({ databaseUrl: testDatabase.databaseUrl, max: 10, applicationName: 'measure' });
const inventory = partitionInventory(database);
await keepPartitions(inventory, Date.now());

const organizations = Array.from({ length: 20 }, () => uuidv7());
const contacts = Array.from({ length: 20_000 }, (_, i) => [organizations[i % 20], uuidv7()]);
const properties = JSON.stringify({
  path: '/prices',
  referrer: 'https://example.com/a/b/c',
  total: 49.9,
  tags: ['a', 'b'],
  note: 'x'.repeat(120),
});
let n = 0;
const ids = [];
function message(partition, offset) {
  const [organizationId, contactId] = contacts[n++ % contacts.length];
  const receivedAtMs = Date.now();
  const eventId = uuidv7();
  if (n % 500 === 0) ids.push([organizationId, eventId, contactId]);
  const { key, value, headers } = encodeAdmitted({
    eventId,
    organizationId,
    contactId,
    name: 'page_viewed',
    source: `/organizations/${organizationId}/http`,
    backfill: false,
    properties,
    receivedAtMs,
    occurredAtMs: receivedAtMs - (n % 10 === 0 ? (n % 600) * 86_400_000 : 0),
    position: { source: `received.1.${partition}`, offset },
    monthUsed: n,
  });
  return {
    key: Buffer.from(key),
    value: Buffer.from(value),
    headers: Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)])),
    timestampMs: receivedAtMs,
    offset,
  };
}

const settings = { windowHours: 168, model: 'last_touch', orderEventNames: ['order'], defaultCurrency: null };
const editions = new EditionBook(database, { of: async (ids) => new Map(ids.map((id) => [id, settings])) });

const record = recordJudged({
  decode: decodeAdmitted,
  hasEffect: (event) => event.replayOf === undefined,
  positions: new KnownPositions(positionReader(database)),
  writer: admittedWriter(database, inventory, new OrderRecorder(editions)),
  clock: systemClock,
});
const batches = Array.from({ length: partitions }, (_, partition) =>
  Array.from({ length: Math.ceil(events / partitions / BATCH) }, (_, b) =>
    Array.from({ length: BATCH }, (_, i) => message(partition, b * BATCH + i)),
  ),
);
const total = batches.flat(2).length;
const cpuBefore = process.cpuUsage();
const startedAt = performance.now();
await Promise.all(
  batches.map(async (mine, partition) => {
    for (const messages of mine) {
      const outcome = await record({ topic: 'events.admitted.v1', partition, assignment: 1, messages });
      if (outcome.written !== messages.length) throw new Error(JSON.stringify(outcome));
    }
  }),
);
const seconds = (performance.now() - startedAt) / 1000;
const cpu = process.cpuUsage(cpuBefore);
say(
  `${total} events in ${seconds.toFixed(1)} s: ${Math.round(total / seconds)} ev/s; ` +
    `${((cpu.user + cpu.system) / total).toFixed(1)} µs of this process' CPU per event`,
);

async function timed(what, times, work) {
  const took = [];
  for (let i = 0; i < times; i += 1) {
    const at = performance.now();
    await work(i);
    took.push(performance.now() - at);
  }
  took.sort((a, b) => a - b);
  const p = (share) => took[Math.floor(share * (took.length - 1))].toFixed(1);
  say(`${what}: p50 ${p(0.5)} ms, p99 ${p(0.99)} ms`);
}

await timed('one event alone', 300, async () => {
  await record({
    topic: 'events.admitted.v1',
    partition: 999,
    assignment: 1,
    messages: [message(999, n)],
  });
});
await database.query({ text: 'ANALYZE timeline.event' });
const sources = {
  contacts: contactReader(database),
  effects: effectReader(database),
  events: eventReader(database),
  refusals: refusalReader(database),
  attributions: reportReader(database),
  campaigns: campaignReader(database),
  clock: systemClock,
};
const request = (limit, more = {}) => {
  const time = readableTime(Date.now());
  return { ...time, place: placeBefore(time.toMs), limit, ...more };
};
const pick = (i) => ids[i % ids.length];
const timeline = readTimeline({ ...sources, register: { has: async () => true } });
await timed('timeline, page of 5', 300, (i) => timeline(pick(i)[0], pick(i)[2], request(5)));
await timed('timeline, all 24 months', 300, (i) => timeline(pick(i)[0], pick(i)[2], request(50)));
const receipt = readReceipt(sources);
await timed('receipt', 300, (i) => receipt(pick(i)[0], pick(i)[1]));
await timed('receipt of a client-named id that is not there', 300, (i) =>
  receipt(pick(i)[0], 'aaaaaaaa-bbbb-8ccc-8ddd-eeeeeeeeeeee'),
);
const list = listReceipts(sources);
await timed('receipts of the organisation, page of 50', 200, (i) => list(pick(i)[0], request(50)));
await timed('receipts of a name that never came', 20, (i) =>
  list(pick(i)[0], request(50, { name: 'never' })),
);

await database.close();
await testDatabase.drop();
