import { setTimeout as sleep } from 'node:timers/promises';
import { clientNamedEventId, INBOUND, partitionOf } from '@trackline/contracts';
import type { Answer } from '../http-client.ts';
import { pick, seededRandom, type Random } from '../random.ts';
import type { TestOrganization } from '../test-organization.ts';
import { uniqueName } from '../unique-name.ts';
import type { Fleet } from './fleet.ts';
import { PARTITIONS } from './fleet-settings.ts';

/** By which an event goes in: one HTTP call each, in a batch of one HTTP call, or published to Kafka. */
export type Door = 'single' | 'batch' | 'inbound';

/** An event that was sent until somebody took it. */
export interface SentEvent {
  readonly door: Door;
  readonly organizationId: string;
  readonly name: string;
  readonly uniqueId?: string;
  /** What its sender called it, and where: whoever sends that again sends the same event. */
  readonly client?: { readonly source: string; readonly id: string };
  /** Known beforehand when its sender named it alone; of an item of a batch once the answer is there; else it has a unique id. */
  eventId?: string;
  /** What the sender heard in the end; a producer hears nothing. */
  heard?: Heard;
}

export interface Heard {
  readonly verdict: 'admitted' | 'accepted' | 'duplicate' | 'over_limit';
  /** Of this event; of the first, when it is a duplicate. */
  readonly eventId?: string;
}

export interface LoadSettings {
  readonly organization: TestOrganization;
  readonly seed: number;
  /** Default: all. */
  readonly doors?: readonly Door[];
  readonly contacts?: number;
  /** Between two calls of one sender. */
  readonly paceMs?: number;
  /** How often an event takes a unique id that was sent before. */
  readonly duplicateRatio?: number;
  /** How often a call is made once more although it was answered. */
  readonly resendRatio?: number;
}

interface Body {
  readonly name: string;
  readonly contactEmail: string;
  readonly properties: { readonly serial: number };
  readonly uniqueId?: string;
}

const SINGLE_SENDERS = 3;
const LARGEST_BATCH = 25;
const LARGEST_PUBLISH = 30;
const CALL_TIMEOUT_MS = 15_000;
const NAMES = ['viewed', 'ordered', 'signed_up'] as const;

export interface InboundEventBody {
  readonly name: string;
  readonly contactEmail: string;
  readonly uniqueId?: string;
  readonly properties?: Readonly<Record<string, unknown>>;
}

/** An event as a direct producer writes it to Kafka. */
export function inboundMessage(
  organizationId: string,
  body: InboundEventBody,
  client: { readonly source: string; readonly id: string },
) {
  const key = `${organizationId}:${body.contactEmail}`;
  const headers = {
    ce_specversion: '1.0',
    ce_id: client.id,
    ce_source: client.source,
    ce_type: 'com.trackline.event.track',
  };
  return {
    topic: INBOUND,
    partition: partitionOf(key, PARTITIONS.contact),
    key,
    value: JSON.stringify(body),
    headers,
  };
}

/**
 * Sends events by all doors at once until it is stopped, as a careful client does: what fails is sent again under the same identity. Each
 * sender draws from a seeded source of its own.
 */
export class Load {
  readonly sent: SentEvent[] = [];
  /** Answers that no careful client should get. */
  readonly surprises: string[] = [];
  /** Calls that failed and were made again. */
  retries = 0;
  private readonly fleet: Fleet;
  private readonly settings: LoadSettings;
  private readonly emails: readonly string[];
  private readonly uniques: { readonly name: string; readonly uniqueId: string }[] = [];
  private serial = 0;
  private isEnding = false;
  private isAbandoned = false;
  private senders: Promise<void>[] = [];

  private constructor(fleet: Fleet, settings: LoadSettings, emails: readonly string[]) {
    this.fleet = fleet;
    this.settings = settings;
    this.emails = emails;
  }

