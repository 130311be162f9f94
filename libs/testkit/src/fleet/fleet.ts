import { spawn } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { INBOUND, partitionsOf, RECEIVED, topics } from '@trackline/contracts';
import { connectKafka, provision, Publisher, type KafkaConnection } from '@trackline/kafka';
import pg from 'pg';
import { dependenciesFromEnv } from '../dependencies.ts';
import { eventually } from '../eventually.ts';
import { FaultProxy, type Address } from '../fault-proxy.ts';
import { seededRandom } from '../random.ts';
import { createTestDatabase, type TestDatabase } from '../test-database.ts';
import { createOrganization, type TestOrganization } from '../test-organization.ts';
import { uniqueName } from '../unique-name.ts';
import { breakablePartsFromEnv, type BreakableParts } from './breakable-parts.ts';
import { FleetInstance, type InstanceProxies } from './fleet-instance.ts';
import { freePort } from './free-port.ts';
import { OwnBroker } from './own-broker.ts';
import { OwnRedis } from './own-redis.ts';

export type FleetService = 'ingest' | 'dedup-meter' | 'trigger' | 'timeline';

export interface FleetSettings {
  /** How many processes of each. */
  readonly services: Partial<Record<FleetService, number>>;
  /** For all of them, and for some. */
  readonly env?: Readonly<Record<string, string>>;
  readonly envOf?: Partial<Record<FleetService, Readonly<Record<string, string>>>>;
  /** Services whose instances have a proxy each in front of Redis, Postgres and Kafka. Brings a broker of the fleet's own. */
  readonly behindProxies?: readonly FleetService[];
  /** A broker that may be killed. */
  readonly ownBroker?: boolean;
  /** Of the source topics: with `CreateTime` a test chooses the moment of receipt. */
  readonly sourceTimestamps?: 'CreateTime' | 'LogAppendTime';
  /** Put behind DATABASE_URL as its query: settings of the driver. */
  readonly databaseParameters?: Readonly<Record<string, string>>;
  /** Of the proxies' chance. */
  readonly seed?: number;
}

const ROOT = resolve(import.meta.dirname, '../../../..');
export const PARTITIONS = { contact: 6, outcome: 4 };
const ADMIN_TOKEN = 'admin-token-of-the-fleet';
/** Short, so that a kill costs its partitions a moment; long enough that a busy machine is not taken for a dead one. */
const SESSION_TIMEOUT_MS = '2000';

/**
 * Real processes of services for one test file, on topics, a database and a Redis of their own, which can be broken in every way. Nothing
 * of it is shared with another fleet but the servers of Kafka (unless it has its own broker) and Postgres.
 */
export class Fleet {
  readonly instances: FleetInstance[] = [];
  readonly topicPrefix: string;
  readonly adminToken = ADMIN_TOKEN;
  /** Past every proxy. */
  readonly kafka: KafkaConnection;
  readonly publisher: Publisher;
  readonly database: pg.Pool;
  readonly organizations: TestOrganization[] = [];
  /** In front of Redis for those that have no proxy of their own. */
  readonly redisDoor: FaultProxy;
  /** The same in front of Postgres. */
  readonly postgresDoor: FaultProxy;
  readonly broker: OwnBroker | undefined;
  private primary: OwnRedis;
  private readonly replicas: OwnRedis[] = [];
  private readonly parts: BreakableParts;
  private readonly testDatabase: TestDatabase;
  private readonly settings: FleetSettings;
  private readonly name: string;
  private readonly closing: (() => Promise<unknown>)[] = [];

