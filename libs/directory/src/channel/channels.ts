import { Problem, type Issue } from '@trackline/contracts';
import { isUuid, systemClock, uuidv7, type Clock } from '@trackline/kernel';
import type { Database } from '@trackline/postgres';
import { RevisionReader } from '../cache/revision-reader.ts';
import { SecretBox, SecretUnreadable } from '../connector/secret-box.ts';
import { moveSettings } from '../organization/organization.store.ts';
import { pageOf, startOf, type Page, type PageRequest } from '../page.ts';
import {
  changeChannel,
  channelIssues,
  masked,
  type Channel,
  type ChannelPatch,
  type ChannelSecrets,
  type ChannelTerms,
  type NewChannel,
} from './channel.ts';
import * as store from './channel.store.ts';
import { OpenedChannels, type OpenedChannel } from './opened-channels.ts';

export interface ChannelsSettings {
  /** Without it no channel can be made, and none that was made can be opened. */
  readonly secretsKey?: string | undefined;
  readonly cacheSize?: number;
  readonly clock?: Clock;
}

/** A channel as it may be shown. */
export type ShownChannel = Channel & {
  /** Masked; `null`: sealed with a key that is not there any more. */
  readonly secrets: ChannelSecrets | null;
};

/** What is needed to tell Meta of a conversion by a channel. */
export interface FeedbackCredentials {
  readonly wabaId: string;
  readonly datasetId: string;
  readonly accessToken: string;
}

/** `unreadable`: the token is there, and SECRETS_KEY does not open it. */
export type FoundFeedbackCredentials = FeedbackCredentials | { readonly unreadable: string };

const DEFAULT_CACHE_SIZE = 10_000;

/** WhatsApp numbers of organisations: their secrets sealed in the database, masked when shown. */
export class Channels {
  private readonly database: Database;
  private readonly box: SecretBox | undefined;
  private readonly clock: Clock;
  private readonly opened: OpenedChannels;

  constructor(
    database: Database,
    { secretsKey, cacheSize = DEFAULT_CACHE_SIZE, clock = systemClock }: ChannelsSettings = {},
  ) {
    this.database = database;
    this.box = secretsKey ? new SecretBox(secretsKey) : undefined;
    this.clock = clock;
    const revisions = new RevisionReader(database);
    this.opened = new OpenedChannels(database, revisions, (row) => this.secretsOf(row), cacheSize);
  }

  /** As it stands now, on every instance, mostly from memory. Throws SecretUnreadable. */
  open(id: string): Promise<OpenedChannel | undefined> {
    return this.opened.find(id);
  }

  /** By channel id, read each time; what is missing is gone, another organisation's, or has `conversionFeedback` off by now. */
  async feedbackCredentials(
    wanted: readonly { readonly organizationId: string; readonly channelId: string }[],
  ): Promise<Map<string, FoundFeedbackCredentials>> {
    const asked = wanted.filter((one) => isUuid(one.organizationId) && isUuid(one.channelId));
    const rows = asked.length === 0 ? [] : await store.loadFeedbackChannels(this.database, asked);
    return new Map(
      rows.flatMap((row): [string, FoundFeedbackCredentials][] => {
        const found = this.credentialsOf(row);
        return found ? [[row.id, found]] : [];
      }),
    );
  }

  /** Whose a channel is, and all channels of that organisation by phone number id, without opening anything. */
  async numbers(
    id: string,
  ): Promise<
    { readonly organizationId: string; readonly numbers: ReadonlyMap<string, Channel> } | undefined
  > {
    if (!isUuid(id)) return undefined;
    const rows = await store.loadSiblings(this.database, [id]);
    const organizationId = rows.find((row) => row.id === id)?.organization_id;
    return organizationId === undefined
      ? undefined
      : { organizationId, numbers: new Map(rows.map((row) => [row.phone_number_id, store.fromRow(row)])) };
  }

  /** `undefined`: there is no such organisation. Throws `Problem`: VALIDATION_FAILED, CONFLICT, and UNAVAILABLE when secrets cannot be kept. */
  async create(organizationId: string, given: NewChannel): Promise<ShownChannel | undefined> {
    const terms = changeChannel({}, given);
    refuse(channelIssues(terms));
    if (!isUuid(organizationId)) return undefined;
    const now = new Date(this.clock.now());
    const id = uuidv7(now.getTime());
    const channel = toChannel(terms, { id, organizationId, createdAt: now, updatedAt: now });
    const sealed = this.seal(id, terms);
    const outcome = await this.database.transaction(async (tx) => {
      const made = await store.insertChannel(tx, channel, sealed);
      if (made === 'made') await moveSettings(tx, organizationId);
      return made;
    });
    if (outcome === 'taken') throw numberTaken();
    return outcome === 'made' ? shown(channel, terms) : undefined;
  }

