import { Controller, Inject } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import { ACTIONS_COMPLETED, CONTACTS } from '@trackline/contracts';
import { BatchHandler, DependencyFault, PoisonMessage, type MessageBatch } from '@trackline/kafka';
import type { FlowMetrics } from '@trackline/observability';
import type { Unreadable } from '../../pipeline/decode-events.ts';

/** A flow of batches that keeps nothing between them. */
export interface BatchFlow {
  readonly handle: (
    batch: MessageBatch,
  ) => Promise<
    { readonly tally: Readonly<Record<string, number>> } | Unreadable | { readonly contended: true }
  >;
  readonly metrics: FlowMetrics;
}

export const CONTACTS_FLOW = Symbol('ContactsFlow');
export const COMPLETED_FLOW = Symbol('CompletedFlow');

async function run({ handle, metrics }: BatchFlow, batch: MessageBatch): Promise<void> {
  const done = await handle(batch);
  if ('reason' in done) {
    metrics.outcome('dead_letter');
    throw new PoisonMessage(done.offset, done.reason, done.detail);
  }
  if ('contended' in done) {
    metrics.outcome('contended');
    throw new DependencyFault(
      `Another instance is at work on partition ${batch.partition} of ${batch.topic}.`,
    );
  }
  metrics.batch(batch.messages.length);
  for (const [fate, count] of Object.entries(done.tally)) metrics.outcome(fate, count);
}

@Controller()
export class ContactsConsumer {
  constructor(
    @Inject(CONTACTS_FLOW) private readonly contacts: BatchFlow,
    @Inject(COMPLETED_FLOW) private readonly completed: BatchFlow,
  ) {}

  @BatchHandler(CONTACTS)
  changed(@Payload() batch: MessageBatch): Promise<void> {
    return run(this.contacts, batch);
  }

  @BatchHandler(ACTIONS_COMPLETED)
  ended(@Payload() batch: MessageBatch): Promise<void> {
    return run(this.completed, batch);
  }
}
