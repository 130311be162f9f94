import { toSentMark } from '@trackline/contracts';
import type { AttemptOutcome } from '../../domain/outcome.ts';
import { outcomeOfGraph, senderOf, toMessage } from '../../domain/whatsapp.ts';
import type { Sender } from '../../ports.ts';
import { callGraph, type GraphSettings } from './call-graph.ts';

/** One messages call of the Cloud API. */
export const whatsappSender =
  (settings: GraphSettings): Sender =>
  async ({ action }, credentials) => {
    if (action.kind !== 'whatsapp' || credentials?.kind !== 'whatsapp')
      throw new Error('A WhatsApp message needs credentials for it.');
    const sender = senderOf(action.request, credentials.phoneNumberId);
    if (sender === undefined) return never('The id of the number that sends is not made of digits.');
    const { workflowId, executionId } = action;
    const body = toMessage(toSentMark({ workflowId, executionId, actionId: action.id }), action.request);
    if (!body) return never('A message needs a body or a template.');
    const { accessToken } = credentials;
    return callGraph(settings, { path: `${sender}/messages`, accessToken, body }, outcomeOfGraph);
  };

const never = (message: string): AttemptOutcome => ({
  kind: 'never',
  reason: 'invalid',
  detail: { message },
});
