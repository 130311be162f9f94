import { Controller, Inject } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import { ADMITTED } from '@trackline/contracts';
import { BatchHandler, DependencyFault, PoisonMessage, type MessageBatch } from '@trackline/kafka';
import type { FlowMetrics } from '@trackline/observability';
import type { Contended, Handled } from '../../pipeline/handle-admitted.ts';
import type { Unreadable } from '../../pipeline/decode-events.ts';
import type { OwnPartitions, PartitionState } from '../../pipeline/partition-state.ts';

export interface AdmittedFlow {
  readonly own: OwnPartitions;
  readonly handle: (batch: MessageBatch, state: PartitionState) => Promise<Handled | Unreadable | Contended>;
  readonly metrics: FlowMetrics;
}

export const ADMITTED_FLOW = Symbol('AdmittedFlow');

@Controller()
export class AdmittedConsumer {
  constructor(@Inject(ADMITTED_FLOW) private readonly flow: AdmittedFlow) {}

  @BatchHandler(ADMITTED, { tellOfPassedOver: true })
  async admitted(@Payload() batch: MessageBatch): Promise<void> {
    const { own, handle, metrics } = this.flow;
    const state = own.of(batch.partition, batch.assignment);
    if (!state) throw new DependencyFault(`Partition ${batch.partition} is not assigned any more.`);
    const done = await handle(batch, state);
    if ('reason' in done) {
      metrics.outcome('dead_letter');
      throw new PoisonMessage(done.offset, done.reason, done.detail);
    }
    if ('contended' in done) {
      metrics.outcome('contended');
      throw new DependencyFault(`Another instance is at work on partition ${batch.partition}.`);
    }
    state.frontier.handled(batch.nextOffset);
    if (batch.messages.length > 0) metrics.batch(batch.messages.length);
    for (const [fate, count] of Object.entries(done.tally)) metrics.outcome(fate, count);
    metrics.outcome('conflict', done.conflicts);
  }
}
