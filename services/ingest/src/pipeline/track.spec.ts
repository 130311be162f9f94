import { describe, expect, it } from '@jest/globals';
import { Problem, type EventFacts, type Outcome, type TrackBody } from '@trackline/contracts';
import type { ContactLookup, FoundContact } from '../ports.ts';
import { tracking, type TrackCall, type TrackParts } from './track.ts';
import { batchTracking } from './track-batch.ts';

const NOW = Date.parse('2026-11-20T10:00:00.000Z');

/** The parts as values: what they were asked, what they answer. */
function parts(more: { outcome?: Partial<Outcome> | undefined; found?: FoundContact; fails?: Error } = {}) {
  const asked: {
    lookups: ContactLookup[];
    events: EventFacts[];
    safe: boolean[];
    waitedUntil: number[];
    abandoned: number;
  } = {
    lookups: [],
    events: [],
    safe: [],
    waitedUntil: [],
    abandoned: 0,
  };
  const outcome = 'outcome' in more && more.outcome === undefined ? undefined : (more.outcome ?? {});
  const fake: TrackParts = {
    contacts: {
      resolve: async (_caller, lookups) => {
        asked.lookups.push(...lookups);
        return lookups.map(() => more.found ?? { contactId: 'c', created: false });
      },
    },
    log: {
      append: async (events, safe) => {
        asked.events.push(...events);
        asked.safe.push(safe);
        if (more.fails) throw more.fails;
      },
    },
    outcomes: {
      expect: (_organizationId, count) => ({
        replyTos: Array.from({ length: count }, (_, at) => `0/${at}`),
        settled: async (untilMs) => {
          asked.waitedUntil.push(untilMs);
          return Array.from(
            { length: count },
            () =>
              outcome && {
                correlation: '',
                eventId: 'e',
                verdict: 'admitted' as const,
                workflowsTriggered: 1,
                executionsResumed: 0,
                monthUsed: 1,
                ...outcome,
              },
          );
        },
        abandon: () => void (asked.abandoned += 1),
      }),
    },
    newId: () => 'new',
    deadlineMs: 2_000,
    upgradeUrl: '',
  };
  return { asked, fake };
}

const call = <Body>(body: Body, more: Partial<TrackCall<Body>> = {}): TrackCall<Body> => ({
  caller: { organizationId: 'o', plan: { monthlyLimit: null, hardCap: null } },
  body,
  respondAsync: false,
  requestId: 'r',
  requestedAtMs: NOW,
  ...more,
});
const event: TrackBody = { name: 'n', contactEmail: 'a@b', createIfMissing: true, contactName: 'Ada' };

describe('an event', () => {
  it('is published whole before it is waited for, until the deadline of its request', async () => {
    const { asked, fake } = parts();
    await tracking(fake)(call({ ...event, properties: { a: 1 }, uniqueId: 'u' }));
    expect(asked.lookups).toEqual([
      { reference: { by: 'email', value: 'a@b' }, create: { firstName: 'Ada', cause: 'new' } },
    ]);
    expect(asked.events).toEqual([
      {
        eventId: 'new',
        organizationId: 'o',
        contactId: 'c',
        name: 'n',
        source: '/organizations/o/http',
        uniqueId: 'u',
        properties: '{"a":1}',
        backfill: false,
        requestId: 'r',
        replyTo: '0/0',
      },
    ]);
    expect(asked.waitedUntil).toEqual([NOW + 2_000]);
  });

  it.each([
    ['a uniqueId', { uniqueId: 'u' }, {}, true],
    ['an Idempotency-Key', {}, { idempotencyKey: 'k' }, true],
    ['neither', {}, {}, false],
  ])('with %s may be sent again: %p', async (_, fields, more, safe) => {
    const { asked, fake } = parts();
    await tracking(fake)(call({ ...event, ...fields }, more));
    expect(asked.safe).toEqual([safe]);
  });

  it('is not waited for when it could not be published', async () => {
    const { asked, fake } = parts({ fails: new Problem('UNAVAILABLE', 'x') });
    await expect(tracking(fake)(call(event))).rejects.toThrow('x');
    expect([asked.abandoned, asked.waitedUntil]).toEqual([1, []]);
  });

  it('asks for no outcome with respond-async, unless somebody is to hear it', async () => {
    const { asked, fake } = parts({ outcome: { verdict: 'over_limit' } });
    expect(await tracking(fake)(call(event, { respondAsync: true }))).toMatchObject({ status: 202 });
    expect(asked.events[0]).not.toHaveProperty('replyTo');
    const heard: string[] = [];
    const onLate = (outcome: Outcome) => void heard.push(outcome.verdict);
    expect(await tracking(fake)(call(event, { respondAsync: true, onLate }))).toMatchObject({ status: 202 });
    expect([asked.events[1]?.replyTo, heard]).toEqual(['0/0', ['over_limit']]);
  });

  it('that is wrong, or about nobody, is neither looked up nor published', async () => {
    const { asked, fake } = parts();
    expect(await tracking(fake)(call({ ...event, occurredAt: 'x' }))).toMatchObject({
      code: 'VALIDATION_FAILED',
    });
    expect(await tracking(fake)(call({ name: 'n' }))).toMatchObject({ code: 'CONTACT_NOT_FOUND' });
    expect([asked.lookups, asked.events]).toEqual([[], []]);
  });
});

describe('a batch', () => {
  it('looks each contact up once, publishes what is good in one go, and puts the answers back in their places', async () => {
    const { asked, fake } = parts();
    const events = [
      { name: 'a', contactId: '1' },
      { name: 7 },
      { name: 'b', contactId: '1' },
      { name: 'c', contactEmail: '1' },
    ];
    const decision = await batchTracking(fake)(call({ events }, { idempotencyKey: 'k' }));
    expect(asked.lookups.map(({ reference }) => `${reference.by}:${reference.value}`)).toEqual([
      'contactId:1',
      'email:1',
    ]);
    expect(asked.events.map(({ clientId, replyTo }) => [clientId, replyTo])).toEqual([
      ['k→0', '0/0'],
      ['k→2', '0/1'],
      ['k→3', '0/2'],
    ]);
    expect(decision).toMatchObject({ body: { processed: 3, workflowsTriggered: 3 } });
  });

  it('of which nothing is good asks nobody for anything', async () => {
    const { asked, fake } = parts();
    expect(await batchTracking(fake)(call({ events: [{}, { name: 'x' }] }))).toMatchObject({ status: 200 });
    expect([asked.lookups, asked.safe, asked.waitedUntil]).toEqual([[], [], []]);
  });
});
