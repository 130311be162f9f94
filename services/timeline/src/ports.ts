import type {
  CampaignType,
  ContactChange,
  ExecutionProgress,
  JudgedEvent,
  RefusedEvent,
} from '@trackline/contracts';
import type { Attribution, AttributionSettings } from './domain/attribution.ts';
import type { Rank } from './domain/campaign-rank.ts';
import type { Edition } from './domain/edition.ts';
import type { ReportKind, ReportSums, ReportTable } from './domain/report.ts';
import type { ReportRequest } from './domain/report-request.ts';
import type { NamedCampaign, ToldMessage } from './domain/message-fact.ts';
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

/** What is told of an execution: what an event did to it, how its workflow is called, or both. */
export interface ToldExecution {
  readonly atMs: number;
  readonly effect?: EventEffect;
  readonly automation?: NamedCampaign;
}

export interface EffectWriter {
  /** Each effect once, by its id. */
  commit(
    owner: OwnPartition,
    told: readonly ToldExecution[],
  ): Promise<Exclude<Commit, { kind: 'overtaken' }>>;
}

export type ContactFact = ContactChange & { readonly change: 'merged' | 'erased' };

/** Messages with their campaigns, folded into what is known of them. Gives how many of them changed anything. */
export interface ConversationWriter {
  commit(owner: OwnPartition, told: readonly ToldMessage[]): Promise<number>;
}

/** How organisations want their orders attributed, as it stands now. */
export interface AttributionTerms {
  /** Of each: the defaults where there is no such organisation. */
  of(organizationIds: readonly string[]): Promise<ReadonlyMap<string, AttributionSettings>>;
}

/** An edition, and where its building stands. */
export interface EditionStand extends Edition {
  /** `collecting`: looking for events that are orders now; `attributing`: attributing all of them. */
  readonly phase: 'collecting' | 'attributing' | 'complete';
  readonly done: number;
  readonly total: number;
}

/** An edition that is this worker's to build, for as long as it goes on taking steps. */
export interface EditionLease {
  readonly organizationId: string;
  readonly edition: number;
  readonly token: string;
}

/** Editions of the figures: noticing that settings changed, building the next edition, and clearing away the last one. */
export interface EditionStore {
  /** Begins an edition where these settings are not those that are current or being built. Gives whether it did. */
  begin(organizationId: string, settings: AttributionSettings): Promise<boolean>;
  /** As `begin`, also when nothing changed: all figures are made again from the facts. */
  beginAnew(organizationId: string, settings: AttributionSettings): Promise<void>;
  /** Organisations after `afterId`, in order, with the settings that their newest edition has. */
  newest(
    afterId: string | undefined,
    limit: number,
  ): Promise<readonly { readonly organizationId: string; readonly settings: AttributionSettings }[]>;
  /** An edition that nobody builds, or whose builder has not been heard of for the time of a lease. */
  claim(leaseMs: number): Promise<EditionLease | undefined>;
  /** A stretch of the work, and the lease for so much longer. `lost`: it is another's now, or there is a newer edition. */
  step(lease: EditionLease, leaseMs: number): Promise<'more' | 'complete' | 'lost'>;
  /** Lets another go on with it at once. */
  release(lease: EditionLease): Promise<void>;
  /** Whether an edition of the organisation is being built, by whomever. */
  isBuilding(organizationId: string): Promise<boolean>;
  /** Removes some of what is left of retired editions. Gives whether there may be more. */
  clear(): Promise<boolean>;
}

/** What is known of an order's attribution, for its receipt. */
export interface ToldAttribution {
  readonly conversion: boolean;
  readonly reason: Attribution['reason'];
  readonly campaignType: CampaignType;
  readonly campaignId: string;
  readonly conversationAtMs: number | null;
  readonly amount: string | null;
  readonly currency: string | null;
  readonly model: string;
  readonly windowHours: number;
}

/** What of its figures is asked for: a report with a page of its campaigns, or a table with so many rows at most. */
export type ReportCut =
  | { readonly of: 'report'; readonly after: Rank | undefined; readonly limit: number }
  | { readonly of: ReportTable; readonly atMost: number };

