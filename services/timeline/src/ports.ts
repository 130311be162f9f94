import type { ContactChange, ExecutionProgress, JudgedEvent, RefusedEvent } from '@trackline/contracts';
import type { Place } from './domain/page-cursor.ts';
import type { ReadWindow } from './domain/read-windows.ts';
import type { PartitionedTable } from './domain/retention.ts';
import type { PositionMove } from './domain/source-positions.ts';
import type { StoredEffect, StoredEvent, StoredRefusal } from './domain/stored-event.ts';

/** A partition of a topic that this process was assigned. */
export interface OwnPartition {
  readonly topic: string;
  readonly partition: number;
}

/**
 * What became of a write. `overtaken`: the positions are not where they were expected, another process owns the partition now or did in between.
 * `unstorable`: the database can hold all of it but this row; nothing was written.
 */
export type Commit =
  | { readonly kind: 'committed'; readonly written: number }
  | { readonly kind: 'overtaken' }
  | { readonly kind: 'unstorable'; readonly index: number; readonly detail: string };

/** Writes rows and moves positions in one transaction; rows that are there already are left as they are. */
export interface EventWriter<Event extends JudgedEvent> {
  commit(owner: OwnPartition, moves: readonly PositionMove[], events: readonly Event[]): Promise<Commit>;
}
export type AdmittedWriter = EventWriter<JudgedEvent>;
export type RefusedWriter = EventWriter<RefusedEvent>;

export interface PositionReader {
  load(owner: OwnPartition): Promise<Map<string, number>>;
}

/** An execution that an event started, resumed, or was refused by. */
export type EventEffect = ExecutionProgress & {
  readonly eventId: string;
  readonly effect: 'started' | 'resumed' | 'refused';
};

export interface EffectWriter {
  /** Each effect once, by its id. */
  commit(effects: readonly EventEffect[]): Promise<Exclude<Commit, { kind: 'overtaken' }>>;
}

export type ContactFact = ContactChange & { readonly change: 'merged' | 'erased' };

export interface ContactFactWriter {
  commit(facts: readonly ContactFact[]): Promise<Exclude<Commit, { kind: 'overtaken' }>>;
}

/** A contact and all that became aliases of it. */
export interface ContactFamily {
  /** The contact that the others, over any number of steps, were merged into. */
  readonly id: string;
  readonly erased: boolean;
  /** `id` among them. */
  readonly members: readonly string[];
}

export interface ContactReader {
  family(organizationId: string, contactId: string): Promise<ContactFamily>;
  /** What each became an alias of. Whoever is not in the answer is none. */
  aliases(organizationId: string, contactIds: readonly string[]): Promise<Map<string, string>>;
}

/** Whether the organisation has this contact now. */
export interface ContactRegister {
  has(organizationId: string, contactId: string): Promise<boolean>;
}

/** Rows strictly below `place`, newest first, `limit` at most; the window bounds what is looked at. */
export interface Stretch {
  readonly window: ReadWindow;
  readonly place: Place;
  readonly limit: number;
  readonly name?: string | undefined;
}

/** A part of a page. `reached`: so many rows were looked at without a match that the reading stopped there; the next page goes on below. */
export interface Found<Row> {
  readonly rows: readonly Row[];
  readonly reached?: Place | undefined;
}

/** A stretch of an organisation's rows, with at most so much work as a page may cost, however rare the name or source is. */
export interface OrganizationStretch extends Stretch {
  readonly source?: string | undefined;
}

export interface EventReader {
  ofContacts(organizationId: string, contactIds: readonly string[], stretch: Stretch): Promise<StoredEvent[]>;
  ofOrganization(organizationId: string, stretch: OrganizationStretch): Promise<Found<StoredEvent>>;
  /** The youngest row of the id, looked for in the window only. */
  byId(organizationId: string, id: string, window: ReadWindow): Promise<StoredEvent | undefined>;
  /** Which of these ids were admitted. */
  admitted(organizationId: string, ids: readonly string[], window: ReadWindow): Promise<Set<string>>;
}

export interface RefusalReader {
  /** The latest refusal of the id. */
  byId(organizationId: string, id: string): Promise<StoredRefusal | undefined>;
  ofOrganization(organizationId: string, stretch: OrganizationStretch): Promise<Found<StoredRefusal>>;
}

export interface EffectReader {
  /** In the order in which they happened, from `sinceMs` on. */
  ofEvents(organizationId: string, eventIds: readonly string[], sinceMs: number): Promise<StoredEffect[]>;
}

export interface PartitionInventory {
  /** Makes those that are not there. */
  make(table: PartitionedTable, monthsMs: readonly number[]): Promise<string[]>;
  /** First moments of the months that are there, whole or half removed. */
  months(table: PartitionedTable): Promise<number[]>;
  drop(table: PartitionedTable, monthMs: number): Promise<void>;
}

/** What a run of the partition keeper did. */
export interface KeptPartitions {
  readonly made: readonly string[];
  readonly dropped: readonly { readonly table: PartitionedTable; readonly monthMs: number }[];
  /** A month that could not be dropped, because someone reads it: the next run tries again. */
  readonly failed: readonly {
    readonly table: PartitionedTable;
    readonly monthMs: number;
    readonly error: unknown;
  }[];
}
