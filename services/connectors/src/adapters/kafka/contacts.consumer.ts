import { Controller, Inject } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import { CONTACTS, type RawMessage } from '@trackline/contracts';
import { BatchHandler, PoisonMessage, type MessageBatch } from '@trackline/kafka';
import type { FlowMetrics } from '@trackline/observability';
import type { Erased, Unreadable } from '../../pipeline/erase-contacts.ts';

export interface ContactsFlow {
  readonly erase: (messages: readonly RawMessage[]) => Promise<Erased | Unreadable>;
  readonly metrics: FlowMetrics;
}

export const CONTACTS_FLOW = Symbol('ContactsFlow');

@Controller()
export class ContactsConsumer {
  constructor(@Inject(CONTACTS_FLOW) private readonly flow: ContactsFlow) {}

  @BatchHandler(CONTACTS)
  async changed(@Payload() batch: MessageBatch): Promise<void> {
    const { erase, metrics } = this.flow;
    const outcome = await erase(batch.messages);
    if ('reason' in outcome) {
      metrics.outcome(outcome.reason);
      throw new PoisonMessage(outcome.offset, outcome.reason, outcome.detail);
    }
    metrics.batch(batch.messages.length);
    metrics.outcome('erased', outcome.erased);
    metrics.outcome('passed_over', batch.messages.length - outcome.erased);
  }
}