  private constructor(opened: {
    settings: FleetSettings;
    parts: BreakableParts;
    name: string;
    broker: OwnBroker | undefined;
    redis: OwnRedis;
    testDatabase: TestDatabase;
  }) {
    const { settings, parts, name, broker, redis, testDatabase } = opened;
    this.settings = settings;
    this.parts = parts;
    this.name = name;
    this.broker = broker;
    this.primary = redis;
    this.testDatabase = testDatabase;
    this.topicPrefix = `${name}.`;
    const brokers = broker?.address ?? dependenciesFromEnv().kafkaBrokers;
    this.kafka = connectKafka({ brokers, clientId: 'fleet', topicPrefix: this.topicPrefix });
    // What a test sends arrives, whatever it does to the broker meanwhile.
    this.publisher = new Publisher({ connection: this.kafka, retryForMs: Number.POSITIVE_INFINITY });
    this.database = new pg.Pool({ connectionString: testDatabase.databaseUrl, max: 4 });
    this.database.on('error', () => undefined);
    this.redisDoor = new FaultProxy(() => this.redis.address, seededRandom(settings.seed ?? 1));
    this.postgresDoor = new FaultProxy(
      addressOfServer(testDatabase.databaseUrl),
      seededRandom(settings.seed ?? 1),
    );
  }

  static async open(settings: FleetSettings): Promise<Fleet> {
    const parts = breakablePartsFromEnv();
    const name = uniqueName('fleet');
    const directory = join(parts.directory, name);
    const logs = join(parts.logs, name);
    for (const each of [directory, logs]) mkdirSync(each, { recursive: true });
    const ownsBroker = settings.ownBroker || (settings.behindProxies ?? []).length > 0;
    const started = await Promise.allSettled([
      ownsBroker ? OwnBroker.start(parts, directory, join(logs, 'broker.log')) : undefined,
      OwnRedis.start({
        name: 'redis',
        command: parts.redisServer,
        directory,
        logFile: join(logs, 'redis.log'),
      }),
      migratedDatabase(parts),
    ]);
    const [broker, redis, testDatabase] = started;
    const failed = started.find((one) => one.status === 'rejected');
    if (
      failed ||
      broker.status === 'rejected' ||
      redis.status === 'rejected' ||
      testDatabase.status === 'rejected'
    ) {
      if (broker.status === 'fulfilled') await broker.value?.close();
      if (redis.status === 'fulfilled') await redis.value.close();
      if (testDatabase.status === 'fulfilled') await testDatabase.value.drop();
      throw failed!.reason;
    }
    const fleet = new Fleet({
      settings,
      parts,
      name,
      broker: broker.value,
      redis: redis.value,
      testDatabase: testDatabase.value,
    });
    try {
      await fleet.setUp();
      return fleet;
    } catch (error) {
      await fleet.close();
      throw error;
    }
  }

  /** The Redis that stands behind the address now. */
  get redis(): OwnRedis {
    return this.primary;
  }

  /** `dedup-meter`: its first instance; `dedup-meter-2`: that one. */
  instance(name: string): FleetInstance {
    const found = this.instances.find((one) => one.name === name || one.service === name);
    if (!found) throw new Error(`No ${name} in this fleet.`);
    return found;
  }

  of(service: FleetService): FleetInstance[] {
    return this.instances.filter((one) => one.service === service);
  }

  async ready(): Promise<void> {
    await Promise.all(this.instances.map((instance) => instance.ready()));
  }

  /** An organisation with a key, which calls the first ingest. */
  async organization(settings: Readonly<Record<string, unknown>> = {}): Promise<TestOrganization> {
    const { url } = this.instance('ingest');
    const organization = await createOrganization({ url, adminToken: ADMIN_TOKEN }, settings);
    this.organizations.push(organization);
    return organization;
  }

  /** One that follows the primary; give it to `promote` when it is to take its place. */
  async redisReplica(): Promise<OwnRedis> {
    const replica = await this.primary.replica();
    this.replicas.push(replica);
    return replica;
  }

  /** Another Redis stands behind the address from now on; connections to the old one break. */
  promote(replica: OwnRedis): void {
    this.replicas.push(this.primary);
    this.primary = replica;
    for (const proxy of this.redisProxies()) proxy.cutAll();
  }

  redisProxies(): FaultProxy[] {
    return [this.redisDoor, ...this.proxies('redis')];
  }

  proxies(of: keyof InstanceProxies): FaultProxy[] {
    const { behindProxies = [] } = this.settings;
    return this.instances
      .filter(({ service }) => behindProxies.includes(service as FleetService))
      .map(({ proxies }) => proxies[of]);
  }

