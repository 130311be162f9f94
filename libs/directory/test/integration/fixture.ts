import { createTestDatabase, dependenciesFromEnv, type TestDatabase } from '@trackline/testkit';
import { createPool, type Database, type Statement } from '@trackline/postgres';
import type { ContactChange } from '@trackline/contracts';
import { Directory, migrateDirectory, type ContactResolution } from '../../src/index.ts';

/** An empty directory in a database of its own, as two instances with a pool each: what one does, the other must know. */
export interface Fixture {
  readonly here: Directory;
  readonly there: Directory;
  readonly database: Database;
  /** Names of the statements that `here` has sent outside of transactions since the last call. */
  statements(): string[];
  organization(): Promise<string>;
  /** Takes all changes from the outbox. */
  changes(): Promise<ContactChange[]>;
  close(): Promise<void>;
}

export async function startFixture(): Promise<Fixture> {
  const test: TestDatabase = await createTestDatabase(dependenciesFromEnv().databaseUrl, 'directory');
  await migrateDirectory(test.databaseUrl);
  const pools = [1, 2].map(() =>
    createPool({ databaseUrl: test.databaseUrl, max: 10, applicationName: 'directory test' }),
  );
  const [database, other] = pools as [Database, Database];
  let sent: string[] = [];
  const query = database.query.bind(database);
  database.query = (<Row extends object>(statement: Statement) => {
    sent.push(statement.name ?? statement.text);
    return query<Row>(statement);
  }) as typeof database.query;
  const here = new Directory(database);
  return {
    here,
    there: new Directory(other),
    database,
    statements: () => {
      const names = sent;
      sent = [];
      return names;
    },
    organization: async () => (await here.createOrganization({ name: 'Example', plan: 'starter' })).id,
    changes: async () => {
      const all: ContactChange[] = [];
      while ((await here.drainOutbox(100, async (changes) => void all.push(...changes))) > 0);
      return all;
    },
    close: async () => {
      await Promise.all(pools.map((pool) => pool.close()));
      await test.drop();
    },
  };
}

export function found(resolution: ContactResolution | undefined): { contactId: string; created: boolean } {
  if (!resolution || 'notFound' in resolution) throw new Error(`not found: ${resolution?.reason}`);
  return resolution;
}
