import { LRUCache } from 'lru-cache';
import { Coalescer, isUuid } from '@trackline/kernel';
import type { Queryable } from '@trackline/postgres';
import type { Reading, Revision, RevisionReader } from '../cache/revision-reader.ts';
import type { Channel, ChannelSecrets } from './channel.ts';
import { fromRow, loadSiblings, type ChannelRow } from './channel.store.ts';

/** A channel with all that a message from Meta is judged by. */
export interface OpenedChannel {
  readonly channel: Channel;
  readonly secrets: ChannelSecrets;
  /** Every channel of the same organisation by its phone number id: several numbers may share one callback. */
  readonly numbers: ReadonlyMap<string, Channel>;
  /** What was read to find it: hand it to the next call of the same request. */
  readonly asOf: Reading;
}

type Entry = Omit<OpenedChannel, 'asOf'> & { readonly settings: number };

const MAX_CHANNELS_PER_READ = 1_000;

/** Channels as they stand at the moment of the call, mostly from memory; absence is never remembered. */
export class OpenedChannels {
  private readonly revisions: RevisionReader;
  private readonly open: (row: ChannelRow) => ChannelSecrets;
  private readonly cache: LRUCache<string, Entry>;
  private readonly loads: Coalescer<string, (ChannelRow & Revision)[]>;

  constructor(
    database: Queryable,
    revisions: RevisionReader,
    open: (row: ChannelRow) => ChannelSecrets,
    maxEntries: number,
  ) {
    this.revisions = revisions;
    this.open = open;
    this.cache = new LRUCache({ max: maxEntries });
    this.loads = new Coalescer((ids) => loadSiblings(database, [...new Set(ids)]), MAX_CHANNELS_PER_READ);
  }

  /** `undefined`: there is no such channel. Throws SecretUnreadable when its secrets do not open. */
  async find(id: string): Promise<OpenedChannel | undefined> {
    if (!isUuid(id)) return undefined;
    const known = this.cache.get(id);
    if (known) {
      const { organizationId } = known.channel;
      const asOf = await this.revisions.read([organizationId]);
      if (asOf.get(organizationId)?.settings === known.settings) return { ...known, asOf };
    }
    const rows = await this.loads.call([id]);
    const row = rows.find((one) => one.id === id);
    if (!row) return undefined;
    const siblings = rows.filter((one) => one.organization_id === row.organization_id).map(fromRow);
    const entry: Entry = {
      channel: fromRow(row),
      secrets: this.open(row),
      numbers: new Map(siblings.map((channel) => [channel.phoneNumberId, channel])),
      settings: row.settings,
    };
    this.cache.set(id, entry);
    const { settings, identifiers } = row;
    return { ...entry, asOf: new Map([[row.organization_id, { settings, identifiers }]]) };
  }
}
