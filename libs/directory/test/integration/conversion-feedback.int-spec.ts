import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { uuidv7 } from '@trackline/kernel';
import { eventually } from '@trackline/testkit';
import { Channels, purgeAdClicks, type NewChannel } from '../../src/index.ts';
import { startFixture, type Fixture } from './fixture.ts';

jest.setTimeout(60_000);

const TOKEN = 'EAAG-an-access-token-of-meta';
const secretsKey = randomBytes(32).toString('base64');
let fixture: Fixture;
let channels: Channels;
let organizationId: string;
beforeAll(async () => {
  fixture = await startFixture();
  channels = new Channels(fixture.database, { secretsKey });
});
afterAll(() => fixture?.close());
beforeEach(async () => {
  organizationId = await fixture.organization();
});

const terms = (more: Partial<NewChannel> = {}): NewChannel => ({
  phoneNumberId: '10',
  wabaId: '1022',
  appSecret: 'an-app-secret',
  verifyToken: 'a-word',
  accessToken: TOKEN,
  datasetId: '77',
  conversionFeedback: true,
  ...more,
});
const newChannel = async (more: Partial<NewChannel> = {}, of = organizationId) =>
  (await channels.create(of, terms(more)))!.id;
const contact = async () => {
  const made = await fixture.here.createContact(organizationId, { externalId: uuidv7() });
  if (made.outcome !== 'created') throw new Error(made.outcome);
  return made.contact.id;
};
const click = (contactId: string, ctwaClid: string, clickedAtMs: number, phoneNumberId = '10') =>
  fixture.here.noteAdClicks([{ organizationId, contactId, ctwaClid, phoneNumberId, clickedAtMs }]);
const last = async (contactId: string, more: object = {}) =>
  (
    await fixture.here.lastAdClicks([
      { organizationId, contactId, fromMs: 1_000, toMs: 2_000, phoneNumberIds: ['10', '11'], ...more },
    ])
  )[0]?.ctwaClid;

describe('what Meta is to be told', () => {
  it('is known of those who want it, with their settings and without secrets', async () => {
    expect((await fixture.here.feedbackTerms()).get(organizationId)).toBeUndefined();
    await newChannel({ phoneNumberId: '9', conversionFeedback: false });
    const id = await newChannel();
    await fixture.here.updateOrganization(organizationId, { settings: { leadEventNames: ['demo'] } });
    const known = (await fixture.here.feedbackTerms()).get(organizationId)!;
    expect(known.channels).toEqual([{ id, phoneNumberId: '10', wabaId: '1022', datasetId: '77' }]);
    expect(known.settings).toMatchObject({ orderEventNames: ['order'], leadEventNames: ['demo'] });
    await channels.update(organizationId, id, { conversionFeedback: false });
    expect((await fixture.here.feedbackTerms()).has(organizationId)).toBe(false);
  });

  it('goes by the token of its own channel, as it is now', async () => {
    const id = await newChannel();
    const other = await fixture.organization();
    const wanted = { organizationId, channelId: id };
    expect([...(await channels.feedbackCredentials([wanted]))]).toEqual([
      [id, { wabaId: '1022', datasetId: '77', accessToken: TOKEN }],
    ]);
    const strangers = [
      { organizationId: other, channelId: id },
      { organizationId, channelId: uuidv7() },
      { organizationId, channelId: 'nothing' },
    ];
    expect([...(await channels.feedbackCredentials(strangers))]).toEqual([]);
    const withoutKey = await new Channels(fixture.database).feedbackCredentials([wanted]);
    expect(withoutKey.get(id)).toEqual({ unreadable: 'SECRETS_KEY is not set.' });
    await channels.update(organizationId, id, { conversionFeedback: false });
    expect([...(await channels.feedbackCredentials([wanted]))]).toEqual([]);
  });
});

