import { parsePosition, type UsageNotice } from '@trackline/contracts';
import { uuidArray, type Database, type QueryResult, type Statement } from '@trackline/postgres';
import type { Candidate } from '../../domain/candidate.ts';
import { decodeJournal } from '../../domain/journal.ts';
import type { LedgerBatch } from '../../domain/ledger-batch.ts';
import type { LogMark } from '../../domain/log-mark.ts';
import type { RaisedNotice } from '../../domain/usage-notice.ts';
import type { DeadLetter } from '../../domain/verdict.ts';
import type {
  CommitOutcome,
  JournalledBatch,
  KnownIdentities,
  Ledger,
  SeededMonth,
  Standing,
} from '../../ports.ts';
import { CommitQueue } from './commit-queue.ts';
import { commitVerdicts } from './commit-verdicts.ts';
import { seedOnce } from './seed-once.ts';
import { orUnavailable } from './unavailable.ts';

/** The ledger in Postgres, schema `dedup_meter`: the commit point of every verdict. */
export class PostgresLedger implements Ledger {
  private readonly database: Database;
  private readonly queue: CommitQueue;
  private seeding: Promise<void> = Promise.resolve();

  constructor(database: Database) {
    this.database = database;
    this.queue = new CommitQueue(commitVerdicts(database));
  }

  async raiseTerm(source: string): Promise<Standing> {
    const { rows } = await this.ask<StandingRow>({
      name: 'raise_term',
      text: `SELECT r.id, r.term, r.done, r.epoch, m.source_offset,
                    floor(extract(epoch FROM m.received_at) * 1000)::bigint AS received_ms
               FROM dedup_meter.raise_term($1) r LEFT JOIN dedup_meter.source_mark m ON m.source = r.id`,
      values: [source],
    });
    const { id, term, done, epoch, source_offset: offset, received_ms: receivedAtMs } = rows[0]!;
    const standing = { sourceId: id, term, done, epoch };
    return offset === null || receivedAtMs === null
      ? standing
      : { ...standing, mark: { offset, receivedAtMs } };
  }

  commit(batch: LedgerBatch): Promise<CommitOutcome> {
    return orUnavailable(this.queue.commit(batch));
  }

  async mark(sourceId: number, { offset, receivedAtMs }: LogMark): Promise<void> {
    await this.ask({
      name: 'mark_source',
      text: `INSERT INTO dedup_meter.source_mark (source, source_offset, received_at) VALUES ($1, $2, to_timestamp($3 / 1000.0))
               ON CONFLICT (source) DO UPDATE SET source_offset = excluded.source_offset, received_at = excluded.received_at`,
      values: [sourceId, offset, receivedAtMs],
    });
  }

  async endEpoch(epoch: number): Promise<boolean> {
    const { rows } = await this.ask<{ ended: boolean }>({
      text: 'SELECT dedup_meter.end_epoch($1) AS ended',
      values: [epoch],
    });
    return rows[0]!.ended;
  }

  /** One at a time in a process: each holds a connection while it needs another. */
  seedOnce(
    organizationIds: readonly string[],
    month: string,
    epoch: number,
    write: (months: readonly SeededMonth[]) => Promise<void>,
  ): Promise<void> {
    const turn = this.seeding.then(() =>
      orUnavailable(seedOnce(this.database, { organizationIds, month, epoch }, write)),
    );
    this.seeding = turn.catch(() => undefined);
    return turn;
  }

  async committedShares(
    sourceId: number,
    month: string,
    organizationIds: readonly string[],
  ): Promise<Map<string, number>> {
    const { rows } = await this.ask<{ organization_id: string; used: number }>({
      name: 'committed_shares',
      text: `
        SELECT organization_id, sum(used)::bigint AS used FROM dedup_meter.usage
         WHERE organization_id = ANY ($1::uuid[]) AND source = $2
           AND day >= $3::date AND day < $3::date + interval '1 month'
         GROUP BY organization_id`,
      values: [uuidArray(organizationIds, (id) => id), sourceId, `${month}-01`],
    });
    return new Map(rows.map((row) => [row.organization_id, row.used]));
  }

