import {
  ADMITTED,
  contactKey,
  decodeAdmitted,
  decodeRefused,
  encodeReceived,
  RECEIVED,
  REFUSED,
  type EventFacts,
  type RawMessage,
} from '@trackline/contracts';
import { systemClock, uuidv7 } from '@trackline/kernel';
import { createPool, type Database } from '@trackline/postgres';
import { createTestDatabase, dependenciesFromEnv, type TestDatabase } from '@trackline/testkit';
import { Redis } from 'ioredis';
import { PostgresLedger } from '../../src/adapters/postgres/postgres-ledger.ts';
import { migrateLedger } from '../../src/adapters/postgres/schema.ts';
import { connectRedis, type RedisClient } from '../../src/adapters/redis/redis-client.ts';
import { RedisJudge } from '../../src/adapters/redis/redis-judge.ts';
import { Admission } from '../../src/pipeline/admit-batch.ts';
import { receivedDoor } from '../../src/pipeline/doors.ts';
import { NoticeMemory } from '../../src/pipeline/notice-memory.ts';
import { publishDecisions } from '../../src/pipeline/publish-decisions.ts';
import { repeatJournal } from '../../src/pipeline/repeat-journal.ts';
import { settleBatch } from '../../src/pipeline/settle-batch.ts';
import {
  Unavailable,
  type Judge,
  type Ledger,
  type Organization,
  type Organizations,
  type Outlet,
  type PartitionedMessage,
} from '../../src/ports.ts';

/** Where a fault can strike. `lost`: it was done, and the answer did not arrive. */
export const FAULTS = [
  'judge',
  'judge lost',
  'commit',
  'commit lost',
  'publish',
  'publish lost',
  'remember',
] as const;
export type Fault = (typeof FAULTS)[number];

export interface Interference {
  /** Called at each point; throws to strike there. What it does while it runs happens in between. */
  at(point: Fault): Promise<void>;
}

export interface PublishedVerdict {
  readonly position: string;
  readonly partition: number;
  readonly verdict: string;
  readonly eventId: string;
  readonly uniqueId: string | undefined;
}

const CONTACT_PARTITIONS = 3;
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** One process of dedup-meter, as far as it decides: its own memory over the shared Redis and ledger. */
export interface Instance {
  readonly admission: Admission;
  assignment: number;
}

/** The flow over real Redis and Postgres, with logs and topics in memory, so that faults strike exactly where a test wants them. */
export class FlowRig {
  readonly database: Database;
  readonly redis: Redis;
  readonly published: PublishedVerdict[] = [];
  private readonly testDatabase: TestDatabase;
  private readonly client: RedisClient;
  private readonly logs = new Map<number, RawMessage[]>();
  private readonly plans = new Map<string, Organization>();

  private constructor(testDatabase: TestDatabase, client: RedisClient, redisUrl: string) {
    this.testDatabase = testDatabase;
    this.client = client;
    this.redis = new Redis(redisUrl);
    this.database = createPool({
      databaseUrl: testDatabase.databaseUrl,
      max: 8,
      applicationName: 'flow-rig',
    });
  }

  static async open(): Promise<FlowRig> {
    const { databaseUrl, redisUrl } = dependenciesFromEnv();
    const testDatabase = await createTestDatabase(databaseUrl, 'flow');
    await migrateLedger(testDatabase.databaseUrl);
    return new FlowRig(testDatabase, await connectRedis({ url: redisUrl, log: silent }), redisUrl);
  }

  async close(): Promise<void> {
    await this.client.close();
    this.redis.disconnect();
    await this.database.close();
    await this.testDatabase.drop();
  }

  /** As if nothing had been before, but for the ledger's sources: each run takes partitions of its own. */
  forget(): void {
    this.published.length = 0;
    this.logs.clear();
  }

  organization(hardCap: number | null, id = uuidv7()): Organization {
    const version = (this.plans.get(id)?.version ?? 0) + 1;
    const organization = { id, plan: 'custom' as const, monthlyLimit: hardCap, hardCap, version };
    this.plans.set(id, organization);
    return organization;
  }

  instance(interference: Interference = { at: async () => undefined }): Instance {
    const ledger = faultyLedger(new PostgresLedger(this.database), interference);
    const judge = faultyJudge(new RedisJudge(this.client, { hotWindowMs: 3_600_000 }), interference);
    const outlet = this.outlet(interference);
    const { organizations } = this;
    const observer = {
      batch: () => undefined,
      outcome: () => undefined,
      timed: <T>(_topic: string, _stage: string, work: () => Promise<T>) => work(),
      noticed: () => undefined,
    };
    const clock = systemClock;
    const admission = new Admission({
      ledger,
      judge,
      settle: settleBatch({ judge, ledger, organizations, observer, clock, notices: new NoticeMemory() }),
      repeat: repeatJournal(ledger),
      publish: publishDecisions({ outlet, contactPartitions: CONTACT_PARTITIONS }),
      observer,
      log: silent,
      clock,
      generation: 1,
    });
    return { admission, assignment: 1 };
  }

