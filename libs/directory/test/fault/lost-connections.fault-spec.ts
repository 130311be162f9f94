import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createPool, isConnectionFault, type Database } from '@trackline/postgres';
import type { ContactRequest, Directory } from '../../src/index.ts';
import { found, startFixture, type Fixture } from '../integration/fixture.ts';

const CONTACTS = 60;
const CALLERS_PER_CONTACT = 4;
const MAX_TRIES = 50;
const MIN_CUTS = 20;

let fixture: Fixture;
let killer: Database;

beforeAll(async () => {
  fixture = await startFixture();
  killer = createPool({ databaseUrl: process.env.DATABASE_URL!, max: 1, applicationName: 'killer' });
});
afterAll(async () => {
  await killer?.close();
  await fixture?.close();
});

/** Tries as a service does: again, with the same cause, after a connection fault; anything else is a failure. */
async function persist<Result>(work: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (!isConnectionFault(error) || attempt === MAX_TRIES) throw error;
    }
  }
}

it('connections that are cut at any moment cost tries, but no contact is made twice and no change is lost or doubled', async () => {
  const organizationId = await fixture.organization();
  const { rows } = await fixture.database.query<{ name: string }>({
    text: 'SELECT current_database() AS name',
  });
  let cuts = 0;
  /** Cuts two connections, whatever they are doing. Paced by the work, so that it goes on however slow the machine is. */
  const cut = async (): Promise<void> => {
    const { rowCount } = await killer.query({
      text: `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 ORDER BY random() LIMIT 2`,
      values: [rows[0]!.name],
    });
    cuts += rowCount;
  };

  const instances: Directory[] = [fixture.here, fixture.there];
  const createAndCount = async (caller: number): Promise<{ contactId: string; created: boolean }[]> => {
    const directory = instances[caller % 2]!;
    const resolutions: { contactId: string; created: boolean }[] = [];
    for (let at = 0; at < CONTACTS; at++) {
      const cause = `caller ${caller} contact ${at}`;
      const request: ContactRequest = { organizationId, email: `c${at}@x.y`, create: { cause } };
      const resolution = found((await persist(() => directory.resolve([request])))[0]);
      const { contactId } = resolution;
      const updates = [{ field: 'seen', operation: 'increment' as const }];
      const updating = persist(() =>
        directory.updateContacts([{ organizationId, contactId, cause, updates }]),
      );
      if ((at + caller) % CALLERS_PER_CONTACT === 0) await cut();
      await updating;
      resolutions.push(resolution);
    }
    return resolutions;
  };

  const all = await Promise.all(
    Array.from({ length: CALLERS_PER_CONTACT }, (_, caller) => createAndCount(caller)),
  );

  expect(cuts).toBeGreaterThan(MIN_CUTS);
  for (let at = 0; at < CONTACTS; at++) {
    const ofContact = all.map((resolutions) => resolutions[at]!);
    expect(new Set(ofContact.map(({ contactId }) => contactId)).size).toBe(1);
    expect(ofContact.filter(({ created }) => created)).toHaveLength(1);
    const contact = await persist(() => fixture.there.getContact(organizationId, `c${at}@x.y`));
    expect(contact?.properties).toEqual({ seen: CALLERS_PER_CONTACT });
  }
  const changes = await persist(() => fixture.changes());
  expect(changes.filter(({ change }) => change === 'created')).toHaveLength(CONTACTS);
  expect(changes.filter(({ change }) => change === 'updated')).toHaveLength(CONTACTS * CALLERS_PER_CONTACT);
}, 60_000);
