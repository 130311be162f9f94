import { beforeAll, describe, expect, it } from '@jest/globals';
import { INBOUND } from '@trackline/contracts';
import { connectKafka, PinnedReader } from '@trackline/kafka';
import { eventually, stackFromEnv, uniqueName } from '@trackline/testkit';
import { anOrganization } from './an-organization.ts';
import { publishFromPython, pythonWithKafka } from './direct-producer/python.ts';

const EVENTS = 10_000;
const topicPrefix = process.env.TOPIC_PREFIX ?? '';

/** What a person finds in the dead letter of each. */
const REASONS: Record<string, { reason: RegExp; detail: RegExp }> = {
  truncated: { reason: /undecodable/, detail: /JSON/ },
  not_utf8: { reason: /undecodable/, detail: /UTF-8/ },
  no_id: { reason: /undecodable/, detail: /ce_id/ },
  unknown_organization: { reason: /unknown_organization/, detail: /organi[sz]ation/i },
  foreign_type: { reason: /undecodable/, detail: /ce_type/ },
  no_name: { reason: /invalid/, detail: /name/ },
  long_name: { reason: /invalid/, detail: /name.*255|255.*name/s },
  unknown_contact: { reason: /contact_not_found/, detail: /contact/i },
  next_year: { reason: /invalid/, detail: /occurredAt.*ahead/ },
  nul: { reason: /invalid/, detail: /NUL/ },
};

interface DeadLetter {
  readonly headers: Record<string, string>;
  readonly value: Buffer;
}

let python: string;

beforeAll(async () => {
  python = await pythonWithKafka();
}, 180_000);

describe('a producer outside Node', () => {
  it('publishes 10,000 events, one in a hundred broken: the good ones are on timelines and counted once, the broken ones in the DLQ with a reason', async () => {
    const tenant = await anOrganization();
    const externalIds = Array.from({ length: 50 }, () => uniqueName('sku'));
    const contacts = await Promise.all(externalIds.map((externalId) => tenant.contact({ externalId })));
    const run = uniqueName('run');
    const { kafkaBrokers } = stackFromEnv();
    const letters = await deadLettersOf(run, kafkaBrokers);
    const published = await publishFromPython(python, [
      kafkaBrokers,
      `${topicPrefix}${INBOUND}`,
      tenant.id,
      run,
      EVENTS,
      ...externalIds,
    ]);
    const ways = Object.entries(published.broken);
    expect(ways).toHaveLength(EVENTS / 100);
    expect(new Set(Object.values(published.broken)).size).toBe(10);

    await eventually(() => letters.found.length >= ways.length, { withinMs: 30_000 });
    await eventually(async () => (await tenant.used()) >= published.good.length, { withinMs: 30_000 });
    const onTimelines = await eventually(
      async () => {
        const all = (await Promise.all(contacts.map(({ id }) => tenant.timeline(id)))).flat();
        return all.length >= published.good.length && all;
      },
      { withinMs: 30_000, everyMs: 500 },
    );
    await letters.stop();

    const numbers = onTimelines.map((item) => item.properties.n as number).sort((a, b) => a - b);
    expect(numbers).toEqual(published.good);
    expect(await tenant.used()).toBe(published.good.length);

    const told = new Map(letters.found.map((letter) => [letter.headers.broken, letter]));
    expect(letters.found).toHaveLength(ways.length);
    for (const [mark, way] of ways) {
      const letter = told.get(mark)!;
      expect({ mark, reason: letter.headers['dlq-reason'], detail: letter.headers['dlq-detail'] }).toEqual({
        mark,
        reason: expect.stringMatching(REASONS[way]!.reason),
        detail: expect.stringMatching(REASONS[way]!.detail),
      });
      expect(letter.headers['dlq-source-topic']).toBe(INBOUND);
      expect(letter.headers['dlq-source-offset']).toMatch(/^\d+$/);
      expect(letter.value.length).toBeGreaterThan(0);
    }

    const n = published.good.at(-1)!;
    const { json } = await tenant.call(
      'GET',
      `/v1/events?source=${encodeURIComponent(published.source)}&sourceId=${run}-${n}`,
    );
    expect(json.items).toMatchObject([
      { verdict: 'admitted', sourceId: `${run}-${n}`, source: published.source, properties: { n } },
    ]);
  }, 120_000);
});

async function deadLettersOf(run: string, brokers: string) {
  const found: DeadLetter[] = [];
  const reader = new PinnedReader({
    connection: connectKafka({ brokers, clientId: 'acceptance', topicPrefix }),
    topic: `${INBOUND}.dlq`,
    partitions: 'all',
    from: 'latest',
    onBatch: ({ messages }) => {
      for (const { headers, value } of messages) {
        if (headers.run?.toString() !== run) continue;
        found.push({
          headers: Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, String(text)])),
          value: value ?? Buffer.alloc(0),
        });
      }
    },
  });
  await reader.start();
  return { found, stop: () => reader.stop() };
}
