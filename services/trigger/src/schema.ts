import {
  migrate,
  pendingMigrations,
  type MigrateResult,
  type Migration,
  type Queryable,
} from '@trackline/postgres';
import { DeadLetters1763700000000 } from './adapters/postgres/migrations/dead-letters-1763700000000.ts';
import { ContactErasures1764600000000 } from './adapters/postgres/migrations/contact-erasures-1764600000000.ts';
import { ContactAliases1764300000000 } from './adapters/postgres/migrations/contact-aliases-1764300000000.ts';
import { HeldSends1764400000000 } from './adapters/postgres/migrations/held-sends-1764400000000.ts';
import { CreateTrigger1763600000000 } from './adapters/postgres/migrations/create-trigger-1763600000000.ts';
import { RememberedNumbers1764500000000 } from './adapters/postgres/migrations/remembered-numbers-1764500000000.ts';
import { Schedules1764200000000 } from './adapters/postgres/migrations/schedules-1764200000000.ts';
import { RunningOfContacts1764800000001 } from './adapters/postgres/migrations/running-of-contacts-1764800000001.ts';
import { DeadLettersByAge1764800000000 } from './adapters/postgres/migrations/dead-letters-by-age-1764800000000.ts';
import { MovePositions1764960000000 } from './adapters/postgres/migrations/move-positions-1764960000000.ts';
import { TimersVacuumed1764700000000 } from './adapters/postgres/migrations/timers-vacuumed-1764700000000.ts';
import { EngineFacts1764100000000 } from './adapters/postgres/migrations/engine-facts-1764100000000.ts';
import { ExecutionsRead1764000000000 } from './adapters/postgres/migrations/executions-read-1764000000000.ts';

const schema = 'trigger';
const migrations: readonly Migration[] = [
  CreateTrigger1763600000000,
  DeadLetters1763700000000,
  ExecutionsRead1764000000000,
  EngineFacts1764100000000,
  Schedules1764200000000,
  ContactAliases1764300000000,
  ContactErasures1764600000000,
  HeldSends1764400000000,
  RememberedNumbers1764500000000,
  TimersVacuumed1764700000000,
  DeadLettersByAge1764800000000,
  RunningOfContacts1764800000001,
  MovePositions1764960000000,
];

/** Brings the schema `trigger` up to date. Idempotent; safe to run from several processes at once. */
export const migrateTrigger = (databaseUrl: string): Promise<MigrateResult> =>
  migrate({ databaseUrl, schema, migrations });

/** Names of the migrations that are missing. The service does not start while there are any. */
export const pendingTriggerMigrations = (database: Queryable): Promise<string[]> =>
  pendingMigrations(database, { schema, migrations });
