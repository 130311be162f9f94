import type { Logger } from '@trackline/observability';
import { shownAction } from '../../domain/shown.ts';
import type { Sender } from '../../ports.ts';

/** For actions of which nobody has said how they are to be sent. */
export const logSender =
  (logger: Logger): Sender =>
  async ({ action }) => {
    const { id, organizationId, kind } = action;
    const step =
      action.kind === 'conversion' ? {} : { executionId: action.executionId, stepId: action.stepId };
    const would = shownAction(action);
    logger.info(
      { actionId: id, organizationId, ...step, kind, would },
      `${kind} not sent: no credentials are set`,
    );
    return { kind: 'logged', detail: { message: 'No credentials are set: it was shown in the log.' } };
  };
