import type { EncodedMessage, RawMessage } from './headers.ts';
import { PROGRESS, USAGE } from '../topics.ts';

/**
 * "Everything that this source partition received before `decidedUpToMs` has been decided, and its admitted events stand in the
 * target partitions below these offsets." Timers wait for it: a timeout fires once no event received before its deadline can still come.
 */
export interface SourceProgress {
  readonly source: string;
  /** Append time of the last decided record, milliseconds since the epoch: taken from records only, never from a clock. */
  readonly decidedUpToMs: number;
  /** Per partition of `events.admitted.v1`: one past the last offset this source's owner has been acknowledged. */
  readonly admittedEnds: Readonly<Record<string, number>>;
}

export const encodeProgress = (progress: SourceProgress): EncodedMessage => ({
  topic: PROGRESS,
  key: progress.source,
  value: JSON.stringify(progress),
  headers: { 'content-type': 'application/json' },
});

export const decodeProgress = (message: RawMessage): SourceProgress =>
  JSON.parse((message.value ?? Buffer.from('{}')).toString('utf8')) as SourceProgress;

/** An organisation crossed a threshold of its monthly limit; sent once per month and threshold. */
export interface UsageNotice {
  readonly organizationId: string;
  /** `2026-11` */
  readonly month: string;
  readonly thresholdPercent: 80 | 100 | 125;
  readonly used: number;
  readonly monthlyLimit: number;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
}

export const encodeUsageNotice = (notice: UsageNotice): EncodedMessage => ({
  topic: USAGE,
  key: notice.organizationId,
  value: JSON.stringify(notice),
  headers: {
    ce_specversion: '1.0',
    ce_id: `${notice.organizationId}/${notice.month}/${notice.thresholdPercent}`,
    ce_type: 'com.trackline.usage.noticed',
    ce_source: `/organizations/${notice.organizationId}/usage`,
    ce_time: new Date(notice.atMs).toISOString(),
    'content-type': 'application/json',
  },
});
