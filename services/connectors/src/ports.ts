import type { ActionKind, AnyRequestedAction, DeliveryStatus } from '@trackline/contracts';
import type { ConcurrencyLimits, Queue } from './domain/allotment.ts';
import type { ClaimedDelivery, DeliveryRecord, NewDelivery } from './domain/delivery.ts';
import type { AttemptOutcome, Detail } from './domain/outcome.ts';

/** A message as the outbox keeps it: text alone. */
export interface Message {
  readonly topic: string;
  readonly partition: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: Readonly<Record<string, string>>;
}

/** What of an organisation is under way here, and what may begin: a claim asks and is held to it. */
export interface ClaimRequest {
  readonly kind: ActionKind;
  readonly leaseMs: number;
  /** At most so many queues are looked at. */
  readonly queues: number;
  full(): { readonly organizations: readonly string[]; readonly queues: readonly Queue[] };
  allot(queues: readonly Queue[]): { readonly queue: Queue; readonly take: number }[];
}

/** How a delivery ends, and what the world is told of it. */
export interface Ending {
  readonly status: Exclude<DeliveryStatus, 'pending'>;
  readonly providerMessageId?: string | undefined;
  readonly detail: Detail;
  readonly messages: readonly Message[];
}

export interface DeliveryStore {
  /**
   * Puts deliveries down, each once by its action's id; what is there is left as it is, unless it was given up and is sent back. Gives how
   * many are new or begin anew.
   */
  take(deliveries: readonly NewDelivery[]): Promise<number>;
  /** Claims what is due, by turns of organisations and destinations. A claim whose process dies comes back when the lease ends. */
  claim(request: ClaimRequest): Promise<ClaimedDelivery[]>;
  /** `false`: the lease was lost, another has it. */
  again(delivery: ClaimedDelivery, inMs: number, detail: Detail): Promise<boolean>;
  /** As `again`, for one that nothing was tried with: the claim does not count as an attempt. */
  putBack(delivery: ClaimedDelivery, inMs: number): Promise<boolean>;
  /** Ends it and writes the outbox, together. `false`: the lease was lost, another has it. */
  end(delivery: ClaimedDelivery, ending: Ending): Promise<boolean>;
  /** Forgets up to `limit` that ended so long ago. Gives how many. */
  purge(olderThanMs: number, limit: number): Promise<number>;
}

/** A contact by all ids that it has had. */
export interface ContactIds {
  readonly organizationId: string;
  readonly contactIds: readonly string[];
}

/** What becomes of deliveries of a contact that was erased. */
export interface ErasedDeliveries {
  /** Ends what is pending as failed, with the outbox, and keeps nothing of what was to be sent. */
  end(
    of: ContactIds,
    toEnding: (
      pending: readonly Pick<ClaimedDelivery, 'action' | 'attempts'>[],
    ) => Pick<Ending, 'detail' | 'messages'>,
  ): Promise<void>;
  /** Forgets what destinations said of those that had ended. */
  clear(of: ContactIds): Promise<void>;
}

/** The ids that a contact had before it was merged, also of one that was erased since. */
export type FormerIds = (of: {
  readonly organizationId: string;
  readonly contactId: string;
}) => Promise<readonly string[]>;

/** Messages that were committed and are not published yet. */
export interface Outbox {
  /** Hands up to `limit` of them to `publish`, and removes them once it resolves. Gives how many. No other instance has them meanwhile. */
  relay(limit: number, publish: (messages: readonly Message[]) => Promise<void>): Promise<number>;
}

export interface DeliveryFilter {
  readonly status?: DeliveryStatus | undefined;
  readonly executionId?: string | undefined;
  /** Sequence of the last one of the page before. */
  readonly before?: number | undefined;
  readonly limit: number;
}

export interface DeliveryReader {
  list(organizationId: string, filter: DeliveryFilter): Promise<DeliveryRecord[]>;
  find(organizationId: string, id: string): Promise<DeliveryRecord | undefined>;
}

/** What an organisation gave for its own sending, as far as this service needs to know. */
export type Credentials =
  | {
      readonly kind: 'webhook';
      readonly secret: string;
      readonly previous?: { readonly secret: string; readonly untilMs: number };
    }
  | { readonly kind: 'email'; readonly smtpUrl: string; readonly from: string }
  | { readonly kind: 'whatsapp'; readonly phoneNumberId: string; readonly accessToken: string }
  /** Of the channel that a conversion names. */
  | {
      readonly kind: 'conversion';
      readonly wabaId: string;
      readonly datasetId: string;
      readonly accessToken: string;
    };

/** `undefined`: nothing was given. */
export type FoundCredentials = Credentials | { readonly unreadable: string } | undefined;

export interface CredentialSource {
  /** In the order of what was asked for. One read. */
  of(
    wanted: readonly Pick<AnyRequestedAction, 'organizationId' | 'kind' | 'request'>[],
  ): Promise<FoundCredentials[]>;
}

/** What an attempt is made with. `erased`: whom its action is for has been erased, and none is to be made. */
export type FoundBefore = FoundCredentials | { readonly erased: true };

/** What is looked up before attempts: whom each is for, and with what it is made. */
export interface BeforeAttempts {
  /** In the order of the actions. One read of each. */
  lookUp(
    actions: readonly Pick<AnyRequestedAction, 'organizationId' | 'contactId' | 'kind' | 'request'>[],
  ): Promise<FoundBefore[]>;
}

/** Carries one attempt out. Throws only what is a fault of ours: that counts as "not now". */
export type Sender = (
  delivery: ClaimedDelivery,
  credentials: Credentials | undefined,
) => Promise<AttemptOutcome>;

export interface Address {
  readonly address: string;
  readonly family: 4 | 6;
}

/**
 * Addresses of a host, each of which may be called; a refused one among them refuses all. Whoever connects, connects to one of these and
 * asks nobody else.
 */
export type ResolveAllowed = (host: string) => Promise<readonly Address[]>;

export interface DispatchLimits extends ConcurrencyLimits {
  readonly leaseMs: number;
  readonly pollMs: number;
}
