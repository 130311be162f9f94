/**
 * What an event that Redis remembers costs there: used_memory before and after, for so many identities.
 *
 *   npx tsc -b services/dedup-meter && node bench/redis-memory-per-event.mjs [events]
 *
 * Seen with Redis 7 on amd64, 200,000 and 1,000,000 of each: 231 and 225 bytes an event id, 213 and 209 a unique_id.
 *
 * Starts a redis-server of its own (from the PATH, or the one that REDIS_SERVER names), so that nothing else moves the number.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { uuidv7 } from '@trackline/kernel';
import { connectRedis } from '../services/dedup-meter/dist/adapters/redis/redis-client.js';
import { RedisJudge } from '../services/dedup-meter/dist/adapters/redis/redis-judge.js';

const EVENTS = Number(process.argv[2] ?? 200_000);
const BATCH = 500;
const ORGANIZATIONS = 20;
const HOT_WINDOW_MS = 48 * 3_600_000;

const port = await freePort();
const server = spawn(
  process.env.REDIS_SERVER ?? 'redis-server',
  ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
  { stdio: 'ignore' },
);
const say = (line) => process.stdout.write(`${line}\n`);
const log = { info() {}, warn() {}, error() {} };
const client = await connectRedis({ url: `redis://127.0.0.1:${port}`, log });
const judge = new RedisJudge(client, { hotWindowMs: HOT_WINDOW_MS });
const organizations = Array.from({ length: ORGANIZATIONS }, () => uuidv7());

try {
  const event = await bytesEach('an event id (a resend is known by it)', (from) => ({
    events: batchOf(from).map(toEvent),
    uniques: [],
  }));
  const unique = await bytesEach('a unique_id', (from) => ({
    events: [],
    uniques: batchOf(from).map(toUnique),
  }));
  say(
    `an event with both: ${event + unique} bytes; ${perGigabyte(event)} events with a client's id fit into 1 GB`,
  );
} finally {
  await client.close();
  server.kill();
  await once(server, 'exit');
}

async function bytesEach(what, identities) {
  const before = await usedMemory();
  for (let from = 0; from < EVENTS; from += BATCH) await judge.remember(identities(from));
  const bytes = Math.round(((await usedMemory()) - before) / EVENTS);
  say(`${what}: ${bytes} bytes, over ${EVENTS} of them`);
  return bytes;
}

/** Ids of clients are hashes, of version 8, and stay for the hot window; those made at the door stay for minutes. */
function toEvent(number) {
  const id = uuidv7();
  return {
    organizationId: organizations[number % ORGANIZATIONS],
    eventId: `${id.slice(0, 14)}8${id.slice(15)}`,
    contactId: uuidv7(),
    first: { source: 'received.1.3', offset: 10_000_000 + number },
  };
}

function toUnique(number) {
  return {
    organizationId: organizations[number % ORGANIZATIONS],
    identity: uuidv7(),
    eventId: uuidv7(),
    expiresAtMs: Date.now() + 700 * 86_400_000,
  };
}

function batchOf(from) {
  return Array.from({ length: Math.min(BATCH, EVENTS - from) }, (_, at) => from + at);
}

async function usedMemory() {
  const [report] = await client.memoryReports();
  return Number(/^used_memory:(\d+)/m.exec(report)[1]);
}

function perGigabyte(bytes) {
  return `${(2 ** 30 / bytes / 1e6).toFixed(1)} million`;
}

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port: free } = probe.address();
  probe.close();
  return free;
}
