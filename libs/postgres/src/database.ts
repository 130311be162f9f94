import pg from 'pg';
import { isConnectionFault } from './faults.ts';
import { typeParsers } from './type-parsers.ts';

export interface Statement {
  /** Prepared once per connection under this name; the same name always means the same text. */
  readonly name?: string;
  readonly text: string;
  readonly values?: readonly unknown[];
}

export interface QueryResult<Row> {
  rows: Row[];
  /** Rows that were returned or changed. */
  rowCount: number;
}

/** What runs statements: the database (each on any connection) or an open transaction. */
export interface Queryable {
  query<Row extends object = Record<string, unknown>>(statement: Statement): Promise<QueryResult<Row>>;
}

export interface TransactionOptions {
  /** `false`: the commit is acknowledged before it is on disk. It may be lost, never torn. */
  readonly durable?: boolean;
}

export interface PostgresLog {
  warn(fields: object, message: string): void;
}

export interface PoolSettings {
  readonly databaseUrl: string;
  /** Connections at most. */
  readonly max: number;
  /** Shown in pg_stat_activity. */
  readonly applicationName: string;
  readonly connectTimeoutMs?: number;
  /** After this the server cancels a statement (error 57014); 0: never. */
  readonly statementTimeoutMs?: number;
  /** After this the server ends a transaction in which nothing is said (error 25P03), and frees its locks. */
  readonly silentTransactionMs?: number;
  readonly logger?: PostgresLog;
}

const DEFAULT_CONNECT_TIMEOUT_MS = 5_000;
const DEFAULT_STATEMENT_TIMEOUT_MS = 30_000;
/** A process that is stopped, not dead, keeps its connections: what it holds locked would hold up all others until it wakes up. */
const DEFAULT_SILENT_TRANSACTION_MS = 10_000;
const IDLE_TIMEOUT_MS = 60_000;
/** A server that died without a word never cancels: the client gives up this much later. */
const CLIENT_GRACE_MS = 5_000;
/**
 * Data paths look rows up by their keys. While a table is small the planner would rather scan it, and a prepared statement
 * keeps that plan long after the table has grown. A query that no index serves still scans.
 */
const PLANNER = '-c enable_seqscan=off';
const READY_TIMEOUT_MS = 2_000;

/** A pool of connections. Nothing is tried again behind the caller's back: only the caller knows whether that is harmless. */
export class Database implements Queryable {
  private readonly pool: pg.Pool;
  private closing: Promise<void> | undefined;

  constructor(pool: pg.Pool) {
    this.pool = pool;
  }

  async query<Row extends object = Record<string, unknown>>(statement: Statement): Promise<QueryResult<Row>> {
    return this.withClient((client) => run<Row>(client, statement));
  }

  /** Commits when `work` resolves, rolls back when it throws. A connection fault at the commit leaves its outcome unknown. */
  async transaction<Result>(
    work: (tx: Queryable) => Promise<Result>,
    { durable = true }: TransactionOptions = {},
  ): Promise<Result> {
    return this.withClient(async (client, discard) => {
      await client.query(durable ? 'BEGIN' : 'BEGIN; SET LOCAL synchronous_commit = off');
      const tx = new Transaction(client);
      let result: Result;
      try {
        result = await work(tx);
      } catch (error) {
        await client.query('ROLLBACK').catch(discard);
        throw error;
      } finally {
        tx.end();
      }
      const { command } = await client.query('COMMIT');
      // Postgres answers ROLLBACK, without an error, to the COMMIT of a transaction in which a statement failed.
      if (command !== 'COMMIT') {
        throw new Error(
          'Rolled back: a statement of the transaction failed, and its error was caught inside.',
        );
      }
      return result;
    });
  }

  /** Whether the server answers now. */
  async isReady(): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise<false>((resolve) => {
      timer = setTimeout(resolve, READY_TIMEOUT_MS, false);
    });
    try {
      return await Promise.race([
        this.query({ text: 'SELECT 1' }).then(
          () => true,
          () => false,
        ),
        tooLate,
      ]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Waits for running statements, then closes all connections. */
  close(): Promise<void> {
    this.closing ??= this.pool.end();
    return this.closing;
  }

  private async withClient<Result>(
    work: (client: pg.PoolClient, discard: (error: Error) => void) => Promise<Result>,
  ): Promise<Result> {
    const client = await this.pool.connect();
    let broken: Error | undefined;
    const discard = (error: Error): void => {
      broken ??= error;
    };
    try {
      return await work(client, discard);
    } catch (error) {
      // pg-pool's own query() throws the connection away after every error; a refused statement leaves it sound.
      if (isConnectionFault(error)) discard(error as Error);
      throw error;
    } finally {
      client.release(broken);
    }
  }
}

class Transaction implements Queryable {
  private readonly client: pg.PoolClient;
  private ended = false;

  constructor(client: pg.PoolClient) {
    this.client = client;
  }

  async query<Row extends object = Record<string, unknown>>(statement: Statement): Promise<QueryResult<Row>> {
    // The connection may be another caller's by now.
    if (this.ended) throw new Error('The transaction has ended: a statement of it was not awaited.');
    return run<Row>(this.client, statement);
  }

  end(): void {
    this.ended = true;
  }
}

async function run<Row extends object>(
  client: pg.PoolClient,
  statement: Statement,
): Promise<QueryResult<Row>> {
  const { rows, rowCount } = await client.query<Row & pg.QueryResultRow>({
    name: statement.name,
    text: statement.text,
    values: statement.values as unknown[] | undefined,
  });
  return { rows, rowCount: rowCount ?? 0 };
}

export function createPool({
  databaseUrl,
  max,
  applicationName,
  connectTimeoutMs = DEFAULT_CONNECT_TIMEOUT_MS,
  statementTimeoutMs = DEFAULT_STATEMENT_TIMEOUT_MS,
  silentTransactionMs = DEFAULT_SILENT_TRANSACTION_MS,
  logger,
}: PoolSettings): Database {
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    max,
    application_name: applicationName,
    connectionTimeoutMillis: connectTimeoutMs,
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
    statement_timeout: statementTimeoutMs || undefined,
    idle_in_transaction_session_timeout: silentTransactionMs,
    query_timeout: statementTimeoutMs ? statementTimeoutMs + CLIENT_GRACE_MS : undefined,
    keepAlive: true,
    options: PLANNER,
    types: typeParsers,
  });
  // A connection may be lost while nobody waits for it: between two statements, or in the packet that also says it is open.
  // Unheard, that would end the process; the next statement on it fails, and pg-pool takes none back that is closed.
  pool.on('connect', (client) => client.on('error', () => undefined));
  // The same while it was idle: the pool has dropped it already.
  pool.on('error', (err) => logger?.warn({ err }, 'an idle database connection was lost'));
  return new Database(pool);
}
