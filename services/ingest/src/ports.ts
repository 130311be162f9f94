import type { EventFacts, Outcome, TouchedConversation } from '@trackline/contracts';
import type { ContactReference } from './domain/contact-reference.ts';
import type { Decision } from './domain/decision.ts';
import type { RateState, RequestRate } from './domain/request-rate.ts';
import type { MeteredPlan } from './domain/usage.ts';
import type { Link, LinkedContact, LinkKey } from './domain/whatsapp/link.ts';
import type { SeenMessage } from './domain/whatsapp/seen-message.ts';

/** The organisation on whose behalf a request is made. */
export interface Caller {
  readonly organizationId: string;
  readonly plan: MeteredPlan;
  /** What the directory read to authenticate the request; handed back to it, the look-ups that follow need no such read. */
  readonly asOf?: unknown;
}

export interface ContactLookup {
  readonly reference: ContactReference;
  /** Make the contact of the email or phone when it is not there; `cause` settles whose creation it was. */
  readonly create?: { readonly firstName?: string; readonly cause: string };
}

export interface FoundContact {
  readonly contactId: string;
  /** Whether this look-up made it: true for just one of several that race. */
  readonly created: boolean;
}

export interface Contacts {
  /** In the order of the look-ups; `undefined`: not found. Throws the fault of the database when the directory is away. */
  resolve(caller: Caller, lookups: readonly ContactLookup[]): Promise<(FoundContact | undefined)[]>;
}

export interface EventLog {
  /** Resolves when the broker has acknowledged all of them. Throws a Problem that says whether they may be recorded. */
  append(events: readonly EventFacts[], isSafeToResend: boolean): Promise<void>;
}

/** The outcomes of some events, before they are known. */
export interface Expectation {
  /** One reply-to per event, in order. */
  readonly replyTos: readonly string[];
  /** What has come by then, in order; at once when all of it has. Call it once. */
  settled(untilMs: number): Promise<(Outcome | undefined)[]>;
  /** Nobody will wait after all. */
  abandon(): void;
}

export interface Outcomes {
  /** `onLate` hears the outcomes that come after `settled` gave up. Throws a Problem when too many are waited for. */
  expect(organizationId: string, count: number, onLate?: (outcome: Outcome) => void): Expectation;
}

/** A request under an Idempotency-Key. */
export interface KeyedRequest {
  readonly organizationId: string;
  readonly key: string;
  readonly fingerprint: string;
}

export type Claim =
  | { readonly state: 'first' }
  | { readonly state: 'in_flight' }
  | { readonly state: 'answered'; readonly decision: Decision }
  | { readonly state: 'other_request' }
  /** The memory is away: nothing is known of earlier requests. */
  | { readonly state: 'unknown' };

export interface AnswerMemory {
  /** `token` names the try: only who made it may release it. A claim lapses after `leaseMs`. */
  claim(request: KeyedRequest, token: string, leaseMs: number): Promise<Claim>;
  /** Remembers the answer, unless another try's is remembered already. Never throws. */
  keep(request: KeyedRequest, decision: Decision): Promise<void>;
  /** Frees the key of a try whose answer is not to be remembered. Never throws. */
  release(request: KeyedRequest, token: string): Promise<void>;
  /** Frees the key although its answer was remembered: it turned out that nothing came of it. Never throws. */
  forget(request: KeyedRequest): Promise<void>;
}

export interface RateLimiter {
  /** Takes one request out of the organisation's bucket. `undefined`: the bucket is out of reach, and the request passes. */
  take(organizationId: string, rate: RequestRate): Promise<RateState | undefined>;
}

export interface ConversationLog {
  /** Resolves when the broker has acknowledged all of them. Throws a Problem; telling them again has no further effect. */
  append(touches: readonly TouchedConversation[]): Promise<void>;
}

/** On whose behalf contacts are looked up. */
export type Asker = Pick<Caller, 'organizationId' | 'asOf'>;

/** People as WhatsApp knows them, and those of whom only a trace is known. */
export interface People {
  /** The contact of each message's customer, made when it is not there. `undefined`: erased, or no name that can be stored. */
  ofMessages(asker: Asker, messages: readonly SeenMessage[]): Promise<(string | undefined)[]>;
  /** The provisional contact of each evidence, made when it is not there, or the person it turned out to be. `undefined`: erased. */
  ofEvidence(asker: Asker, evidence: readonly string[]): Promise<(LinkedContact | undefined)[]>;
  /** Whom each id stands for now. `undefined`: erased. */
  current(asker: Asker, contactIds: readonly string[]): Promise<(string | undefined)[]>;
  /** Of contacts that were provisional, those of whom somebody has made a person, by an identifier or a merge, and which. */
  madeByHand(asker: Asker, contactIds: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /**
   * A provisional contact becomes an alias of the person that it turned out to be. May be repeated. Gives who it is then: somebody else, when
   * a person made something of it by hand before; `undefined`: erased.
   */
  identify(identified: Identified): Promise<string | undefined>;
}

export interface Identified {
  readonly organizationId: string;
  readonly provisionalId: string;
  readonly personId: string;
}

/** Who a provisional contact is. `null`: somebody who has been erased. */
export interface IdentifiedAs {
  readonly personId: string | null;
}

/** Who is behind a message or a click. */
export interface Links {
  find(organizationId: string, keys: readonly LinkKey[]): Promise<Map<LinkKey, LinkedContact>>;
  /**
   * Links keys to people. What was linked to a provisional contact moves, to whom somebody made of it by hand before, and that contact counts as identified:
   * gives whether any did.
   */
  linkPersons(organizationId: string, links: readonly Link[]): Promise<boolean>;
  /** Links keys to provisional contacts. One that has got a contact meanwhile keeps it: look again. */
  linkProvisionals(organizationId: string, links: readonly Link[]): Promise<void>;
  /**
   * Hands up to `limit` identified contacts to `identify`, one after the other. Those for which it says who they are now are done, and what
   * is linked to them leads there. What another instance is at is passed over. Gives how many there were.
   */
  takeIdentified(
    limit: number,
    identify: (identified: Identified) => Promise<IdentifiedAs | undefined>,
  ): Promise<number>;
}

/** By which a contact came into a chat with the number. */
export interface AdClick {
  readonly organizationId: string;
  readonly contactId: string;
  /** As Meta names it, and wants to have it back. */
  readonly ctwaClid: string;
  readonly phoneNumberId: string;
  readonly clickedAtMs: number;
}

/** Clicks on ads, for feedback to Meta. */
export interface AdClicks {
  /** Telling one again has no further effect. */
  note(clicks: readonly AdClick[]): Promise<void>;
}

export interface WebhookBody {
  readonly id: string;
  readonly organizationId: string;
  readonly channelId: string;
  readonly receivedAtMs: number;
  readonly body: Buffer;
}

/** What Meta sent, byte by byte, for as long as it can be replayed. */
export interface WebhookBodies {
  /** The same bytes of the same channel are kept once. */
  keep(body: WebhookBody): Promise<void>;
  /** Oldest first, after the body `afterId`. */
  read(range: WebhookRange, afterId: string | undefined, limit: number): Promise<WebhookBody[]>;
}

export interface WebhookRange {
  readonly channelId: string;
  readonly fromMs?: number;
  readonly toMs?: number;
}