  /** Makes the contacts and begins to send. */
  static async start(fleet: Fleet, settings: LoadSettings): Promise<Load> {
    const emails = Array.from({ length: settings.contacts ?? 12 }, () => `${uniqueName('c')}@example.com`);
    const contacts = { contacts: emails.map((email) => ({ email })) };
    const { status, text } = await settings.organization.call('POST', '/v1/contacts/batch', {
      body: contacts,
    });
    if (status !== 200) throw new Error(`The contacts were not made: ${status} ${text}`);
    const load = new Load(fleet, settings, emails);
    load.begin();
    // A test that fails does not stop its load: that must not call for ever.
    fleet.onClose(() => load.abandon());
    return load;
  }

  /** Resolves when all that was begun has been taken: then the list of what was sent is complete. */
  async stop(): Promise<readonly SentEvent[]> {
    this.isEnding = true;
    await Promise.all(this.senders);
    return this.sent;
  }

  /**
   * Sends all that has an identity once more, by Kafka, whatever door it took: what its sender named under that name, what is unique under
   * a new name as well. Returns how many messages that were; none of them may count.
   */
  async sendEverythingAgain(): Promise<number> {
    const { organization } = this.settings;
    const messages = this.sent.flatMap(({ name, uniqueId, client }) => {
      const body = { name, contactEmail: this.emails[0]!, ...(uniqueId !== undefined && { uniqueId }) };
      const anew = { source: `/organizations/${organization.id}/again`, id: uniqueName('again') };
      return [...(client ? [client] : []), ...(uniqueId === undefined ? [] : [anew])].map(({ source, id }) =>
        inboundMessage(organization.id, body, { source, id }),
      );
    });
    await this.fleet.publisher.publish(messages);
    return messages.length;
  }

  private abandon(): void {
    this.isEnding = this.isAbandoned = true;
  }

  private begin(): void {
    const { doors = ['single', 'batch', 'inbound'], seed } = this.settings;
    const send: Readonly<Record<Door, (random: Random) => Promise<void>>> = {
      single: (random) => this.sendSingle(random),
      batch: (random) => this.sendBatch(random),
      inbound: (random) => this.sendInbound(random),
    };
    const doorOfEach = doors.flatMap((door) =>
      Array<Door>(door === 'single' ? SINGLE_SENDERS : 1).fill(door),
    );
    this.senders = doorOfEach.map((door, at) =>
      this.keepSending(() => send[door], seededRandom(seed * 64 + at)),
    );
    // Told to whoever stops the load; until then nobody listens.
    for (const sender of this.senders) sender.catch(() => undefined);
  }

  private async keepSending(send: () => (random: Random) => Promise<void>, random: Random): Promise<void> {
    const { paceMs = 100 } = this.settings;
    while (!this.isEnding) {
      await send()(random);
      await sleep(random() * 2 * paceMs);
    }
  }

  private newBody(random: Random): Body {
    const { duplicateRatio = 0.15 } = this.settings;
    const serial = ++this.serial;
    const of = { contactEmail: pick(random, this.emails), properties: { serial } };
    if (this.uniques.length > 0 && random() < duplicateRatio) return { ...of, ...pick(random, this.uniques) };
    const name = pick(random, NAMES);
    if (random() < 0.5) return { ...of, name };
    const unique = { name, uniqueId: `u-${this.settings.seed}-${serial}` };
    this.uniques.push(unique);
    return { ...of, ...unique };
  }

  private async sendSingle(random: Random): Promise<void> {
    const { resendRatio = 0.05, organization } = this.settings;
    const body = this.newBody(random);
    // Whoever sends it again needs one identity at least.
    const key = body.uniqueId !== undefined && random() < 0.5 ? undefined : uniqueName('key');
    const sent = this.note('single', body, key);
    const request = () =>
      organization.call('POST', '/v1/events', {
        body,
        timeoutMs: CALL_TIMEOUT_MS,
        ...(key !== undefined && { headers: { 'idempotency-key': key } }),
      });
    const times = random() < resendRatio ? 2 : 1;
    for (let time = 1; time <= times; time += 1) {
      const answer = await this.untilAnswered(request);
      sent.heard = this.heardOf(answer) ?? sent.heard!;
    }
  }

