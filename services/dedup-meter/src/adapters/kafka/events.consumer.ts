import { Controller, Inject } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import { INBOUND, RECEIVED } from '@trackline/contracts';
import { BatchHandler, DependencyFault, type MessageBatch } from '@trackline/kafka';
import type { Admission } from '../../pipeline/admit-batch.ts';
import type { Door } from '../../pipeline/doors.ts';
import type { Clockwork } from '../../pipeline/clockwork.ts';
import { Unavailable } from '../../ports.ts';

export interface EventDoors {
  readonly received: Door;
  readonly inbound: Door;
}

export const ADMISSION = Symbol('Admission');
export const EVENT_DOORS = Symbol('EventDoors');
export const CLOCKWORK = Symbol('Clockwork');

/** Hands the batches of both source topics to the flow. */
@Controller()
export class EventsConsumer {
  private readonly admission: Admission;
  private readonly doors: EventDoors;
  private readonly clockwork: Clockwork;

  constructor(
    @Inject(ADMISSION) admission: Admission,
    @Inject(EVENT_DOORS) doors: EventDoors,
    @Inject(CLOCKWORK) clockwork: Clockwork,
  ) {
    this.admission = admission;
    this.doors = doors;
    this.clockwork = clockwork;
  }

  @BatchHandler(RECEIVED)
  received(@Payload() batch: MessageBatch): Promise<void> {
    return this.admit(this.doors.received, batch);
  }

  @BatchHandler(INBOUND)
  inbound(@Payload() batch: MessageBatch): Promise<void> {
    return this.admit(this.doors.inbound, batch);
  }

  private async admit(door: Door, batch: MessageBatch): Promise<void> {
    const finished = this.clockwork.begin(batch);
    try {
      await this.admission.admit(door, batch);
      finished(batch.messages.at(-1)!.offset);
    } catch (error) {
      finished();
      throw error instanceof Unavailable ? new DependencyFault(error.message, { cause: error }) : error;
    }
  }
}
