import type { Database } from '@trackline/postgres';
import type { LedgerBatch } from '../../domain/ledger-batch.ts';
import type { RaisedNotice } from '../../domain/usage-notice.ts';
import type { CommitOutcome } from '../../ports.ts';
import { toArray, toTextArray } from './array-literal.ts';

const FENCED = 'TL001';
const IDENTITY_KNOWN = 'TL002';
/** Two batches of the transaction carry the same unique id: an upsert may not touch a row twice. */
const ROW_TWICE = '21000';

const TEXT = `SELECT organization_id, month, threshold, source FROM dedup_meter.commit_verdicts(${Array.from({ length: 29 }, (_, i) => `$${i + 1}`).join(', ')})`;

interface NoticeRow {
  organization_id: string;
  month: string;
  threshold: number;
  source: number;
}

/** All batches in one transaction of one statement, or none. Rows go in sorted order, so that two transactions cannot wait for each other. */
export const commitVerdicts =
  (database: Database) =>
  async (batches: readonly LedgerBatch[]): Promise<CommitOutcome[]> => {
    try {
      const { rows } = await database.query<NoticeRow>({
        name: 'commit_verdicts',
        text: TEXT,
        values: toValues(batches),
      });
      return batches.map(({ sourceId, notices }) => ({
        kind: 'committed',
        notices: notices.filter(raisedBy(sourceId, rows)),
      }));
    } catch (error) {
      const code = (error as { code?: unknown }).code;
      if (code === FENCED) return batches.map(() => ({ kind: 'fenced' }));
      if (code === IDENTITY_KNOWN || code === ROW_TWICE)
        return batches.map(() => ({ kind: 'identity_known' }));
      throw error;
    }
  };

const raisedBy = (sourceId: number, rows: readonly NoticeRow[]) => (notice: RaisedNotice) =>
  rows.some(
    ({ organization_id, month, threshold, source }) =>
      source === sourceId &&
      organization_id === notice.organizationId &&
      month.startsWith(notice.month) &&
      threshold === notice.thresholdPercent,
  );

const byText =
  <Row>(key: (row: Row) => string) =>
  (a: Row, b: Row): number =>
    key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0;

function toValues(unsorted: readonly LedgerBatch[]): unknown[] {
  const batches = [...unsorted].sort((a, b) => a.sourceId - b.sourceId);
  const rowsOf = <Row>(pick: (batch: LedgerBatch) => readonly Row[], key: (row: Row) => string) =>
    batches
      .flatMap((batch) => pick(batch).map((row) => ({ row, sourceId: batch.sourceId })))
      .sort(byText(({ row }) => key(row)));
  const events = rowsOf(
    (batch) => batch.events,
    ({ eventId }) => eventId,
  );
  const uniques = rowsOf(
    (batch) => batch.uniques,
    ({ identity }) => identity,
  );
  const usage = rowsOf(
    (batch) => batch.usage,
    ({ organizationId, day }) => organizationId + day,
  );
  const notices = rowsOf(
    (batch) => batch.notices,
    ({ organizationId, thresholdPercent }) => organizationId + thresholdPercent,
  );
  const letters = rowsOf(
    (batch) => batch.deadLetters,
    () => '',
  );
  return [
    toArray(batches, ({ sourceId }) => sourceId),
    toArray(batches, ({ term }) => term),
    toArray(batches, ({ firstOffset }) => firstOffset),
    toArray(batches, ({ lastOffset }) => lastOffset),
    toArray(batches, ({ trimBelow }) => trimBelow ?? 'NULL'),
    toArray(batches, ({ journal }) => (journal.length === 0 ? 'NULL' : `"\\\\x${journal.toString('hex')}"`)),
    toArray(events, ({ row }) => row.eventId),
    toArray(events, ({ row }) => row.contactId),
    toArray(events, ({ sourceId }) => sourceId),
    toArray(events, ({ row }) => row.offset),
    toArray(uniques, ({ row }) => row.identity),
    toArray(uniques, ({ row }) => row.eventId),
    toArray(uniques, ({ row }) => row.receivedAtMs),
    toArray(usage, ({ row }) => row.organizationId),
    toArray(usage, ({ row }) => row.day),
    toArray(usage, ({ sourceId }) => sourceId),
    toArray(usage, ({ row }) => row.used),
    toArray(notices, ({ row }) => row.organizationId),
    toArray(notices, ({ row }) => `${row.month}-01`),
    toArray(notices, ({ row }) => row.thresholdPercent),
    toArray(notices, ({ row }) => row.used),
    toArray(notices, ({ row }) => row.monthlyLimit),
    toArray(notices, ({ row }) => row.atMs),
    toArray(notices, ({ sourceId }) => sourceId),
    toArray(notices, ({ row }) => row.offset),
    toArray(letters, ({ sourceId }) => sourceId),
    toArray(letters, ({ row }) => row.offset),
    toTextArray(letters, ({ row }) => row.reason),
    toTextArray(letters, ({ row }) => row.detail),
  ];
}
