import { decodeExecution, type ExecutionProgress, type RawMessage } from '@trackline/contracts';
import type { EffectWriter, EventEffect } from '../ports.ts';
import { recordFacts } from './record-facts.ts';

/** Timeouts, manual starts and ends are no effects of an event. */
const isEffect = (progress: ExecutionProgress): progress is EventEffect =>
  progress.eventId !== undefined && progress.effect !== 'ended';

/** What events did to executions, for their receipts. */
export const recordEffects = (writer: EffectWriter, nowMs: () => number) =>
  recordFacts<EventEffect>({
    decode(message: RawMessage) {
      const progress = decodeExecution(message);
      return isEffect(progress) ? progress : undefined;
    },
    writer,
    nowMs,
  });
