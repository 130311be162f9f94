import type { CompletedAction } from '@trackline/contracts';
import type { StepVisit } from './execution.ts';

/** The step that requested the action, with how that ended. Told again it stays as it is. */
export function withDelivery(
  visit: StepVisit,
  { id, kind, status, attempts, providerMessageId, detail, completedAtMs }: CompletedAction,
): StepVisit {
  const delivery = {
    actionId: id,
    kind,
    status,
    attempts,
    ...(providerMessageId !== undefined && { providerMessageId }),
    ...(detail && { detail }),
    completedAt: new Date(completedAtMs).toISOString(),
  };
  return {
    ...visit,
    status: status === 'failed' ? 'failed' : visit.status,
    detail: { ...visit.detail, ...(status === 'failed' && { reason: 'not_delivered' }), delivery },
  };
}
