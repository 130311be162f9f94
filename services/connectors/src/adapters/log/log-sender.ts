import type { Logger } from '@trackline/observability';
import { shownAction } from '../../domain/shown.ts';
import type { Sender } from '../../ports.ts';

/** For actions of which nobody has said how they are to be sent. */
export const logSender =
  (logger: Logger): Sender =>
  async ({ action }) => {
    const { id, organizationId, executionId, stepId, kind } = action;
    const would = shownAction(action);
    logger.info(
      { actionId: id, organizationId, executionId, stepId, kind, would },
      `${kind} not sent: no credentials are set`,
    );
    return { kind: 'logged', detail: { message: 'No credentials are set: it was shown in the log.' } };
  };
