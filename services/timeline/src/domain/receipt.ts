import type { EventAttribution, Receipt, TimelineItem } from '@trackline/contracts';
import type { StoredEffect, StoredEvent, StoredRefusal } from './stored-event.ts';

const told = (event: StoredEvent): TimelineItem => ({
  id: event.id,
  name: event.name,
  properties: event.properties,
  occurredAt: new Date(event.occurredAtMs).toISOString(),
  receivedAt: new Date(event.receivedAtMs).toISOString(),
  source: event.source,
  ...(event.uniqueId === null ? undefined : { uniqueId: event.uniqueId }),
});

export const toTimelineItem = told;

export const isRefusal = (event: StoredEvent | StoredRefusal): event is StoredRefusal => 'verdict' in event;

const count = (effects: readonly StoredEffect[], effect: StoredEffect['effect']): number =>
  effects.filter((one) => one.effect === effect).length;

/** `contactId` is who the event's contact is by now. */
export const toReceipt = (
  event: StoredEvent | StoredRefusal,
  contactId: string,
  effects: readonly StoredEffect[],
  attribution?: EventAttribution,
): Receipt => ({
  ...told(event),
  contactId,
  ...(event.clientId === null ? undefined : { sourceId: event.clientId }),
  verdict: isRefusal(event) ? event.verdict : 'admitted',
  ...(isRefusal(event) && event.duplicateOf !== null ? { duplicateOf: event.duplicateOf } : undefined),
  workflowsTriggered: count(effects, 'started'),
  executionsResumed: count(effects, 'resumed'),
  executions: effects.map(({ executionId, workflowId, effect, reason }) => ({
    id: executionId,
    workflowId,
    effect,
    ...(reason === null ? undefined : { reason }),
  })),
  ...(attribution === undefined ? undefined : { attribution }),
});