  private async sendBatch(random: Random): Promise<void> {
    const events = Array.from({ length: 1 + Math.floor(random() * LARGEST_BATCH) }, () =>
      this.newBody(random),
    );
    const key = uniqueName('batch');
    const sent = events.map((body) => this.note('batch', body, undefined));
    const answer = await this.untilAnswered(() =>
      this.settings.organization.call('POST', '/v1/events/batch', {
        body: { events },
        timeoutMs: CALL_TIMEOUT_MS,
        headers: { 'idempotency-key': key },
      }),
    );
    const results = answer.json?.results as { status: Heard['verdict']; eventId?: string }[] | undefined;
    if (answer.status === 429) for (const one of sent) one.heard = { verdict: 'over_limit' };
    else if (answer.status !== 200 && answer.status !== 202) this.surprise(answer);
    for (const [at, { status, eventId }] of (results ?? []).entries()) {
      if (!['admitted', 'accepted', 'duplicate', 'over_limit'].includes(status)) this.surprise(answer);
      const one = sent[at]!;
      one.heard = { verdict: status, ...(eventId !== undefined && { eventId }) };
      if (one.uniqueId === undefined && eventId !== undefined) one.eventId = eventId;
    }
  }

  private async sendInbound(random: Random): Promise<void> {
    const { organization, resendRatio = 0.05 } = this.settings;
    const source = `/organizations/${organization.id}/fleet`;
    const messages = Array.from({ length: 1 + Math.floor(random() * LARGEST_PUBLISH) }, () => {
      const body = this.newBody(random);
      const id = uniqueName('ce');
      this.note('inbound', body, id, source);
      return inboundMessage(organization.id, body, { source, id });
    });
    const again = messages.filter(() => random() < resendRatio);
    await this.fleet.publisher.publish([...messages, ...again]);
  }

  private note(door: Door, body: Body, clientId: string | undefined, source?: string): SentEvent {
    const { id } = this.settings.organization;
    const from = source ?? `/organizations/${id}/http`;
    const sent: SentEvent = {
      door,
      organizationId: id,
      name: body.name,
      ...(body.uniqueId !== undefined && { uniqueId: body.uniqueId }),
      ...(clientId !== undefined && {
        client: { source: from, id: clientId },
        eventId: clientNamedEventId(id, from, clientId),
      }),
    };
    this.sent.push(sent);
    return sent;
  }

  /** A careful client: what was not answered, or answered with "try again", is sent again under its identity. */
  private async untilAnswered(request: () => Promise<Answer<Body & Record<string, unknown>>>) {
    for (;;) {
      try {
        const answer = await request();
        const isRefusedForNow = answer.status >= 500 || answer.json?.code === 'RATE_LIMITED';
        if (!isRefusedForNow) return answer;
      } catch {
        // No answer at all: it may have been taken.
      }
      if (this.isAbandoned) throw new Error('The fleet was closed before the load was stopped.');
      this.retries += 1;
      await sleep(150);
    }
  }

  private heardOf(answer: Answer<Record<string, unknown>>): Heard | undefined {
    const { status, json } = answer;
    const eventId = json?.eventId as string | undefined;
    const named = eventId !== undefined && { eventId };
    if (status === 200) return { verdict: 'admitted', ...named };
    if (status === 202) return { verdict: 'accepted', ...named };
    if (status === 409) return { verdict: 'duplicate', ...named };
    if (status === 429) return { verdict: 'over_limit' };
    this.surprise(answer);
    return undefined;
  }

  private surprise({ status, text }: { readonly status: number; readonly text: string }): void {
    this.surprises.push(`${status} ${text.slice(0, 300)}`);
  }
}
