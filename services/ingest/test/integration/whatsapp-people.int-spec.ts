import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Directory, migrateDirectory } from '@trackline/directory';
import { createPool, type Database, type Queryable } from '@trackline/postgres';
import { createTestDatabase, dependenciesFromEnv, uniqueName, type TestDatabase } from '@trackline/testkit';
import { directoryPeople } from '../../src/adapters/directory/directory-people.ts';
import type { SeenMessage, WhatsappUser } from '../../src/domain/whatsapp/seen-message.ts';
import type { People } from '../../src/ports.ts';

/** Real work on a machine that may be busy with other things. */
jest.setTimeout(60_000);

let test: TestDatabase;
let pool: Database;
let directory: Directory;
let people: People;
let organizationId: string;
let statements = 0;
let transactions = 0;
beforeAll(async () => {
  test = await createTestDatabase(dependenciesFromEnv().databaseUrl, 'people');
  await migrateDirectory(test.databaseUrl);
  pool = createPool({ databaseUrl: test.databaseUrl, max: 4, applicationName: 'test' });
  directory = new Directory(counted(pool));
  people = directoryPeople(directory);
  organizationId = (await directory.createOrganization({ name: 'Example', plan: 'starter' })).id;
}, 60_000);
afterAll(async () => {
  await pool?.close();
  await test?.drop();
}, 60_000);

/** Counts what is asked of the database. */
function counted(database: Database): Database {
  const query = database.query.bind(database);
  const transaction = database.transaction.bind(database);
  const counting = (inner: Queryable['query']) =>
    ((statement) => {
      statements += 1;
      return inner(statement);
    }) as Queryable['query'];
  database.query = counting(query);
  database.transaction = (work, options) => {
    transactions += 1;
    return transaction((tx) => work({ query: counting(tx.query.bind(tx)) }), options);
  };
  return database;
}

let named = 0;
const seen = (user: WhatsappUser): SeenMessage => ({
  messageId: `wamid.${(named += 1)}`,
  phoneNumberId: '1',
  user,
  direction: 'inbound',
  occurredAtMs: Date.now(),
});
const asker = () => ({ organizationId });

describe('people of messages', () => {
  it('get the ids that Meta tells of them, a thousand in a few statements', async () => {
    const users = Array.from({ length: 1_000 }, (_, at) => ({
      waId: String(33_700_000_000 + at),
      userId: `US.${uniqueName(String(at))}`,
    }));
    const known = await people.ofMessages(
      asker(),
      users.map(({ waId }) => seen({ waId })),
    );
    // Two were met by their id alone before: each becomes an alias. One id is that of a person with another number.
    const [nameless, other] = [users.slice(0, 2), users[2]!];
    const met = await people.ofMessages(
      asker(),
      nameless.map(({ userId }) => seen({ userId })),
    );
    const [owner] = await people.ofMessages(asker(), [seen({ waId: '33699999999', userId: other.userId })]);
    [statements, transactions] = [0, 0];
    expect(await people.ofMessages(asker(), users.map(seen))).toEqual(known);
    expect(transactions).toBeLessThanOrEqual(1 + nameless.length);
    expect(statements).toBeLessThan(50);
    const byId = await people.ofMessages(
      asker(),
      users.map(({ userId }) => seen({ userId })),
    );
    expect(byId).toEqual([...known.slice(0, 2), owner, ...known.slice(3)]);
    expect(await people.current(asker(), met as string[])).toEqual(known.slice(0, 2));
  });

  it('do not get an id twice when two webhooks tell of them in any order', async () => {
    const users = Array.from({ length: 50 }, (_, at) => ({
      waId: String(33_710_000_000 + at),
      userId: `US.${uniqueName(String(at))}`,
    }));
    const known = await people.ofMessages(
      asker(),
      users.map(({ waId }) => seen({ waId })),
    );
    const orders = [users, users.toReversed(), users, users.toReversed()];
    await Promise.all(orders.map((order) => people.ofMessages(asker(), order.map(seen))));
    const byId = await people.ofMessages(
      asker(),
      users.map(({ userId }) => seen({ userId })),
    );
    expect(byId).toEqual(known);
  });
});

describe('the contact of an evidence', () => {
  it('is provisional until it is somebody', async () => {
    const evidence = uniqueName('click');
    const [first] = await people.ofEvidence(asker(), [evidence]);
    expect(first).toEqual({ contactId: expect.any(String), provisional: true });
    const [personId] = await people.ofMessages(asker(), [seen({ waId: '33720000000' })]);
    await people.identify({ organizationId, provisionalId: first!.contactId, personId: personId! });
    expect(await people.ofEvidence(asker(), [evidence])).toEqual([
      { contactId: personId, provisional: false },
    ]);
  });
});
