import { isDataFault, type Database } from '@trackline/postgres';
import type { ClaimedDelivery } from '../../domain/delivery.ts';
import type { Ending } from '../../ports.ts';
import { toJson } from './json-text.ts';

/** Locks in the order in which a batch of requests that come again does: else each could wait for the other. */
const END = `
  WITH given AS (
    SELECT * FROM unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::text[])
      AS g (id, lease, status, provider_message_id, detail)
  ), locked AS (
    SELECT g.* FROM connectors.delivery d JOIN given g ON d.id = g.id AND d.lease = g.lease
    ORDER BY d.id FOR UPDATE OF d
  ), ended AS (
    UPDATE connectors.delivery d SET status = g.status, provider_message_id = g.provider_message_id, detail = g.detail::json,
      ended_at = now(), next_attempt_at = NULL, lease = NULL, action = NULL
    FROM locked g WHERE d.id = g.id AND d.lease = g.lease
    RETURNING g.lease, d.id
  ), told AS (
    INSERT INTO connectors.outbox (message)
    SELECT m.message::json FROM unnest($6::text[], $7::uuid[], $8::text[]) WITH ORDINALITY AS m (id, lease, message, at)
    JOIN ended e ON e.id = m.id AND e.lease = m.lease
    ORDER BY m.at
  )
  SELECT id, lease FROM ended
`;

interface Waiting {
  readonly delivery: Pick<ClaimedDelivery, 'action' | 'lease'>;
  readonly ending: Ending;
  readonly resolve: (isEnded: boolean) => void;
  readonly reject: (error: unknown) => void;
}

const MAX_ROWS = 200;

/**
 * Ends deliveries; those that come while a statement is under way share the next one: with many at once the database commits a few times a
 * second instead of once for each.
 */
export class EndingWriter {
  private readonly database: Database;
  private readonly wakeBehind: (ids: readonly string[]) => Promise<void>;
  private waiting: Waiting[] = [];
  private isWriting = false;

  /** `wakeBehind` is told of what has ended, for those that stand behind it. */
  constructor(database: Database, wakeBehind: (ids: readonly string[]) => Promise<void>) {
    this.database = database;
    this.wakeBehind = wakeBehind;
  }

  /** `false`: the lease was lost. */
  end(delivery: Waiting['delivery'], ending: Ending): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ delivery, ending, resolve, reject });
      if (!this.isWriting) void this.writeAll();
    });
  }

  private async writeAll(): Promise<void> {
    this.isWriting = true;
    while (this.waiting.length > 0) await this.write(this.waiting.splice(0, MAX_ROWS));
    this.isWriting = false;
  }

  private async write(some: readonly Waiting[]): Promise<void> {
    try {
      const { rows } = await this.database.query<{ id: string; lease: string }>({
        name: 'connectors.end',
        text: END,
        values: toColumns(some),
      });
      await this.wakeBehind(rows.map(({ id }) => id));
      const ended = new Set(rows.map(({ id, lease }) => `${lease} ${id}`));
      for (const { delivery, resolve } of some) resolve(ended.has(`${delivery.lease} ${delivery.action.id}`));
    } catch (error) {
      // What the database cannot hold of one is no fault of the others.
      if (isDataFault(error) && some.length > 1) for (const one of some) await this.write([one]);
      else for (const { reject } of some) reject(error);
    }
  }
}

function toColumns(some: readonly Waiting[]): unknown[] {
  const messages = some.flatMap(({ delivery, ending }) =>
    ending.messages.map((message) => ({ delivery, text: toJson(message) })),
  );
  return [
    some.map(({ delivery }) => delivery.action.id),
    some.map(({ delivery }) => delivery.lease),
    some.map(({ ending }) => ending.status),
    some.map(({ ending }) => ending.providerMessageId?.replaceAll('\0', '').toWellFormed() ?? null),
    some.map(({ ending }) => toJson(ending.detail)),
    messages.map(({ delivery }) => delivery.action.id),
    messages.map(({ delivery }) => delivery.lease),
    messages.map(({ text }) => text),
  ];
}
