import { expect } from '@jest/globals';
import {
  clientNamedEventId,
  encodeReceived,
  formatPosition,
  partitionOf,
  RECEIVED,
  sourceName,
} from '@trackline/contracts';
import {
  httpClient,
  inboundMessage,
  pick,
  uniqueName,
  type Answer,
  type Call,
  type Fleet,
  type Heard,
  type InboundEventBody,
  type Random,
  type SentEvent,
  type TestOrganization,
} from '@trackline/testkit';

export interface Track {
  readonly body: InboundEventBody;
  /** `Idempotency-Key`, or `ce_id`: one and the same event if it comes again. */
  readonly id: string;
}

export type TrackAnswer = Answer<Record<string, unknown>>;

/** Statuses that name an event. */
const HEARD: Readonly<Record<number, Heard['verdict']>> = {
  200: 'admitted',
  202: 'accepted',
  409: 'duplicate',
};

interface Contact {
  readonly email: string;
  readonly id: string;
}

/** An organisation whose events a test sends one by one: by HTTP over all instances, and by Kafka. It keeps account of them. */
export class Customer {
  readonly sent: SentEvent[] = [];
  readonly organization: TestOrganization;
  readonly contacts: readonly Contact[];
  private readonly fleet: Fleet;
  private readonly calls: readonly Call[];
  private readonly random: Random;

  private constructor(
    fleet: Fleet,
    organization: TestOrganization,
    contacts: readonly Contact[],
    random: Random,
  ) {
    this.fleet = fleet;
    this.organization = organization;
    this.contacts = contacts;
    this.random = random;
    this.calls = fleet.of('ingest').map(({ url }) => httpClient(url, { key: organization.key }));
  }

  static async make(
    fleet: Fleet,
    random: Random,
    plan: Readonly<Record<string, unknown>> = {},
    contactCount = 24,
  ): Promise<Customer> {
    const organization = await fleet.organization(plan);
    const emails = Array.from({ length: contactCount }, () => `${uniqueName('c')}@example.com`);
    const made = emails.map(async (email): Promise<Contact> => {
      const { status, json } = await organization.call('POST', '/v1/contacts', { body: { email } });
      expect(status).toBe(201);
      return { email, id: json.id as string };
    });
    return new Customer(fleet, organization, await Promise.all(made), random);
  }

  get id(): string {
    return this.organization.id;
  }

  event(name: string, more: Partial<InboundEventBody> = {}): Track {
    const contactEmail = pick(this.random, this.contacts).email;
    return { body: { name, contactEmail, ...more }, id: uniqueName('id') };
  }

  /** To Kafka; the moment of receipt is the broker's. */
  async publish(tracks: readonly Track[]): Promise<void> {
    await this.fleet.publisher.publish(tracks.map((track) => this.inbound(track)));
  }

  /** To Kafka, as if the broker had received them at these moments: the source topics must be on `CreateTime`. */
  async publishAt(
    tracks: readonly {
      readonly track: Track;
      readonly atMs: number;
      readonly topic?: 'received' | 'inbound';
    }[],
  ): Promise<void> {
    const producer = this.fleet.kafka.newClient().producer();
    await producer.connect();
    const messages = tracks.map(({ track, atMs, topic = 'inbound' }) => ({
      ...(topic === 'inbound' ? this.inbound(track) : this.received(track)),
      timestamp: String(atMs),
    }));
    try {
      for (const topic of new Set(messages.map((message) => message.topic)))
        await producer.send({
          topic: this.fleet.kafka.withPrefix(topic),
          messages: messages.filter((message) => message.topic === topic),
        });
    } finally {
      await producer.disconnect();
    }
  }

  /** To Kafka, as if it had been received at this moment; where it stands then. */
  async publishNow(track: Track, atMs: number): Promise<string> {
    const producer = this.fleet.kafka.newClient().producer();
    await producer.connect();
    const { topic, ...message } = this.inbound(track);
    try {
      const [written] = await producer.send({
        topic: this.fleet.kafka.withPrefix(topic),
        messages: [{ ...message, timestamp: String(atMs) }],
      });
      const source = sourceName('inbound', 1, message.partition);
      return formatPosition({ source, offset: Number(written!.baseOffset) });
    } finally {
      await producer.disconnect();
    }
  }

  /** By HTTP, under its Idempotency-Key. What it hears of the event is held against the verdicts by `assertExact`. */
  async call(track: Track, { instance }: { instance?: number } = {}): Promise<TrackAnswer> {
    const sent = this.note('single', this.sourceOf('http'), track);
    const call = instance === undefined ? pick(this.random, this.calls) : this.calls[instance]!;
    const headers = { 'idempotency-key': track.id };
    const answer: TrackAnswer = await call('POST', '/v1/events', { body: track.body, headers });
    const verdict = HEARD[answer.status];
    if (verdict && typeof answer.json.eventId === 'string')
      sent.heard = { verdict, eventId: answer.json.eventId };
    return answer;
  }

  /** The id that the event gets, by whichever door. */
  eventId(track: Track, door: 'http' | 'kafka'): string {
    return clientNamedEventId(this.id, this.sourceOf(door), track.id);
  }

  /** What the ledger has counted, by month. */
  async used(): Promise<Record<string, number>> {
    const { rows } = await this.fleet.database.query<{ month: string; used: string }>(
      `SELECT to_char(day, 'YYYY-MM') AS month, sum(used) AS used FROM dedup_meter.usage
        WHERE organization_id = $1 GROUP BY 1 ORDER BY 1`,
      [this.id],
    );
    return Object.fromEntries(rows.map(({ month, used }) => [month, Number(used)]));
  }

  async totalUsed(): Promise<number> {
    return Object.values(await this.used()).reduce((sum, used) => sum + used, 0);
  }

  async changePlan(plan: Readonly<Record<string, unknown>>): Promise<void> {
    const admin = httpClient(this.fleet.instance('ingest').url, { key: this.fleet.adminToken });
    const { status } = await admin('PATCH', `/v1/admin/organizations/${this.id}`, { body: plan });
    expect(status).toBe(200);
  }

  private sourceOf(door: 'http' | 'kafka'): string {
    return `/organizations/${this.id}/${door}`;
  }

  private inbound(track: Track) {
    const source = this.sourceOf('kafka');
    this.note('inbound', source, track);
    return inboundMessage(this.id, track.body, { source, id: track.id });
  }

  /** As ingest writes it. */
  private received(track: Track) {
    const { name, uniqueId, contactEmail } = track.body;
    const source = this.sourceOf('http');
    this.note('single', source, track);
    const { key, value, headers } = encodeReceived({
      eventId: clientNamedEventId(this.id, source, track.id),
      clientId: track.id,
      organizationId: this.id,
      contactId: this.contacts.find(({ email }) => email === contactEmail)!.id,
      ...{ name, source, backfill: false, properties: '{}' },
      ...(uniqueId !== undefined && { uniqueId }),
    });
    return { topic: RECEIVED, partition: partitionOf(key!, 6), key, value, headers };
  }

  private note(door: SentEvent['door'], source: string, { body: { name, uniqueId }, id }: Track): SentEvent {
    const sent: SentEvent = {
      ...{ door, organizationId: this.id, name, client: { source, id } },
      ...(uniqueId !== undefined && { uniqueId }),
      eventId: clientNamedEventId(this.id, source, id),
    };
    this.sent.push(sent);
    return sent;
  }
}
