import { isTooOld, outcomeOfEvents, toEvents } from '../../domain/conversion.ts';
import type { Sender } from '../../ports.ts';
import { callGraph, type GraphSettings } from './call-graph.ts';

/** One event to Meta's Conversions API, by the dataset and the token that its channel has now. */
export const conversionSender =
  (settings: GraphSettings): Sender =>
  async ({ action }, credentials) => {
    if (action.kind !== 'conversion') throw new Error('Only conversions are told to Meta.');
    if (credentials?.kind !== 'conversion') {
      const message = 'The channel is gone, or its conversionFeedback is off.';
      return { kind: 'never', reason: 'switched_off', detail: { message } };
    }
    if (isTooOld(action, settings.nowMs())) {
      const message = 'Meta takes no event that is older than 7 days.';
      return { kind: 'never', reason: 'too_old', detail: { message } };
    }
    const { datasetId, wabaId, accessToken } = credentials;
    const body = toEvents(action, wabaId);
    return callGraph(settings, { path: `${datasetId}/events`, accessToken, body }, outcomeOfEvents);
  };
