import { monthEnd, monthOf } from '@trackline/contracts';

export interface MonthRun<Message> {
  /** `2026-11` */
  readonly month: string;
  readonly messages: readonly Message[];
}

/**
 * Splits messages, in order, where the month of receipt changes. Each run is judged and committed before the next: the judge
 * sees repeats within one call and those that were committed, so an event and its repeat on the two sides of midnight must not share a batch.
 */
export function monthRuns<Message extends { readonly timestampMs: number }>(
  messages: readonly Message[],
): MonthRun<Message>[] {
  const runs: { month: string; messages: Message[] }[] = [];
  let fromMs = 0;
  let beforeMs = 0;
  for (const message of messages) {
    if (message.timestampMs < fromMs || message.timestampMs >= beforeMs) {
      const month = monthOf(message.timestampMs);
      fromMs = Date.parse(`${month}-01T00:00:00Z`);
      beforeMs = monthEnd(month);
      runs.push({ month, messages: [] });
    }
    runs.at(-1)!.messages.push(message);
  }
  return runs;
}
