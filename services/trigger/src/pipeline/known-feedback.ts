import type { Click, FeedbackTerms } from '@trackline/contracts';
import {
  conversionEventOf,
  isTooOld,
  NO_FEEDBACK,
  occurredAt,
  ownClick,
  type FeedbackWorld,
} from '../domain/conversion.ts';
import type { IncomingEvent } from '../domain/decide-events.ts';
import type { ConversionFeedback } from '../ports.ts';

const HOUR_MS = 3_600_000;

export interface FeedbackSettings {
  /** So long a change of a channel, or of an organisation's settings, may go unnoticed. */
  readonly checkMs: number;
  readonly nowMs: () => number;
}

/**
 * Who wants Meta to be told, in memory: all of them are read anew every few seconds, as long as there are events at all. An event of
 * an organisation that does not want it costs one look into a map, which is empty where nobody does.
 */
export class KnownFeedback {
  private readonly source: ConversionFeedback;
  private readonly settings: FeedbackSettings;
  private terms: ReadonlyMap<string, FeedbackTerms> = new Map();
  private readAtMs = Number.NEGATIVE_INFINITY;

  constructor(source: ConversionFeedback, settings: FeedbackSettings) {
    this.source = source;
    this.settings = settings;
  }

  /** For events that are new: of none of them has Meta been told. */
  async load(events: readonly IncomingEvent[]): Promise<FeedbackWorld> {
    if (events.length === 0) return NO_FEEDBACK;
    const terms = await this.current();
    if (terms.size === 0) return NO_FEEDBACK;
    const asking = events.flatMap((event) => {
      const own = terms.get(event.organizationId);
      if (!own || !conversionEventOf(event.name, own) || isTooOld(event)) return [];
      return ownClick(event.view().properties) === undefined ? [{ event, own }] : [];
    });
    if (asking.length === 0) return { terms, clicks: new Map() };
    const found = await this.source.lastClicks(
      asking.map(({ event, own }) => ({
        organizationId: event.organizationId,
        contactId: event.contactId,
        fromMs: occurredAt(event) - own.settings.attributionWindowHours * HOUR_MS,
        toMs: occurredAt(event),
        phoneNumberIds: own.channels.map((channel) => channel.phoneNumberId),
      })),
    );
    const clicks = new Map<string, Click>();
    for (const [at, { event }] of asking.entries()) if (found[at]) clicks.set(event.eventId, found[at]);
    return { terms, clicks };
  }

  private async current(): Promise<ReadonlyMap<string, FeedbackTerms>> {
    const nowMs = this.settings.nowMs();
    if (nowMs - this.readAtMs >= this.settings.checkMs) {
      this.terms = await this.source.terms();
      this.readAtMs = nowMs;
    }
    return this.terms;
  }
}
