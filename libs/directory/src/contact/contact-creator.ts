import { isDataFault, type Database } from '@trackline/postgres';
import { Coalescer } from '@trackline/kernel';
import type { Creation } from './contact-request.ts';
import { createMissing, type CreationOutcome } from './create-missing.ts';
import { settle } from './settle.ts';

export type MadeContacts = ReadonlyMap<Creation, CreationOutcome | 'unstorable'>;

const MAX_CREATIONS_PER_TRANSACTION = 500;

/** Makes contacts; calls that come at once share a transaction, and so the wait for the disk. */
export class ContactCreator {
  private readonly database: Database;
  private readonly now: () => Date;
  private readonly batches: Coalescer<Creation, MadeContacts>;

  constructor(database: Database, now: () => Date) {
    this.database = database;
    this.now = now;
    this.batches = new Coalescer((creations) => this.commit(creations), MAX_CREATIONS_PER_TRANSACTION);
  }

  /** What became of (at least) these. */
  async create(creations: readonly Creation[]): Promise<MadeContacts> {
    return creations.length === 0 ? new Map() : this.batches.call(creations);
  }

  private async commit(creations: readonly Creation[]): Promise<MadeContacts> {
    try {
      const outcomes = await settle(this.database, (tx) => createMissing(tx, creations, this.now()));
      return new Map(creations.map((creation, at) => [creation, outcomes[at]!]));
    } catch (error) {
      if (!isDataFault(error)) throw error;
      return this.isolate(creations);
    }
  }

  /** A value that the database cannot hold, although our checks let it pass: the others of the batch must not pay for it. */
  private async isolate(creations: readonly Creation[]): Promise<MadeContacts> {
    if (creations.length === 1) return new Map([[creations[0]!, 'unstorable']]);
    const middle = Math.ceil(creations.length / 2);
    const first = await this.commit(creations.slice(0, middle));
    return new Map([...first, ...(await this.commit(creations.slice(middle)))]);
  }
}