export interface ReadSums extends Omit<ReportSums, 'names'> {
  /** The current edition and the one being built; none for an organisation of which nothing is known. */
  readonly editions: readonly EditionStand[];
  /** On all pages. */
  readonly campaignCount: number;
}

export interface ReportReader {
  /** All as it is at one moment. Of the campaigns only those in which anything happened. */
  read(organizationId: string, kind: ReportKind, request: ReportRequest, cut: ReportCut): Promise<ReadSums>;
  /** By event id, as the current edition has it; events that are no orders are missing. */
  ofEvents(
    organizationId: string,
    eventIds: readonly string[],
  ): Promise<ReadonlyMap<string, ToldAttribution>>;
}

/** A figure that is not what the facts say. */
export interface Difference {
  readonly day: string;
  /** An order's event; or a campaign, and a currency where it is money. */
  readonly place: string;
  /** `fact`: whether, and as what, the order is put down. */
  readonly figure: string;
  /** What the facts say; of a fact, what its event says. */
  readonly facts: string;
  readonly held: string;
}

/** What differs in a stretch of an organisation's orders. */
export interface AuditedStretch {
  readonly differences: readonly Difference[];
  /** Where the next stretch begins; none after the last one. */
  readonly next: string | undefined;
}

/**
 * Holds facts against the timeline and figures against facts, a stretch at a time: which orders are put down, and as what, against their events;
 * how orders are attributed against conversations, executions and what Meta told; and the sums that reports are read from against the messages and
 * attributions that they were made of. Writers go on meanwhile.
 */
export interface ReportAudit {
  organizations(): Promise<readonly string[]>;
  /** Events of the timeline after this place that are orders and not among the facts, or as something else. */
  events(organizationId: string, after: string | undefined): Promise<AuditedStretch>;
  /** Facts after this one of which the timeline has no such event. */
  facts(organizationId: string, after: string | undefined): Promise<AuditedStretch>;
  /** Puts down what the events of these differences say, and takes away what none does; what was made of them goes with it. */
  mendFacts(organizationId: string, differences: readonly Difference[]): Promise<void>;
  /** Orders after this one that are not attributed as the facts say, and attributions without an order. */
  orders(organizationId: string, after: string | undefined): Promise<AuditedStretch>;
  /** Attributes the orders of these differences anew, and takes away what is of no order. */
  mendOrders(organizationId: string, differences: readonly Difference[]): Promise<void>;
  /** First moments of the months of which there are facts or sums. */
  months(organizationId: string): Promise<readonly number[]>;
  sums(organizationId: string, monthMs: number): Promise<readonly Difference[]>;
  /** Adds what is missing of a month's sums, and takes away what is too much. */
  mendSums(organizationId: string, monthMs: number): Promise<void>;
}

export interface CampaignPlace {
  readonly type: string;
  readonly id: string;
}

export interface KnownCampaign {
  readonly type: CampaignType;
  readonly id: string;
  readonly name: string | null;
  readonly namedAtMs: number;
}

export interface CampaignReader {
  /** By `<type>/<id>`, of those that have one. */
  names(organizationId: string, campaigns: readonly CampaignPlace[]): Promise<ReadonlyMap<string, string>>;
  list(
    organizationId: string,
    of: {
      readonly type?: string | undefined;
      readonly after?: CampaignPlace | undefined;
      readonly limit: number;
    },
  ): Promise<readonly KnownCampaign[]>;
}

export interface ContactFactWriter {
  commit(owner: OwnPartition, facts: readonly ContactFact[]): Promise<Exclude<Commit, { kind: 'overtaken' }>>;
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

/** Facts of attribution and the sums that were made of them: what is past keeping goes, a page at a time. */
export interface FactSweep {
  /** Removes at most a page of what happened before. Gives how many rows went; 0: nothing is left to remove. */
  removeSome(beforeMs: number): Promise<number>;
}

/** What a run that keeps partitions did. */
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
