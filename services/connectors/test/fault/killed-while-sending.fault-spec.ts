import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import {
  eventually,
  FaultProxy,
  faultSeeds,
  noteStrike,
  OwnProcess,
  pick,
  seededRandom,
  uniqueName,
} from '@trackline/testkit';
import type { RequestedAction } from '@trackline/contracts';
import { ConnectorsRig, type Tenant } from '../connectors-rig.ts';
import { Receiver } from '../receiver.ts';

const { seeds, isLong } = faultSeeds([1]);
const KILLS = isLong ? 16 : 4;
const LEAST_ACTIONS = 1_000;
jest.setTimeout(isLong ? 600_000 : 300_000);

const MAIN = join(import.meta.dirname, '../../dist/main.js');
const LEASE_MS = 8_000;
const LOGS = mkdtempSync(join(tmpdir(), 'connectors-fault-'));
let rig: ConnectorsRig;
let receiver: Receiver;
let tenants: readonly Tenant[];
const processes: OwnProcess[] = [];

beforeAll(async () => {
  [rig, receiver] = await Promise.all([ConnectorsRig.open(), Receiver.open()]);
  tenants = await Promise.all(Array.from({ length: 8 }, () => rig.tenant()));
}, 60_000);
afterAll(async () => {
  await Promise.all(processes.map((one) => one.stop()));
  await receiver.close();
  await rig.close();
});

function processOf(env: Record<string, string> = {}): OwnProcess {
  const name = uniqueName('connectors');
  const own = new OwnProcess({
    name,
    command: process.execPath,
    args: ['--enable-source-maps', MAIN],
    env: {
      ...rig.env,
      INSTANCE_ID: name,
      LOG_LEVEL: 'info',
      DELIVERY_TIMEOUT_MS: '4000',
      DELIVERY_LEASE_MS: String(LEASE_MS),
      ...env,
    },
    logFile: join(LOGS, `${name}.log`),
  });
  processes.push(own);
  return own;
}

async function up(own: OwnProcess): Promise<void> {
  await eventually(
    () => {
      if (!own.isRunning) throw new Error(own.lastWords());
      return own.lastWords().includes('connectors is up');
    },
    { withinMs: 60_000 },
  );
}

async function killed(own: OwnProcess): Promise<void> {
  noteStrike('connectors killed');
  await own.kill();
}

const countOf = (ids: readonly string[]): Map<string, number> => {
  const counts = new Map<string, number>();
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
};

