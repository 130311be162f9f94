import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { ContactChange } from '@trackline/contracts';
import type { Directory } from '../../src/index.ts';
import { startFixture, type Fixture } from './fixture.ts';

/** Real work on a machine that may be busy with other things. */
jest.setTimeout(30_000);

let fixture: Fixture;
let here: Directory;
let there: Directory;
let organizationId: string;

beforeAll(async () => {
  fixture = await startFixture();
  ({ here, there } = fixture);
});
afterAll(() => fixture?.close());
beforeEach(async () => {
  await fixture.changes();
  organizationId = await fixture.organization();
});

const createContacts = (count: number) =>
  here.upsertContacts(
    organizationId,
    Array.from({ length: count }, (_, at) => ({ externalId: `${at}` })),
  );
const nothing = async (): Promise<void> => undefined;

describe('the outbox', () => {
  it('hands over in the order of writing, at most so many, and removes what was published', async () => {
    await createContacts(5);
    const published: ContactChange[] = [];
    const drain = () => here.drainOutbox(2, async (changes) => void published.push(...changes));
    expect([await drain(), await drain(), await drain(), await drain()]).toEqual([2, 2, 1, 0]);
    const contacts = (await here.findContacts(organizationId)).items.reverse();
    expect(published.map(({ contactId }) => contactId)).toEqual(contacts.map(({ id }) => id));
    expect(new Set(published.map(({ id }) => id)).size).toBe(5);
    expect(published[0]).toEqual({
      id: expect.any(String),
      organizationId,
      contactId: contacts[0]!.id,
      change: 'created',
      atMs: contacts[0]!.createdAt.getTime(),
    });
  });

  it('keeps what could not be published', async () => {
    await createContacts(2);
    const away = here.drainOutbox(10, async () => {
      throw new Error('broker away');
    });
    await expect(away).rejects.toThrow('broker away');
    expect(await fixture.changes()).toHaveLength(2);
  });

  it('is drained by one at a time', async () => {
    await createContacts(2);
    const first = await here.drainOutbox(1, async () => {
      expect(await there.drainOutbox(10, nothing)).toBe(0);
    });
    expect(first).toBe(1);
    expect(await there.drainOutbox(10, nothing)).toBe(1);
  });

  it('tells each change of a contact once and in order, however many change it while two drain', async () => {
    const [outcome] = await createContacts(1);
    const contactId = (outcome as { contact: { id: string } }).contact.id;
    const seen: ContactChange[] = [];
    let writing = true;
    const drain = async (directory: Directory): Promise<void> => {
      while (writing) await directory.drainOutbox(3, async (changes) => void seen.push(...changes));
    };
    const write = async (directory: Directory, by: string): Promise<void> => {
      for (let at = 0; at < 20; at++) {
        const updates = [{ field: 'log', operation: 'append' as const, value: `${by} ${at}` }];
        await directory.updateContacts([{ organizationId, contactId, cause: `${by} ${at}`, updates }]);
      }
    };
    const drains = [drain(here), drain(there)];
    await Promise.all([write(here, 'a'), write(there, 'b'), write(here, 'c')]);
    expect((await here.getContact(organizationId, contactId))?.properties.log).toHaveLength(60);
    await there.deleteContact(organizationId, contactId);
    writing = false;
    await Promise.all(drains);
    seen.push(...(await fixture.changes()));
    expect(seen.map(({ change }) => change)).toEqual(['created', ...Array(60).fill('updated'), 'erased']);
    expect(new Set(seen.map(({ id }) => id)).size).toBe(62);
  });
});