  /** Sets the offsets of a group by hand. Its members must have been stopped: waits until the broker believes it. */
  async setOffsets(group: string, topic: string, offsets: ReadonlyMap<number, number>): Promise<void> {
    const admin = this.kafka.newClient().admin();
    await admin.connect();
    try {
      const wanted = {
        groupId: this.kafka.withPrefix(group),
        topic: this.kafka.withPrefix(topic),
        partitions: [...offsets].map(([partition, offset]) => ({ partition, offset: String(offset) })),
      };
      await eventually(
        async () => {
          await admin.setOffsets(wanted);
          return true;
        },
        { withinMs: 20_000, everyMs: 250 },
      );
    } finally {
      await admin.disconnect();
    }
  }

  async committedOffsets(group: string, topic: string): Promise<Map<number, number>> {
    const admin = this.kafka.newClient().admin();
    await admin.connect();
    try {
      const [found] = await admin.fetchOffsets({
        groupId: this.kafka.withPrefix(group),
        topics: [this.kafka.withPrefix(topic)],
      });
      return new Map(found!.partitions.map(({ partition, offset }) => [partition, Number(offset)]));
    } finally {
      await admin.disconnect();
    }
  }

  /** Throws when some process died that nobody killed: a crash must not pass for a fault of the test. */
  assertNoneDied(): void {
    const processes = [
      ...this.instances.map((one) => one.process),
      this.primary.process,
      this.broker?.process,
    ];
    const died = processes.filter((one) => one !== undefined && one.unexpectedDeaths.length > 0);
    if (died.length === 0) return;
    throw new Error(died.map((one) => `${one!.unexpectedDeaths.join('; ')}\n${one!.lastWords()}`).join('\n'));
  }

  /** What is still going on when the fleet closes. */
  onClose(end: () => void): void {
    this.closing.push(async () => end());
  }

  /** For a failure: what each process said last. */
  lastWords(): string {
    return this.instances.map(({ process }) => process.lastWords()).join('\n\n');
  }

  async close(): Promise<void> {
    for (const close of this.closing.reverse()) await close();
    await Promise.all(this.instances.map((instance) => instance.kill()));
    await Promise.all([this.redisDoor.close(), this.postgresDoor.close()]);
    await this.publisher.disconnect({ withinMs: 1_000 }).catch(() => undefined);
    await Promise.all([this.primary, ...this.replicas].map((redis) => redis.close()));
    if (this.broker) await this.broker.close();
    else await this.deleteTopics();
    await this.database.end();
    await this.testDatabase.drop();
    rmSync(join(this.parts.directory, this.name), { recursive: true, force: true });
  }

  private async setUp(): Promise<void> {
    const { sourceTimestamps, services } = this.settings;
    const isSource = (topic: string) => topic === RECEIVED || topic === INBOUND;
    const doors: Doors = {
      redisPort: await this.redisDoor.listen(),
      postgresPort: await this.postgresDoor.listen(),
    };
    const provisioning = provision(
      this.kafka,
      topics.map((topic) => ({
        ...topic,
        partitions: partitionsOf(topic, PARTITIONS),
        timestampType: sourceTimestamps && isSource(topic.name) ? sourceTimestamps : topic.timestampType,
        // Moments of long ago: the broker would throw away what is so old.
        ...(sourceTimestamps === 'CreateTime' && { retentionMs: -1 }),
      })),
      { replicationFactor: 1 },
    );
    let door = 0;
    for (const [service, count] of Object.entries(services) as [FleetService, number][]) {
      for (let number = 1; number <= count; number += 1) {
        const isProxied = this.settings.behindProxies?.includes(service) ?? false;
        this.instances.push(await this.newInstance(service, number, doors, isProxied ? door++ : undefined));
      }
    }
    await provisioning;
    await this.publisher.connect();
    for (const instance of this.instances) instance.start();
    await this.ready();
  }

