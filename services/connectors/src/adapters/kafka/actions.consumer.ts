import { Controller, Inject } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import { ACTIONS_REQUESTED } from '@trackline/contracts';
import { BatchHandler, PoisonMessage, type MessageBatch } from '@trackline/kafka';
import type { FlowMetrics } from '@trackline/observability';
import type { ActionBatch, Poison, Taken } from '../../pipeline/take-actions.ts';

export interface ActionsFlow {
  readonly take: (batch: ActionBatch) => Promise<Taken | Poison>;
  /** Something may be due. */
  readonly onTaken: () => void;
  readonly metrics: FlowMetrics;
}

export const ACTIONS_FLOW = Symbol('ActionsFlow');

@Controller()
export class ActionsConsumer {
  constructor(@Inject(ACTIONS_FLOW) private readonly flow: ActionsFlow) {}

  @BatchHandler(ACTIONS_REQUESTED)
  async requested(@Payload() batch: MessageBatch): Promise<void> {
    const { take, onTaken, metrics } = this.flow;
    const outcome = await metrics.timed('take', () => take(batch));
    if ('reason' in outcome) {
      metrics.outcome(outcome.reason);
      throw new PoisonMessage(outcome.offset, outcome.reason, outcome.detail);
    }
    metrics.batch(batch.messages.length);
    metrics.outcome('taken', outcome.taken);
    metrics.outcome('seen_before', outcome.seenBefore);
    if (outcome.taken > 0) onTaken();
  }
}
