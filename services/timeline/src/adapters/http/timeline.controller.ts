import { Controller, Inject, Param, Query } from '@nestjs/common';
import {
  getReceipt,
  getTimeline,
  listReceipts,
  pageSize,
  Problem,
  type Receipt,
  type ReceiptsQuery,
  type TimelineItem,
  type TimelineQuery,
} from '@trackline/contracts';
import { CurrentOrganization, type Organization } from '@trackline/directory';
import { Route } from '@trackline/http';
import type { Clock } from '@trackline/kernel';
import { toReadRequest, type ReadRequest } from '../../domain/read-request.ts';
import { toTimelineItem } from '../../domain/receipt.ts';
import type { FilledPage } from '../../pipeline/fill-page.ts';
import type { findReceipt } from '../../pipeline/find-receipt.ts';
import type { listReceipts as listReceiptsFlow } from '../../pipeline/list-receipts.ts';
import type { readReceipt } from '../../pipeline/read-receipt.ts';
import type { readTimeline } from '../../pipeline/read-timeline.ts';

export interface TimelineReads {
  readonly readReceipt: ReturnType<typeof readReceipt>;
  readonly findReceipt: ReturnType<typeof findReceipt>;
  readonly listReceipts: ReturnType<typeof listReceiptsFlow>;
  readonly readTimeline: ReturnType<typeof readTimeline>;
  readonly clock: Clock;
}

export const TIMELINE_READS = Symbol('TimelineReads');

@Controller()
export class TimelineController {
  private readonly reads: TimelineReads;

  constructor(@Inject(TIMELINE_READS) reads: TimelineReads) {
    this.reads = reads;
  }

  @Route(listReceipts)
  async list(
    @CurrentOrganization() organization: Organization,
    @Query() query: ReceiptsQuery,
  ): Promise<FilledPage<Receipt>> {
    const request = this.request(query);
    const { source, sourceId } = query;
    if (sourceId === undefined) return this.reads.listReceipts(organization.id, request);
    if (source === undefined) {
      const message = 'A sourceId means something at its source only: give "source" too.';
      throw new Problem('VALIDATION_FAILED', message, { details: [{ path: '/source', message }] });
    }
    return {
      items: await this.reads.findReceipt(organization.id, source, sourceId, request),
      nextCursor: null,
    };
  }

  @Route(getReceipt)
  async receipt(
    @CurrentOrganization() organization: Organization,
    @Param('id') id: string,
  ): Promise<Receipt> {
    const receipt = await this.reads.readReceipt(organization.id, id);
    if (receipt) return receipt;
    throw new Problem(
      'NOT_FOUND',
      'There is no verdict on such an event, or not yet: try again in a second.',
      {
        headers: { 'retry-after': '1' },
      },
    );
  }

  @Route(getTimeline)
  async timeline(
    @CurrentOrganization() organization: Organization,
    @Param('id') id: string,
    @Query() query: TimelineQuery,
  ): Promise<FilledPage<TimelineItem>> {
    const request = this.request(query);
    const page = await this.reads.readTimeline(organization.id, id, request);
    if (!page) throw new Problem('NOT_FOUND', 'There is no such contact.');
    return { items: page.items.map(toTimelineItem), nextCursor: page.nextCursor };
  }

  private request(query: TimelineQuery & { source?: string }): ReadRequest {
    const request = toReadRequest(query, pageSize(query.limit), this.reads.clock.now());
    if (request.ok) return request.value;
    const details = request.error;
    throw new Problem('VALIDATION_FAILED', `The query is not right: ${details[0]!.message}`, { details });
  }
}