describe('killed-while-sending', () => {
  it('is sent again by the next instance, with the same id, and by nobody before the lease ends', async () => {
    const held = new Set<string>();
    let isHolding = true;
    receiver.answer(({ headers }, response) => {
      if (isHolding) held.add(String(headers['webhook-id']));
      else response.end();
    });
    const first = processOf({ DELIVERY_TIMEOUT_MS: '60000', DELIVERY_LEASE_MS: '120000' });
    first.start();
    await up(first);
    const actions = tenants.map((tenant) => tenant.webhook(`${receiver.url}/held`));
    await rig.request(...actions);
    await eventually(() => held.size === actions.length);
    // Beside the first one while that lives, and so without the wait for a dead member of the group.
    const second = processOf();
    second.start();
    await up(second);
    await killed(first);
    isHolding = false;
    // The lease is long: nobody may touch them, and this one has nothing to do.
    await sleep(500);
    expect(receiver.ids('/held')).toHaveLength(actions.length);
    await rig.database.query({
      text: `UPDATE connectors.delivery SET next_attempt_at = now() WHERE status = 'pending'`,
    });
    await rig.database.query({ text: 'UPDATE connectors.queue SET next_at = now()' });
    for (const action of actions)
      expect(await rig.completion(action, 60_000)).toMatchObject({ status: 'delivered', attempts: 2 });
    expect([...countOf(receiver.ids('/held')).values()]).toEqual(actions.map(() => 2));
    await second.stop();
  });

  it.each(seeds)(
    'again and again under load: everything arrives, and only what was under way at a kill arrives twice (seed %i)',
    async (seed) => {
      const random = seededRandom(seed);
      receiver.answer((_, response) => void setTimeout(() => response.end(), 10));
      const path = `/load-${seed}`;
      /** Claimed and not settled when one of them was killed. */
      const openAtKills = new Set<string>();
      const pair = [processOf(), processOf()];
      for (const one of pair) one.start();
      await Promise.all(pair.map(up));
      const actions: RequestedAction[] = [];
      let isKilling = true;
      const requesting = (async () => {
        while (isKilling || actions.length < LEAST_ACTIONS) {
          const more = Array.from({ length: 50 }, () =>
            pick(random, tenants).webhook(`${receiver.url}${path}`),
          );
          actions.push(...more);
          await rig.request(...more);
          await sleep(isKilling && actions.length > LEAST_ACTIONS ? 500 : 100);
        }
      })();
      try {
        for (let kill = 0; kill < KILLS; kill++) {
          const before = receiver.received.length;
          await eventually(() => receiver.received.length > before + 20, { withinMs: 90_000, everyMs: 5 });
          const victim = pair[kill % 2]!;
          await killed(victim);
          const { rows } = await rig.database.query<{ id: string }>({
            text: `SELECT id FROM connectors.delivery WHERE lease IS NOT NULL`,
          });
          for (const { id } of rows) openAtKills.add(id);
          victim.start();
        }
      } finally {
        isKilling = false;
      }
      await requesting;
      for (const action of actions)
        expect(await rig.completion(action, 120_000)).toMatchObject({ status: 'delivered' });
      const counts = countOf(receiver.ids(path));
      expect([...counts.keys()].sort()).toEqual(actions.map(({ id }) => id).sort());
      const twice = [...counts].filter(([, count]) => count > 1).map(([id]) => id);
      expect(twice.filter((id) => !openAtKills.has(id))).toEqual([]);
      expect(openAtKills.size).toBeGreaterThan(0);
      await eventually(async () => (await rig.count('outbox')) === 0, { withinMs: 60_000 });
      expect(pair.flatMap((one) => one.unexpectedDeaths)).toEqual([]);
      await Promise.all(pair.map((one) => one.stop()));
    },
  );
});

describe('a database that loses replies and goes away', () => {
  it.each(seeds)('makes nothing go out twice that it comes back for in time (seed %i)', async (seed) => {
    receiver.answer((_, response) => response.end());
    const path = `/database-${seed}`;
    const { hostname, port } = new URL(rig.env.DATABASE_URL!);
    const proxy = new FaultProxy({ host: hostname, port: Number(port) }, seededRandom(seed * 7), 'postgres');
    const proxied = new URL(rig.env.DATABASE_URL!);
    proxied.port = String(await proxy.listen());
    const own = processOf({
      DATABASE_URL: proxied.href,
      DELIVERY_TIMEOUT_MS: '5000',
      DELIVERY_LEASE_MS: '20000',
      DATABASE_CONNECTIONS: '32',
    });
    own.start();
    await up(own);
    proxy.set({ cutReplyRatio: 0.03 });
    const actions = Array.from({ length: 400 }, (_, n) =>
      tenants[n % tenants.length]!.webhook(`${receiver.url}${path}`),
    );
    for (let from = 0; from < actions.length; from += 20)
      await rig.request(...actions.slice(from, from + 20));
    await eventually(() => receiver.received.some((one) => one.path === path), { withinMs: 30_000 });
    proxy.set({ away: true });
    await sleep(1_500);
    proxy.set({ cutReplyRatio: 0.03 });
    await eventually(() => proxy.counts.repliesCut >= 10, { withinMs: 60_000 });
    proxy.set({});
    for (const action of actions)
      expect(await rig.completion(action, 120_000)).toMatchObject({ status: 'delivered' });
    expect(receiver.ids(path).sort()).toEqual(actions.map(({ id }) => id).sort());
    expect(own.unexpectedDeaths).toEqual([]);
    await own.stop();
    await proxy.close();
  });
});