describe('the click that a contact came by', () => {
  it('is the last one within the bounds, both inside, that led to one of the numbers', async () => {
    const one = await contact();
    expect(await last(one)).toBeUndefined();
    await click(one, 'early', 999);
    expect(await last(one)).toBeUndefined();
    await click(one, 'at-the-edge', 1_000);
    expect(await last(one)).toBe('at-the-edge');
    await click(one, 'later', 2_000, '11');
    await click(one, 'too-late', 2_001);
    await click(one, 'elsewhere', 1_999, '12');
    expect(await last(one)).toBe('later');
    expect(await last(one, { phoneNumberIds: ['10'] })).toBe('at-the-edge');
    expect(await last(await contact())).toBeUndefined();
    expect(await last(one, { organizationId: await fixture.organization() })).toBeUndefined();
  });

  it('is of its first message, however often and late it is told', async () => {
    const one = await contact();
    for (const atMs of [1_500, 1_400, 1_900]) await click(one, 'first', atMs);
    await click(one, 'second', 1_600);
    expect(await last(one)).toBe('second');
    await click(one, 'x'.repeat(513), 1_999);
    expect(await last(one)).toBe('second');
  });

  it('moves with a contact that is merged, under each of its ids, also when it is told of late', async () => {
    const [first, second, third] = [await contact(), await contact(), await contact()];
    await click(first, 'a', 1_100);
    await fixture.here.mergeContacts(organizationId, first, second);
    expect([await last(first), await last(second)]).toEqual(['a', 'a']);
    await fixture.here.mergeContacts(organizationId, second, third);
    await click(second, 'b', 1_200);
    for (const id of [first, second, third]) expect(await last(id)).toBe('b');
  });

  it('is erased with its contact, and lapses', async () => {
    const [one, merged, kept] = [await contact(), await contact(), await contact()];
    await click(one, 'a', 1_500);
    await click(merged, 'b', 1_600);
    await click(kept, 'c', 1_700);
    await fixture.here.mergeContacts(organizationId, merged, one);
    await fixture.here.deleteContact(organizationId, one);
    await click(one, 'late', 1_800);
    await click(merged, 'later', 1_900);
    const { rows } = await fixture.database.query({
      text: 'SELECT FROM directory.ad_click WHERE contact_id = ANY ($1::uuid[])',
      values: [[one, merged]],
    });
    expect(rows).toEqual([]);
    expect([await last(one), await last(merged), await last(kept)]).toEqual([undefined, undefined, 'c']);
    expect(await purgeAdClicks(fixture.database, new Date(1_700), 100)).toBeGreaterThanOrEqual(0);
    expect(await last(kept)).toBe('c');
    await purgeAdClicks(fixture.database, new Date(1_701), 100);
    expect(await last(kept)).toBeUndefined();
  });

  it('that is told while its contact is merged and erased is kept under none of its ids', async () => {
    for (const isMerged of [false, true]) {
      const [one, former] = [await contact(), await contact()];
      await click(one, 'before', 1_500);
      // As their last act a merge and an erasure change this row: both are held up having done all the rest.
      const changes = await fixture.database.transaction(async (tx) => {
        await tx.query({
          text: 'SELECT FROM directory.revision WHERE organization_id = $1 FOR UPDATE',
          values: [organizationId],
        });
        const running = [
          isMerged && fixture.there.mergeContacts(organizationId, former, one),
          fixture.there.deleteContact(organizationId, one),
        ];
        await waiting(isMerged ? 2 : 1);
        const told = [click(one, 'meanwhile', 1_600), ...(isMerged ? [click(former, 'too', 1_700)] : [])];
        const all = Promise.all([...running, ...told]);
        // Whoever is told of them waits for those who are under way, or has not waited and is through.
        await Promise.race([waiting(isMerged ? 4 : 2), Promise.all(told)]);
        return { all };
      });
      await changes.all;
      const { rows } = await fixture.database.query({
        text: 'SELECT ctwa_clid FROM directory.ad_click WHERE organization_id = $1',
        values: [organizationId],
      });
      expect(rows).toEqual([]);
    }
  });

  it('that is told while its contact is merged is kept', async () => {
    const [one, former] = [await contact(), await contact()];
    const changes = await fixture.database.transaction(async (tx) => {
      await tx.query({
        text: 'SELECT FROM directory.revision WHERE organization_id = $1 FOR UPDATE',
        values: [organizationId],
      });
      const merged = fixture.there.mergeContacts(organizationId, former, one);
      await waiting(1);
      const told = click(former, 'meanwhile', 1_600);
      await Promise.race([told, waiting(2)]);
      return { all: Promise.all([merged, told]) };
    });
    await changes.all;
    expect([await last(one), await last(former)]).toEqual(['meanwhile', 'meanwhile']);
  });
});

/**
 * Until so many transactions of this database wait for another's lock, or for a while: on a busy machine some may not have come so far, and
 * a transaction in which nothing is said for long is ended. What holds afterwards must hold in either case.
 */
const waiting = (count: number) =>
  eventually(
    async () => {
      const { rows } = await fixture.database.query<{ waiting: number }>({
        text: `SELECT count(*)::int AS waiting FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      });
      return rows[0]!.waiting >= count;
    },
    { withinMs: 3_000 },
  ).catch(() => undefined);