  private async newInstance(
    service: FleetService,
    number: number,
    { redisPort, postgresPort }: Doors,
    door: number | undefined,
  ): Promise<FleetInstance> {
    const name = `${service}-${number}`;
    const port = await freePort();
    const proxied = door === undefined ? undefined : await this.behindProxies(door);
    const env: NodeJS.ProcessEnv = {
      ...process.env,
      NODE_OPTIONS: '',
      KAFKA_BROKERS: this.kafka.brokers.join(','),
      REDIS_URL: `redis://127.0.0.1:${redisPort}`,
      ...proxied?.env,
      DATABASE_URL: this.databaseUrl(proxied?.postgresPort ?? postgresPort),
      ADMIN_TOKEN,
      HTTP_HOST: '127.0.0.1',
      HTTP_PORT: String(port),
      INSTANCE_ID: name,
      TOPIC_PREFIX: this.topicPrefix,
      CONTACT_PARTITIONS: String(PARTITIONS.contact),
      OUTCOME_PARTITIONS: String(PARTITIONS.outcome),
      SESSION_TIMEOUT_MS,
      LOG_LEVEL: 'info',
      ...this.settings.env,
      ...this.settings.envOf?.[service],
    };
    return new FleetInstance({
      service,
      spec: {
        name,
        command: process.execPath,
        args: [join(ROOT, 'services', service, 'dist/main.js')],
        env,
        logFile: join(this.parts.logs, this.name, `${name}.log`),
      },
      url: `http://127.0.0.1:${port}`,
      proxies: proxied?.proxies,
    });
  }

  private databaseUrl(proxyPort: number): string {
    const url = new URL(this.testDatabase.databaseUrl);
    for (const [name, value] of Object.entries(this.settings.databaseParameters ?? {}))
      url.searchParams.set(name, value);
    url.host = `127.0.0.1:${proxyPort}`;
    return url.toString();
  }

  private async behindProxies(at: number) {
    const door = this.parts.broker.doors[at];
    if (!door)
      throw new Error(
        `The spare broker has ${this.parts.broker.doors.length} doors, too few for this fleet.`,
      );
    const { databaseUrl } = this.testDatabase;
    const random = seededRandom((this.settings.seed ?? 1) * 31 + at);
    const proxies = {
      redis: new FaultProxy(() => this.redis.address, random, 'redis'),
      postgres: new FaultProxy(addressOfServer(databaseUrl), random, 'postgres'),
      kafka: new FaultProxy({ host: '127.0.0.1', port: door.port }, random, 'kafka'),
    };
    const redisPort = await proxies.redis.listen();
    const postgresPort = await proxies.postgres.listen();
    // The port that the broker advertises to whoever comes by this door.
    await proxies.kafka.listen(door.advertisedPort);
    this.closing.push(() => Promise.all(Object.values(proxies).map((proxy) => proxy.close())));
    return {
      proxies,
      postgresPort,
      env: {
        REDIS_URL: `redis://127.0.0.1:${redisPort}`,
        KAFKA_BROKERS: `127.0.0.1:${door.advertisedPort}`,
      },
    };
  }

  private async deleteTopics(): Promise<void> {
    const admin = this.kafka.newClient().admin();
    await admin.connect();
    const ours = (await admin.listTopics()).filter((topic) => topic.startsWith(this.topicPrefix));
    await admin.deleteTopics({ topics: ours });
    await admin.disconnect();
  }
}

interface Doors {
  readonly redisPort: number;
  readonly postgresPort: number;
}

function addressOfServer(databaseUrl: string): Address {
  const { hostname, port } = new URL(databaseUrl);
  return { host: hostname, port: Number(port || 5432) };
}

/** A database of the fleet's own with all schemas. */
async function migratedDatabase({ migrations }: BreakableParts): Promise<TestDatabase> {
  const testDatabase = await createTestDatabase(dependenciesFromEnv().databaseUrl, 'fleet');
  try {
    const env = { ...process.env, NODE_OPTIONS: '', DATABASE_URL: testDatabase.databaseUrl };
    await migrateAll(migrations, env);
    return testDatabase;
  } catch (error) {
    await testDatabase.drop();
    throw error;
  }
}

/** One process for all of them: most of the time goes into loading what they have in common. */
function migrateAll(scripts: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const program = scripts
    .map((script) => `await import(${JSON.stringify(pathToFileURL(script).href)});`)
    .join('\n');
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (said += text));
    child.once('error', fail);
    child.once('close', (code) =>
      code === 0 ? done() : fail(new Error(`The schemas were not brought up to date:\n${said}`)),
    );
  });
}
