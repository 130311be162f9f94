import { ADMITTED, contactKey, encodeAdmitted, partitionOf, sourceName } from '@trackline/contracts';
import { uuidv7 } from '@trackline/kernel';
import { PARTITIONS, type Stage } from './stage.ts';

/** What dedup-meter would have admitted. */
export interface Fed {
  readonly organizationId: string;
  readonly contactId: string;
  readonly name: string;
  /** JSON text of an object. */
  readonly properties?: string;
  /** `<partition of outcomes.v1>/<correlation>`, of one who waits for the answer. */
  readonly replyTo?: string;
}

const AT_ONCE = 5_000;
const GENERATION = 1;

/**
 * Writes admitted events as dedup-meter does, positions and all, so that a scenario can look at what stands behind it alone. To another
 * topic of the same shape they can go too: a baseline's.
 */
export class AdmittedFeed {
  /** Of the source, per partition. */
  private readonly offsets = Array.from({ length: PARTITIONS.contact }, () => 0);
  readonly stage: Stage;
  private readonly topic: string;

  constructor(stage: Stage, topic: string = ADMITTED) {
    this.stage = stage;
    this.topic = topic;
  }

  get published(): number {
    return this.offsets.reduce((sum, offset) => sum + offset, 0);
  }

  async publish(events: readonly Fed[]): Promise<void> {
    for (let from = 0; from < events.length; from += AT_ONCE)
      await this.stage.publisher.publish(
        events.slice(from, from + AT_ONCE).map((event) => this.encode(event)),
      );
  }

  /** How many of them trigger has put behind it. */
  passedByTrigger(): Promise<number> {
    return this.stage.count(
      `SELECT coalesce(sum(source_offset + 1), 0)::bigint AS n FROM trigger.position WHERE topic = $1`,
      [this.topic],
    );
  }

  private encode({ organizationId, contactId, name, properties = '{}', replyTo }: Fed) {
    const partition = partitionOf(contactKey(organizationId, contactId), PARTITIONS.contact);
    const offset = this.offsets[partition]!;
    this.offsets[partition] = offset + 1;
    const nowMs = Date.now();
    const message = encodeAdmitted({
      ...{ eventId: uuidv7(nowMs), organizationId, contactId, name, properties },
      source: `/organizations/${organizationId}/http`,
      backfill: false,
      occurredAtMs: nowMs,
      receivedAtMs: nowMs,
      position: { source: sourceName('received', GENERATION, partition), offset },
      monthUsed: 1,
      ...(replyTo !== undefined && { replyTo }),
    });
    return { ...message, topic: this.topic, partition };
  }
}
