import { Controller, Inject } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import {
  ACTIONS_COMPLETED,
  ADMITTED,
  CONTACTS,
  CONVERSATIONS,
  EXECUTIONS,
  REFUSED,
} from '@trackline/contracts';
import { BatchHandler, PoisonMessage, type MessageBatch } from '@trackline/kafka';
import { flowMetrics, type FlowMetrics, type Metrics } from '@trackline/observability';
import type { Poison } from '../../pipeline/poison.ts';
import type { Recorded } from '../../pipeline/record-judged.ts';

type Flow = (batch: MessageBatch) => Promise<Recorded | Poison>;

/** One flow per topic. */
export interface TimelineFlows {
  readonly recordAdmitted: Flow;
  readonly recordRefused: Flow;
  readonly recordEffects: Flow;
  readonly recordContactFacts: Flow;
  readonly recordConversations: Flow;
  readonly recordActions: Flow;
}

export const TIMELINE_FLOWS = Symbol('TimelineFlows');
export const METRICS = Symbol('Metrics');

@Controller()
export class TimelineConsumer {
  private readonly flows: TimelineFlows;
  private readonly measured: Readonly<Record<keyof TimelineFlows, FlowMetrics>>;

  constructor(@Inject(TIMELINE_FLOWS) flows: TimelineFlows, @Inject(METRICS) metrics: Metrics) {
    this.flows = flows;
    this.measured = {
      recordAdmitted: flowMetrics(metrics, 'admitted'),
      recordRefused: flowMetrics(metrics, 'refused'),
      recordEffects: flowMetrics(metrics, 'executions'),
      recordContactFacts: flowMetrics(metrics, 'contacts'),
      recordConversations: flowMetrics(metrics, 'conversations'),
      recordActions: flowMetrics(metrics, 'actions'),
    };
  }

  @BatchHandler(ADMITTED)
  admitted(@Payload() batch: MessageBatch): Promise<void> {
    return this.run('recordAdmitted', batch);
  }

  @BatchHandler(REFUSED)
  refused(@Payload() batch: MessageBatch): Promise<void> {
    return this.run('recordRefused', batch);
  }

  @BatchHandler(EXECUTIONS)
  executions(@Payload() batch: MessageBatch): Promise<void> {
    return this.run('recordEffects', batch);
  }

  @BatchHandler(CONTACTS)
  contacts(@Payload() batch: MessageBatch): Promise<void> {
    return this.run('recordContactFacts', batch);
  }

  @BatchHandler(CONVERSATIONS)
  conversations(@Payload() batch: MessageBatch): Promise<void> {
    return this.run('recordConversations', batch);
  }

  @BatchHandler(ACTIONS_COMPLETED)
  actions(@Payload() batch: MessageBatch): Promise<void> {
    return this.run('recordActions', batch);
  }

  private async run(flow: keyof TimelineFlows, batch: MessageBatch): Promise<void> {
    const measured = this.measured[flow];
    const outcome = await measured.timed('record', () => this.flows[flow](batch));
    if ('reason' in outcome) {
      measured.outcome(outcome.reason);
      throw new PoisonMessage(outcome.offset, outcome.reason, outcome.detail);
    }
    measured.batch(batch.messages.length);
    measured.outcome('written', outcome.written);
    measured.outcome('passed_over', outcome.passedOver);
    measured.outcome(
      'written_before',
      Math.max(0, batch.messages.length - outcome.written - outcome.passedOver),
    );
  }
}
