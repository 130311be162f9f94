import type { UsageNotice } from '@trackline/contracts';

/** Bounds the memory; past it all is forgotten, and the ledger is asked once more. */
const MAX_NOTICES = 50_000;

/** Notices that this process knows to be raised, so that it need not try each with every batch past a threshold. The ledger decides. */
export class NoticeMemory {
  private readonly raised = new Set<string>();

  has(organizationId: string, month: string, threshold: UsageNotice['thresholdPercent']): boolean {
    return this.raised.has(`${organizationId}/${month}/${threshold}`);
  }

  add({ organizationId, month, thresholdPercent }: UsageNotice): void {
    if (this.raised.size >= MAX_NOTICES) this.raised.clear();
    this.raised.add(`${organizationId}/${month}/${thresholdPercent}`);
  }
}
