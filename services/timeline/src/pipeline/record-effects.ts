import {
  decodeExecution,
  isStorableText,
  type ExecutionProgress,
  type RawMessage,
} from '@trackline/contracts';
import { isUuid } from '@trackline/kernel';
import type { NamedCampaign } from '../domain/message-fact.ts';
import type { EffectWriter, EventEffect, ToldExecution } from '../ports.ts';
import { recordFacts } from './record-facts.ts';

/** Timeouts, manual starts and ends are no effects of an event. */
const isEffect = (progress: ExecutionProgress): progress is EventEffect =>
  progress.eventId !== undefined && progress.effect !== 'ended';

/** A workflow is the automation of its id, and is called as it was when it last began, whatever began it. */
function automationOf(progress: ExecutionProgress): NamedCampaign | undefined {
  const { effect, organizationId, workflowId: id, workflowName: name, atMs } = progress;
  if (effect !== 'started' || typeof name !== 'string' || !isStorableText(name)) return undefined;
  if (!isUuid(organizationId) || !isUuid(id)) return undefined;
  return { organizationId, type: 'automation', id, name, atMs };
}

/** What events did to executions, for their receipts, and how the workflows are called, for the reports. */
export const recordEffects = (writer: EffectWriter, nowMs: () => number) =>
  recordFacts<ToldExecution>({
    decode(message: RawMessage) {
      const progress = decodeExecution(message);
      const automation = automationOf(progress);
      if (!isEffect(progress) && !automation) return undefined;
      return {
        atMs: progress.atMs,
        ...(isEffect(progress) && { effect: progress }),
        ...(automation && { automation }),
      };
    },
    writer,
    nowMs,
  });
