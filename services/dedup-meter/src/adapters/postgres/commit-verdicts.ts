import {
  bigintArray,
  byteaArray,
  dateArray,
  intArray,
  smallintArray,
  textArray,
  uuidArray,
  type Database,
} from '@trackline/postgres';
import type { LedgerBatch } from '../../domain/ledger-batch.ts';
import type { RaisedNotice } from '../../domain/usage-notice.ts';
import type { CommitOutcome } from '../../ports.ts';

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
    intArray(batches, ({ sourceId }) => sourceId),
    bigintArray(batches, ({ term }) => term),
    bigintArray(batches, ({ firstOffset }) => firstOffset),
    bigintArray(batches, ({ lastOffset }) => lastOffset),
    bigintArray(batches, ({ trimBelow }) => trimBelow),
    byteaArray(batches, ({ journal }) => (journal.length === 0 ? null : journal)),
    uuidArray(events, ({ row }) => row.eventId),
    uuidArray(events, ({ row }) => row.contactId),
    intArray(events, ({ sourceId }) => sourceId),
    bigintArray(events, ({ row }) => row.offset),
    uuidArray(uniques, ({ row }) => row.identity),
    uuidArray(uniques, ({ row }) => row.eventId),
    bigintArray(uniques, ({ row }) => row.receivedAtMs),
    uuidArray(usage, ({ row }) => row.organizationId),
    dateArray(usage, ({ row }) => row.day),
    intArray(usage, ({ sourceId }) => sourceId),
    bigintArray(usage, ({ row }) => row.used),
    uuidArray(notices, ({ row }) => row.organizationId),
    dateArray(notices, ({ row }) => `${row.month}-01`),
    smallintArray(notices, ({ row }) => row.thresholdPercent),
    bigintArray(notices, ({ row }) => row.used),
    bigintArray(notices, ({ row }) => row.monthlyLimit),
    bigintArray(notices, ({ row }) => row.atMs),
    intArray(notices, ({ sourceId }) => sourceId),
    bigintArray(notices, ({ row }) => row.offset),
    intArray(letters, ({ sourceId }) => sourceId),
    bigintArray(letters, ({ row }) => row.offset),
    textArray(letters, ({ row }) => row.reason),
    textArray(letters, ({ row }) => row.detail),
  ];
}
