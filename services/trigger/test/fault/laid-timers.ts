import { randomUUID } from 'node:crypto';
import { contactKey, partitionOf } from '@trackline/contracts';
import { Directory } from '@trackline/directory';
import { createPool, type Database, type Queryable } from '@trackline/postgres';
import { httpClient, PARTITIONS, type Call, type Fleet } from '@trackline/testkit';

const DAY_SECONDS = 86_400;
/** Executions that one statement lays. */
const CHUNK = 25_000;
/** Laid, and undone, to see how long it takes. */
const TRIED = 2_000;
/** A machine becomes slower than it was. */
const MARGIN = 2;
/** After the last is laid. */
const REST_MS = 4_000;
/** Of one contact. */
const EXECUTIONS_EACH = 20;

const settings = { maxConcurrentExecutions: 1_000_000 };
const called = (id: string) => ({ id, type: 'webhook', config: { url: `https://example.com/${id}` } });
const DEFINITIONS = [
  {
    name: 'times out',
    trigger: { type: 'api' },
    settings,
    steps: [
      {
        id: 'wait',
        type: 'wait_for_event',
        config: { eventName: 'answered', timeoutSeconds: DAY_SECONDS },
        branches: { yes: [called('answered')], no: [called('unanswered')] },
      },
    ],
  },
  {
    name: 'goes on later',
    trigger: { type: 'api' },
    settings,
    steps: [{ id: 'pause', type: 'delay', config: { amount: 1, unit: 'days' } }, called('later')],
  },
];