  async list(organizationId: string, page: PageRequest): Promise<Page<ShownChannel>> {
    const { beforeId, size } = startOf(page);
    if (!isUuid(organizationId)) return { items: [], nextCursor: null };
    const rows = await store.listChannels(this.database, organizationId, beforeId, size + 1);
    return pageOf(
      rows.map((row) => this.show(row)),
      size,
    );
  }

  async get(organizationId: string, id: string): Promise<ShownChannel | undefined> {
    if (!isUuid(organizationId) || !isUuid(id)) return undefined;
    const row = await store.loadChannel(this.database, organizationId, id);
    return row && this.show(row);
  }

  /** `undefined`: the organisation has no such channel. Throws as `create`. */
  async update(organizationId: string, id: string, patch: ChannelPatch): Promise<ShownChannel | undefined> {
    if (!isUuid(organizationId) || !isUuid(id)) return undefined;
    return this.database.transaction(async (tx) => {
      const row = await store.loadChannel(tx, organizationId, id, 'FOR UPDATE');
      if (!row) return undefined;
      const before = store.fromRow(row);
      const terms = changeChannel({ ...termsOf(before), ...this.openable(row) }, patch);
      refuse(channelIssues(terms));
      const { createdAt } = before;
      const updatedAt = new Date(this.clock.now());
      const after = toChannel(terms, { id, organizationId, createdAt, updatedAt });
      // Two that take one number at once meet here, and not at the constraint.
      await moveSettings(tx, organizationId);
      if (!(await store.updateChannel(tx, after, this.seal(id, terms)))) throw numberTaken();
      return shown(after, terms);
    });
  }

  /** `false`: the organisation has no such channel. */
  async remove(organizationId: string, id: string): Promise<boolean> {
    if (!isUuid(organizationId) || !isUuid(id)) return false;
    return this.database.transaction(async (tx) => {
      const removed = await store.removeChannel(tx, organizationId, id);
      if (removed) await moveSettings(tx, organizationId);
      return removed;
    });
  }

  private show(row: store.ChannelRow): ShownChannel {
    const secrets = this.openable(row);
    return secrets ? shown(store.fromRow(row), secrets) : { ...store.fromRow(row), secrets: null };
  }

  /** What cannot be opened can still be listed, replaced and removed. */
  private openable(row: store.ChannelRow): ChannelSecrets | undefined {
    try {
      return this.secretsOf(row);
    } catch (error) {
      if (error instanceof SecretUnreadable) return undefined;
      throw error;
    }
  }

  private credentialsOf(row: store.ChannelRow): FoundFeedbackCredentials | undefined {
    try {
      const { accessToken } = this.secretsOf(row);
      if (row.dataset_id === null || accessToken === undefined) return undefined;
      return { wabaId: row.waba_id, datasetId: row.dataset_id, accessToken };
    } catch (error) {
      if (error instanceof SecretUnreadable) return { unreadable: error.message };
      throw error;
    }
  }

  private secretsOf({ id, sealed }: store.ChannelRow): ChannelSecrets {
    if (!this.box) throw new SecretUnreadable('SECRETS_KEY is not set.');
    return JSON.parse(this.box.open(sealed, ownerOf(id))) as ChannelSecrets;
  }

  private seal(id: string, { appSecret, verifyToken, accessToken }: ChannelSecrets): Buffer {
    if (this.box) return this.box.seal(JSON.stringify({ appSecret, verifyToken, accessToken }), ownerOf(id));
    throw new Problem(
      'UNAVAILABLE',
      'This installation keeps no secrets: its operator has to set SECRETS_KEY (32 bytes in base64) first.',
    );
  }
}

const ownerOf = (channelId: string): string => `channel/${channelId}`;

const termsOf = ({ id: _i, organizationId: _o, createdAt: _c, updatedAt: _u, ...terms }: Channel) => terms;

const toChannel = (
  { appSecret: _a, verifyToken: _v, accessToken: _t, ...fields }: ChannelTerms,
  place: Pick<Channel, 'id' | 'organizationId' | 'createdAt' | 'updatedAt'>,
): Channel => ({ ...fields, ...place });

const shown = (channel: Channel, { appSecret, verifyToken, accessToken }: ChannelSecrets): ShownChannel => ({
  ...channel,
  secrets: {
    appSecret: masked(appSecret),
    verifyToken: masked(verifyToken),
    ...(accessToken === undefined ? undefined : { accessToken: masked(accessToken) }),
  },
});

const numberTaken = (): Problem =>
  new Problem('CONFLICT', 'The organisation has a channel with this phoneNumberId already.', {
    details: [{ path: '/phoneNumberId', message: 'Another channel has it.' }],
  });

function refuse(issues: readonly Issue[]): void {
  if (issues.length > 0)
    throw new Problem('VALIDATION_FAILED', `${issues[0]!.path}: ${issues[0]!.message}`, { details: issues });
}
