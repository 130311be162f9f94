import {
  CONVERSATIONS,
  decodeReceived,
  decodeTouchedConversation,
  encodeOutcomes,
  parseReplyTo,
  RECEIVED,
  type EventFacts,
  type Outcome,
  type TouchedConversation,
} from '@trackline/contracts';
import { PinnedReader, Publisher, type KafkaConnection, type PinnedBatch } from '@trackline/kafka';

/** What a test wants to become of an event; `undefined`: no outcome is ever sent. */
export type Verdict = Partial<Omit<Outcome, 'correlation' | 'eventId'>> | undefined;

/**
 * Stands in for dedup-meter and trigger behind ingest's door: reads what was received and answers as told. It knows just
 * enough of identity, the cap and resends to be a believable peer; the acceptance lane has the real ones.
 */
export class Backstage {
  /** Everything that came, in the order in which it came. */
  readonly received: EventFacts[] = [];
  /** Every conversation that was told. */
  readonly touches: TouchedConversation[] = [];
  /** Events an organisation may have; the default is plenty. */
  cap = Number.POSITIVE_INFINITY;
  used = 0;
  /** Goes before the rules below. */
  decide: (event: EventFacts) => Verdict | 'by the rules' = () => 'by the rules';
  private readonly uniqueIds = new Map<string, string>();
  private readonly admitted = new Map<string, Outcome>();
  private readonly publisher: Publisher;
  private readonly readers: readonly PinnedReader[];

  constructor(connection: KafkaConnection) {
    this.publisher = new Publisher({ connection });
    const all = { connection, partitions: 'all', from: 'earliest' } as const;
    this.readers = [
      new PinnedReader({ ...all, topic: RECEIVED, onBatch: (batch) => this.answer(batch) }),
      new PinnedReader({
        ...all,
        topic: CONVERSATIONS,
        onBatch: async ({ messages }) => void this.touches.push(...messages.map(decodeTouchedConversation)),
      }),
    ];
  }

  async start(): Promise<void> {
    await this.publisher.connect();
    await Promise.all(this.readers.map((reader) => reader.start()));
  }

  async stop(): Promise<void> {
    await Promise.all(this.readers.map((reader) => reader.stop()));
    await this.publisher.disconnect();
  }

  of(name: string): EventFacts[] {
    return this.received.filter((event) => event.name === name);
  }

  private async answer({ messages }: PinnedBatch): Promise<void> {
    const byPartition = new Map<number, Outcome[]>();
    for (const message of messages) {
      const event = decodeReceived(message);
      this.received.push({ ...event, properties: event.properties.toString() });
      const replyTo = parseReplyTo(event.replyTo);
      const verdict = this.decide(event);
      const outcome =
        verdict === 'by the rules' ? this.byTheRules(event) : verdict && this.outcomeOf(event, verdict);
      if (!outcome || !replyTo) continue;
      const outcomes = byPartition.get(replyTo.partition) ?? [];
      outcomes.push({ ...outcome, correlation: replyTo.correlation });
      byPartition.set(replyTo.partition, outcomes);
    }
    await this.publisher.publish(
      [...byPartition].map(([partition, outcomes]) => encodeOutcomes(partition, outcomes)),
    );
  }

  private byTheRules(event: EventFacts): Outcome {
    const first = this.admitted.get(event.eventId);
    if (first) return first;
    const unique = event.uniqueId && `${event.organizationId}|${event.name}|${event.uniqueId}`;
    const duplicateOf = unique && this.uniqueIds.get(unique);
    if (duplicateOf) return this.outcomeOf(event, { verdict: 'duplicate', duplicateOf });
    if (this.used >= this.cap) return this.outcomeOf(event, { verdict: 'over_limit' });
    this.used += 1;
    if (unique) this.uniqueIds.set(unique, event.eventId);
    const outcome = this.outcomeOf(event, { verdict: 'admitted' });
    this.admitted.set(event.eventId, outcome);
    return outcome;
  }

  private outcomeOf(event: EventFacts, verdict: NonNullable<Verdict>): Outcome {
    return {
      correlation: '',
      eventId: event.eventId,
      verdict: 'admitted',
      workflowsTriggered: 0,
      executionsResumed: 0,
      monthUsed: this.used,
      ...verdict,
    };
  }
}
