import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, httpClient } from '@trackline/testkit';
import { startTimeline } from '../../src/start-timeline.ts';
import { loadConfig } from '../../src/config.ts';
import { createLogger } from '@trackline/observability';
import { createTestDatabase, dependenciesFromEnv } from '@trackline/testkit';
import { anEvent, TimelineRig } from './timeline-rig.ts';

let rig: TimelineRig;

beforeAll(async () => {
  rig = await TimelineRig.open();
}, 30_000);

afterAll(() => rig.close(), 20_000);

describe('the service', () => {
  it('says that it is ready, tells what it counted, and keeps its routes to those with a key', async () => {
    const timeline = await rig.start();
    const { organization, call } = await rig.organization(timeline);
    const contactId = await rig.contact(organization);
    await rig.admitted(anEvent({ organizationId: organization.id, contactId }));
    await eventually(async () => {
      const { json } = await call('GET', `/v1/contacts/${contactId}/events/`);
      return json.items.length === 1;
    });
    const open = httpClient(timeline.url);
    expect((await open('GET', '/health/live')).status).toBe(200);
    const ready = await open('GET', '/health/ready');
    expect(ready.json.parts).toEqual({ postgres: 'ready', kafka: 'ready', deadLetters: 'ready' });
    const counted = async (name: string, ...labels: string[]) => {
      const { text } = await open('GET', '/metrics');
      const line = text
        .split('\n')
        .find((one) => one.startsWith(`trackline_${name}{`) && labels.every((label) => one.includes(label)));
      return line === undefined ? undefined : Number(line.split(' ').at(-1));
    };
    expect(await counted('outcomes_total', 'flow="admitted"', 'outcome="written"')).toBe(1);
    expect(await counted('stage_duration_seconds_count', 'flow="admitted"', 'stage="record"')).toBe(1);
    await eventually(async () => (await counted('kafka_lag_messages', 'topic="events.admitted.v1"')) === 0);
    for (const path of ['/v1/events', `/v1/contacts/${contactId}/events`]) {
      expect((await open('GET', path)).status).toBe(401);
    }
    const writeOnly = await rig.directory.createKey(organization.id, {
      name: 'producer',
      scopes: ['events:write'],
    });
    expect((await open('GET', '/v1/events', { key: writeOnly!.key })).status).toBe(403);
    await rig.stop(timeline);
  });

  it('goes on where it was after a drain, and two share the work', async () => {
    const first = await rig.start();
    const { organization } = await rig.organization(first);
    const contacts = await Promise.all(Array.from({ length: 6 }, () => rig.contact(organization)));
    const some = () =>
      contacts.flatMap((contactId) =>
        Array.from({ length: 50 }, () => anEvent({ organizationId: organization.id, contactId })),
      );
    const before = await rig.count('event');
    await rig.admitted(...some());
    const second = await rig.start();
    await rig.admitted(...some());
    await rig.stop(first);
    await rig.admitted(...some());
    await eventually(async () => (await rig.count('event')) - before === 900);
    await rig.stop(second);
    // Whatever Kafka hands out again now has had its effect.
    const third = await rig.start();
    const { call } = await rig.organization(third);
    expect((await call('GET', '/v1/events')).status).toBe(200);
    await rig.admitted(anEvent({ organizationId: organization.id, contactId: contacts[0]! }));
    await eventually(async () => (await rig.count('event')) - before === 901);
    await rig.stop(third);
  }, 30_000);

  it('does not start on a database that was not migrated, and says what to do', async () => {
    const { databaseUrl, kafkaBrokers } = dependenciesFromEnv();
    const empty = await createTestDatabase(databaseUrl, 'timeline_empty');
    const config = loadConfig({
      DATABASE_URL: empty.databaseUrl,
      KAFKA_BROKERS: kafkaBrokers,
      ADMIN_TOKEN: 'x',
      HTTP_PORT: '0',
    });
    const logger = createLogger({ service: 'timeline', instance: 'test', level: 'silent' });
    await expect(startTimeline(config, logger)).rejects.toThrow(/run the migrations/);
    await empty.drop();
  });
});