  async journal(sourceId: number, fromOffset: number, toOffset: number): Promise<JournalledBatch> {
    const range = [sourceId, fromOffset, toOffset];
    const [batches, letters, notices] = await Promise.all([
      this.ask<{ first_offset: number; entries: Buffer }>({
        text: `SELECT first_offset, entries FROM dedup_meter.journal
                WHERE source = $1 AND last_offset >= $2 AND first_offset <= $3 ORDER BY first_offset`,
        values: range,
      }),
      this.ask<{ source_offset: number; reason: DeadLetter['reason']; detail: string }>({
        text: `SELECT source_offset, reason, detail FROM dedup_meter.dead_letter
                WHERE source = $1 AND source_offset BETWEEN $2 AND $3`,
        values: range,
      }),
      this.ask<NoticeRow>({
        text: `SELECT organization_id, to_char(month, 'YYYY-MM') AS month, threshold, used, monthly_limit,
                      floor(extract(epoch FROM at) * 1000)::bigint AS at_ms, source_offset
                 FROM dedup_meter.notice WHERE source = $1 AND source_offset BETWEEN $2 AND $3`,
        values: range,
      }),
    ]);
    return {
      entries: batches.rows
        .flatMap(({ first_offset, entries }) => decodeJournal(first_offset, entries))
        .filter(({ offset }) => offset >= fromOffset && offset <= toOffset),
      deadLetters: new Map(
        letters.rows.map(({ source_offset, reason, detail }) => [
          source_offset,
          { kind: 'dead_letter', reason, detail },
        ]),
      ),
      notices: notices.rows.map(toNotice),
    };
  }

  async lookUp(candidates: readonly Candidate[]): Promise<KnownIdentities> {
    const organizationOf = new Map<string, string>();
    const receivedAt = new Map<string, number>();
    for (const { event, unique } of candidates) {
      organizationOf.set(event.eventId, event.organizationId);
      if (unique === undefined) continue;
      organizationOf.set(unique, event.organizationId);
      receivedAt.set(unique, Math.min(receivedAt.get(unique) ?? Infinity, event.receivedAtMs));
    }
    const events = this.ask<{ event_id: string; contact_id: string; position: string }>({
      name: 'look_up_events',
      text: `SELECT event_id, contact_id, s.name || '@' || source_offset AS position
               FROM dedup_meter.event_identity JOIN dedup_meter.source s ON s.id = source
              WHERE event_id = ANY ($1::uuid[])`,
      values: [uuidArray(candidates, ({ event }) => event.eventId)],
    });
    const uniques = this.ask<{ identity: string; event_id: string; expires_ms: number }>({
      name: 'look_up_uniques',
      text: `SELECT identity, event_id, floor(extract(epoch FROM received_at + interval '24 months') * 1000)::bigint AS expires_ms
               FROM dedup_meter.unique_identity WHERE identity = ANY ($1::uuid[])`,
      values: [uuidArray([...receivedAt.keys()], (identity) => identity)],
    });
    const [{ rows: eventRows }, { rows: uniqueRows }] = await Promise.all([
      events,
      receivedAt.size === 0 ? { rows: [] } : uniques,
    ]);
    return {
      events: eventRows.map(({ event_id, contact_id, position }) => ({
        organizationId: organizationOf.get(event_id)!,
        eventId: event_id,
        contactId: contact_id,
        first: parsePosition(position),
      })),
      uniques: uniqueRows
        .filter(({ identity, expires_ms }) => receivedAt.get(identity)! <= expires_ms)
        .map(({ identity, event_id, expires_ms }) => ({
          organizationId: organizationOf.get(identity)!,
          identity,
          eventId: event_id,
          expiresAtMs: expires_ms,
        })),
    };
  }

  private ask<Row extends object>(statement: Statement): Promise<QueryResult<Row>> {
    return orUnavailable(this.database.query<Row>(statement));
  }
}

interface StandingRow {
  id: number;
  term: number;
  done: number;
  epoch: number;
  source_offset: number | null;
  received_ms: number | null;
}

interface NoticeRow {
  organization_id: string;
  month: string;
  threshold: UsageNotice['thresholdPercent'];
  used: number;
  monthly_limit: number;
  at_ms: number;
  source_offset: number;
}

const toNotice = (row: NoticeRow): RaisedNotice => ({
  organizationId: row.organization_id,
  month: row.month,
  thresholdPercent: row.threshold,
  used: row.used,
  monthlyLimit: row.monthly_limit,
  atMs: row.at_ms,
  offset: row.source_offset,
});