  readonly organizations: Organizations = {
    find: async (ids) =>
      new Map(ids.flatMap((id) => (this.plans.has(id) ? [[id, this.plans.get(id)!]] : []))),
    writerOf: async () => ({ refused: 'no keys here' }),
  };

  append(partition: number, ...events: readonly Partial<EventFacts>[]): void {
    const log = this.log(partition);
    for (const facts of events) {
      const organizationId = facts.organizationId!;
      const message = encodeReceived({
        eventId: uuidv7(),
        contactId: contactOf(organizationId),
        name: 'n',
        source: 's',
        backfill: false,
        properties: '{}',
        ...facts,
        organizationId,
      });
      log.push({
        key: Buffer.from(message.key!),
        value: Buffer.from(message.value as string),
        headers: Object.fromEntries(
          Object.entries(message.headers).map(([name, value]) => [name, Buffer.from(value)]),
        ),
        timestampMs: Date.parse('2026-11-20T10:00:00Z') + log.length,
        offset: log.length,
      });
    }
  }

  log(partition: number): RawMessage[] {
    let log = this.logs.get(partition);
    if (!log) this.logs.set(partition, (log = []));
    return log;
  }

  /** Hands messages of a partition to an instance. Resolves when all of them are published. */
  async admit(
    instance: Instance,
    partition: number,
    from: number,
    count: number,
    committedOffset = 0,
  ): Promise<void> {
    const messages = this.log(partition).slice(from, from + count);
    if (messages.length === 0) return;
    await instance.admission.admit(receivedDoor(this.organizations), {
      topic: RECEIVED,
      partition,
      messages,
      highWatermark: this.log(partition).length,
      assignment: instance.assignment,
      committedOffset,
      isStale: () => false,
    });
  }

  async used(organizationId: string): Promise<number> {
    const { rows } = await this.database.query<{ used: number }>({
      text: 'SELECT coalesce(sum(used), 0)::bigint AS used FROM dedup_meter.usage WHERE organization_id = $1',
      values: [organizationId],
    });
    return rows[0]!.used;
  }

  private outlet(interference: Interference): Outlet {
    return {
      publish: async (messages) => {
        await interference.at('publish');
        messages.forEach((message) => this.note(message));
        await interference.at('publish lost');
        return [];
      },
      toDeadLetter: ({ partition }, { key: _key, ...message }) => ({
        ...message,
        topic: 'dlq',
        partition,
        key: null,
        headers: {},
      }),
    };
  }

  private note({ topic, partition, headers, value, key }: PartitionedMessage): void {
    if (topic !== ADMITTED && topic !== REFUSED) return;
    const raw: RawMessage = {
      key: Buffer.from(key!),
      value: value as Buffer,
      timestampMs: 0,
      offset: 0,
      headers: Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)])),
    };
    const event = topic === ADMITTED ? decodeAdmitted(raw) : decodeRefused(raw);
    const { position, monthUsed, eventId, uniqueId } = event;
    const what = 'refusal' in event ? event.refusal : { verdict: 'admitted', replayOf: event.replayOf };
    this.published.push({
      position: `${position.source}@${position.offset}`,
      partition,
      verdict: JSON.stringify({ ...what, monthUsed, contact: event.contactId }),
      eventId,
      uniqueId,
    });
  }
}

export const contactOf = (organizationId: string): string =>
  contactKey(organizationId, '').slice(0, -1).replace(/.$/, '0');

function faultyLedger(ledger: Ledger, { at }: Interference): Ledger {
  return {
    raiseTerm: (source) => ledger.raiseTerm(source),
    journal: (...range) => ledger.journal(...range),
    committedShares: (...what) => ledger.committedShares(...what),
    lookUp: (candidates) => ledger.lookUp(candidates),
    seedOnce: (...what) => ledger.seedOnce(...what),
    endEpoch: (epoch) => ledger.endEpoch(epoch),
    mark: (...what) => ledger.mark(...what),
    async commit(batch) {
      await at('commit');
      const outcome = await ledger.commit(batch);
      await at('commit lost');
      return outcome;
    },
  };
}

function faultyJudge(judge: Judge, { at }: Interference): Judge {
  return {
    seed: (...months) => judge.seed(...months),
    async judge(questions, token) {
      await at('judge');
      const answers = await judge.judge(questions, token);
      await at('judge lost');
      return answers;
    },
    async remember(known) {
      await at('remember');
      await judge.remember(known);
    },
  };
}

export const struck = (point: Fault): Unavailable => new Unavailable(`struck at: ${point}`);
