import { Controller, Inject, Param, Query } from '@nestjs/common';
import {
  getDelivery,
  listDeliveries,
  pageSize,
  Problem,
  type Delivery,
  type DeliveryStatus,
} from '@trackline/contracts';
import { CurrentOrganization, type Organization } from '@trackline/directory';
import { Route } from '@trackline/http';
import type { DeliveryRecord } from '../../domain/delivery.ts';
import type { DeliveryReader } from '../../ports.ts';

export const DELIVERY_READER = Symbol('DeliveryReader');

interface DeliveriesQuery {
  status?: DeliveryStatus;
  executionId?: string;
  limit?: string;
  cursor?: string;
}

@Controller()
export class DeliveriesController {
  constructor(@Inject(DELIVERY_READER) private readonly deliveries: DeliveryReader) {}

  @Route(listDeliveries)
  async list(
    @CurrentOrganization() { id }: Organization,
    @Query() { status, executionId, limit, cursor }: DeliveriesQuery,
  ) {
    const size = pageSize(limit);
    const before = toPlace(cursor);
    // One more than asked for, to know whether there is a next page.
    const found = await this.deliveries.list(id, { status, executionId, before, limit: size + 1 });
    const items = found.slice(0, size);
    const last = found.length > size ? items.at(-1) : undefined;
    return { items: items.map(toAnswer), nextCursor: last ? toCursor(last.sequence) : null };
  }

  @Route(getDelivery)
  async get(@CurrentOrganization() { id }: Organization, @Param('id') deliveryId: string): Promise<Delivery> {
    const found = await this.deliveries.find(id, deliveryId);
    if (!found) throw new Problem('NOT_FOUND', 'There is no such delivery.');
    return toAnswer(found);
  }
}

const toCursor = (sequence: number): string => Buffer.from(String(sequence)).toString('base64url');

function toPlace(cursor: string | undefined): number | undefined {
  if (cursor === undefined) return undefined;
  const text = Buffer.from(cursor, 'base64url').toString('latin1');
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new Problem(
    'VALIDATION_FAILED',
    'The cursor is not one of ours: give nextCursor of the page before.',
  );
}

const toAnswer = (record: DeliveryRecord): Delivery => ({
  id: record.id,
  kind: record.kind,
  status: record.status,
  destination: record.destination,
  contactId: record.contactId,
  ...record.cause,
  attempts: record.attempts,
  acceptedAt: record.acceptedAt.toISOString(),
  ...(record.nextAttemptAt && { nextAttemptAt: record.nextAttemptAt.toISOString() }),
  ...(record.endedAt && { endedAt: record.endedAt.toISOString() }),
  ...(record.providerMessageId !== null && { providerMessageId: record.providerMessageId }),
  ...(record.detail !== null && { detail: record.detail }),
});
