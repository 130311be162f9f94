import type { RawMessage } from '@trackline/contracts';

/** A record of a source partition, by which its log is known again. */
export interface LogMark {
  readonly offset: number;
  readonly receivedAtMs: number;
}

/** Leaders of a partition may differ by this much in their clocks. */
const CLOCK_TOLERANCE_MS = 10_000;

/**
 * The first message that shows that this is not the log of the mark: what stands at or below its offset was received with it or before. A topic that is made
 * anew begins with offset 0 at a later time; without this, everything up to the old offset would pass for judged.
 */
export const strangerTo = (mark: LogMark, messages: readonly RawMessage[]): RawMessage | undefined =>
  messages.find(
    ({ offset, timestampMs }) =>
      offset <= mark.offset &&
      (offset === mark.offset
        ? timestampMs !== mark.receivedAtMs
        : timestampMs > mark.receivedAtMs + CLOCK_TOLERANCE_MS),
  );