/** In the places of a UUIDv7 of now: what looks at executions by age finds them young. The number of the timer is in the last twelve digits. */
const idPrefix = (nowMs: number): string => {
  const time = nowMs.toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-`;
};

export interface DueTimes {
  readonly count: number;
  readonly firstMs: number;
  readonly spacingMs: number;
}

interface Laying {
  readonly samples: readonly string[];
  readonly contacts: readonly string[];
  readonly firstMs: number;
  readonly spacingMs: number;
}

export const dueAtMs = ({ firstMs, spacingMs }: DueTimes, number: number): number =>
  firstMs + Math.floor(number * spacingMs);

/**
 * Waiting and delayed executions in bulk. The product makes one of each kind, by hand; the others are copies of its rows, whatever columns
 * those have, with another contact and moved in time.
 */
export class LaidTimers {
  readonly database: Database;
  readonly organizationId: string;
  private readonly directory: Directory;
  private readonly call: Call;
  private readonly workflowIds: readonly string[];
  private readonly prefix = idPrefix(Date.now());
  private readonly samples: string[] = [];

  private constructor(
    database: Database,
    organizationId: string,
    call: Call,
    workflowIds: readonly string[],
  ) {
    this.directory = new Directory(database);
    this.database = database;
    this.organizationId = organizationId;
    this.call = call;
    this.workflowIds = workflowIds;
  }

  static async open(fleet: Fleet): Promise<LaidTimers> {
    const databaseUrl = fleet.database.options.connectionString!;
    // Statements over a million rows, and waits between them, are what a service is kept from.
    const unbounded = { statementTimeoutMs: 0, silentTransactionMs: 0 };
    const database = createPool({ databaseUrl, max: 2, applicationName: 'laid-timers', ...unbounded });
    const directory = new Directory(database);
    const { id } = await directory.createOrganization({ name: 'Patient', plan: 'scale' });
    const created = await directory.createKey(id, { name: 'test' });
    const call = httpClient(fleet.instance('trigger').url, { key: created!.key });
    const workflowIds: string[] = [];
    for (const body of DEFINITIONS) {
      const { status, json, text } = await call('POST', '/v1/workflows?enable=true', { body });
      if (status !== 201) throw new Error(text);
      workflowIds.push(json.id);
    }
    await database.query({
      text: `CREATE TABLE laid (number bigint PRIMARY KEY, id uuid NOT NULL UNIQUE, sample uuid NOT NULL, contact_id uuid NOT NULL,
               partition integer NOT NULL, due_at timestamptz NOT NULL)`,
    });
    return new LaidTimers(database, id, call, workflowIds);
  }

  close(): Promise<void> {
    return this.database.close();
  }

  /** Which timer an execution's is; `undefined`: none that was laid. */
  numberOf(executionId: string): number | undefined {
    if (!executionId.startsWith(this.prefix)) return undefined;
    return Number.parseInt(executionId.slice(this.prefix.length), 16);
  }

  /** Every second one a timeout, every second one a delay. The first is due when all are laid, however slow the machine is. */
  async lay(count: number, spanMs: number): Promise<DueTimes> {
    const samples = await this.startedOfEachKind();
    await this.keepSamples(samples);
    const contacts = await this.contacts(Math.ceil(count / EXECUTIONS_EACH));
    const about = { samples, contacts, spacingMs: spanMs / count };
    const tried = Math.min(count, TRIED);
    const beganMs = Date.now();
    await this.withoutATrace((tx) =>
      this.layChunk(tx, 0, tried, { ...about, firstMs: beganMs + DAY_SECONDS * 1_000 }),
    );
    const eachMs = (Date.now() - beganMs) / tried;
    const firstMs = Math.ceil(Date.now() + REST_MS + eachMs * MARGIN * count);
    for (let from = 0; from < count; from += CHUNK) {
      const to = Math.min(count, from + CHUNK);
      await this.database.transaction((tx) => this.layChunk(tx, from, to, { ...about, firstMs }));
    }
    // As they would be had the rows come one by one, over days.
    for (const table of ['execution', 'step', 'wait', 'timer'])
      await this.database.query({ text: `VACUUM (ANALYZE) trigger.${table}` });
    await this.cancel(this.samples);
    if (Date.now() > firstMs)
      throw new Error(
        `Laying ${count} timers took ${Date.now() - firstMs} ms longer than ${eachMs} ms each had it expected.`,
      );
    return { count, firstMs, spacingMs: about.spacingMs };
  }

  /** One of each kind as the product made it, and a copy of another one of the same kind, moved to the same contact and time. */
  async madeAndLaid(): Promise<{ made: object[]; laid: object[] }> {
    const samples = await this.startedOfEachKind();
    const twins = await this.startedOfEachKind();
    await this.keepSamples(samples);
    await this.database.query({
      text: `INSERT INTO laid (number, id, sample, contact_id, partition, due_at)
             SELECT -t.at, ($1 || 'fffffffffff' || t.at)::uuid, t.sample, e.contact_id, e.partition, e.due_at
             FROM unnest($2::uuid[], $3::uuid[]) WITH ORDINALITY AS t (sample, twin, at) JOIN trigger.execution e ON e.id = t.twin`,
      values: [this.prefix, samples, twins],
    });
    await this.database.transaction((tx) => this.copy(tx, -2, 0));
    const { rows } = await this.database.query<{ id: string }>({
      text: 'DELETE FROM laid WHERE number < 0 RETURNING id, number',
    });
    const copies = rows.map(({ id }) => id).sort();
    const found = { made: await this.rowsOf(twins), laid: await this.rowsOf(copies) };
    await this.cancel(copies);
    return found;
  }

  /** How many of them stand in which way, for assertions on the whole. */
  async count(text: string): Promise<Record<string, number>> {
    const { rows } = await this.database.query<Record<string, number>>({ text });
    return rows[0]!;
  }

  private async rowsOf(executionIds: readonly string[]): Promise<object[]> {
    const of: object[] = [];
    for (const id of executionIds) {
      const { rows } = await this.database.query<object>({
        text: `SELECT
                 (SELECT to_jsonb(e) - 'id' FROM trigger.execution e WHERE id = $1) AS execution,
                 (SELECT jsonb_agg(to_jsonb(s) - 'execution_id' ORDER BY visit) FROM trigger.step s WHERE execution_id = $1) AS steps,
                 (SELECT jsonb_agg(to_jsonb(w) - 'execution_id') FROM trigger.wait w WHERE execution_id = $1) AS waits,
                 (SELECT jsonb_agg(to_jsonb(t) - 'execution_id') FROM trigger.timer t WHERE execution_id = $1) AS timers`,
        values: [id],
      });
      of.push(rows[0]!);
    }
    return of;
  }

  /** By the product; each of a contact of its own. */
  private async startedOfEachKind(): Promise<string[]> {
    const contacts = await this.contacts(DEFINITIONS.length);
    const ids: string[] = [];
    for (const [at, workflowId] of this.workflowIds.entries()) {
      const body = { contactId: contacts[at] };
      const { json, text } = await this.call('POST', `/v1/workflows/${workflowId}/trigger`, { body });
      if (!json.executionId) throw new Error(text);
      ids.push(json.executionId);
    }
    this.samples.push(...ids);
    return ids;
  }

  /** Beside the tables, which have no index for all of this, and soon a million rows. */
  private async keepSamples(ids: readonly string[]): Promise<void> {
    const list = ids.map((id) => `'${id}'`).join(', ');
    for (const table of ['execution', 'step', 'wait', 'timer']) {
      const key = table === 'execution' ? 'id' : 'execution_id';
      await this.database.query({ text: `DROP TABLE IF EXISTS sample_${table}` });
      await this.database.query({
        text: `CREATE TABLE sample_${table} AS SELECT * FROM trigger.${table} WHERE ${key} IN (${list})`,
      });
    }
  }

  private async cancel(executionIds: readonly string[]): Promise<void> {
    for (const id of executionIds) {
      const { status, text } = await this.call('POST', `/v1/executions/${id}/cancel`);
      if (status !== 200) throw new Error(text);
    }
  }

  private async contacts(count: number): Promise<string[]> {
    const ids: string[] = [];
    while (ids.length < count) {
      const length = Math.min(500, count - ids.length);
      const items = Array.from({ length }, () => ({ externalId: randomUUID() }));
      for (const made of await this.directory.upsertContacts(this.organizationId, items)) {
        if (made.outcome !== 'created') throw new Error(`The contact was not made: ${made.outcome}`);
        ids.push(made.contact.id);
      }
    }
    return ids;
  }

  private partitionOf(contactId: string): number {
    return partitionOf(contactKey(this.organizationId, contactId), PARTITIONS.contact);
  }

  private async layChunk(
    tx: Queryable,
    from: number,
    to: number,
    { samples, contacts, firstMs, spacingMs }: Laying,
  ): Promise<void> {
    await tx.query({
      text: `INSERT INTO laid (number, id, sample, contact_id, partition, due_at)
             SELECT number, ($1 || lpad(to_hex(number), 12, '0'))::uuid, ($2::uuid[])[1 + number % 2], c.id, c.partition,
               to_timestamp(($3::bigint + floor(number * $4::float8)) / 1000)
             FROM generate_series($5::bigint, $6::bigint - 1) AS number
             JOIN unnest($7::uuid[], $8::int[]) WITH ORDINALITY AS c (id, partition, at) ON c.at = 1 + number / 2 % $9::bigint`,
      values: [
        ...[this.prefix, samples, firstMs, spacingMs, from, to],
        contacts,
        contacts.map((id) => this.partitionOf(id)),
        contacts.length,
      ],
    });
    await this.copy(tx, from, to);
  }

  private async withoutATrace(work: (tx: Queryable) => Promise<void>): Promise<void> {
    const undo = new Error('all of it is undone');
    await this.database
      .transaction(async (tx) => {
        await work(tx);
        throw undo;
      })
      .catch((error: unknown) => {
        if (error !== undo) throw error;
      });
  }

  /** Copies what the product stored of the samples, for the numbers from `from` up to and without `to`. */
  private async copy(tx: Queryable, from: number, to: number): Promise<void> {
    const laid = `(SELECT l.*, l.due_at - e.due_at AS later FROM laid l JOIN sample_execution e ON e.id = l.sample
                   WHERE l.number >= $1 AND l.number < $2) AS l`;
    const copied = (table: string, key: string, changes: Readonly<Record<string, string>>) =>
      `INSERT INTO trigger.${table} SELECT r.* FROM ${laid} JOIN sample_${table} t ON t.${key} = l.sample
       CROSS JOIN LATERAL jsonb_populate_record(NULL::trigger.${table}, to_jsonb(t) || jsonb_build_object(
         ${Object.entries({ [key]: 'l.id', ...changes }).map(([name, value]) => `'${name}', ${value}`)})) AS r`;
    const moved = (...columns: string[]) =>
      Object.fromEntries(columns.map((column) => [column, `t.${column} + l.later`]));
    const until = `to_char(l.due_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
    const contact = { contact_id: 'l.contact_id' };
    const statements = [
      copied('execution', 'id', {
        ...contact,
        partition: 'l.partition',
        ...moved('due_at', 'entered_at', 'started_at', 'moved_at'),
      }),
      copied('step', 'execution_id', {
        ...moved('started_at'),
        detail: `jsonb_set(t.detail, '{until}', to_jsonb(${until}))`,
      }),
      copied('wait', 'execution_id', contact),
      // By its columns: one of them is generated.
      `INSERT INTO trigger.timer (execution_id, partition, kind, due_at)
       SELECT l.id, l.partition, t.kind, l.due_at FROM ${laid} JOIN sample_timer t ON t.execution_id = l.sample`,
      `INSERT INTO trigger.running AS r (workflow_id, partition, count)
       SELECT t.workflow_id, l.partition, count(*) FROM ${laid} JOIN sample_execution t ON t.id = l.sample GROUP BY 1, 2
       ON CONFLICT (workflow_id, partition) DO UPDATE SET count = r.count + excluded.count`,
    ];
    for (const text of statements) await tx.query({ text, values: [from, to] });
  }
}
