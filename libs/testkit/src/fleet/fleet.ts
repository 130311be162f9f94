import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { INBOUND, partitionsOf, RECEIVED, topics } from '@trackline/contracts';
import { connectKafka, provision, Publisher, type KafkaConnection } from '@trackline/kafka';
import pg from 'pg';
import { dependenciesFromEnv } from '../dependencies.ts';
import { FaultProxy } from '../fault-proxy.ts';
import { seededRandom } from '../random.ts';
import type { TestDatabase } from '../test-database.ts';
import { createOrganization, type TestOrganization } from '../test-organization.ts';
import { uniqueName } from '../unique-name.ts';
import { breakablePartsFromEnv, type BreakableParts } from './breakable-parts.ts';
import { fleetDatabase } from './fleet-database.ts';
import type { FleetInstance, InstanceProxies } from './fleet-instance.ts';
import { PARTITIONS, type FleetService, type FleetSettings } from './fleet-settings.ts';
import { deleteTopicsOf, groupOffsets, setGroupOffsets, type GroupOffsets } from './group-offsets.ts';
import { addressOfServer, newInstances } from './new-instances.ts';
import { OwnBroker } from './own-broker.ts';
import { OwnRedis } from './own-redis.ts';

const ADMIN_TOKEN = 'admin-token-of-the-fleet';

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
      fleetDatabase(parts),
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
  setOffsets(group: string, topic: string, offsets: GroupOffsets): Promise<void> {
    return setGroupOffsets(this.kafka, { group, topic }, offsets);
  }

  committedOffsets(group: string, topic: string): Promise<Map<number, number>> {
    return groupOffsets(this.kafka, { group, topic });
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
    // Nobody's strike: the test is over.
    await Promise.all(this.instances.map(({ process }) => process.kill()));
    await Promise.all([this.redisDoor.close(), this.postgresDoor.close()]);
    await this.publisher.disconnect({ withinMs: 1_000 }).catch(() => undefined);
    await Promise.all([this.primary, ...this.replicas].map((redis) => redis.close()));
    if (this.broker) await this.broker.close();
    else await deleteTopicsOf(this.kafka, this.topicPrefix);
    await this.database.end();
    await this.testDatabase.drop();
    rmSync(join(this.parts.directory, this.name), { recursive: true, force: true });
  }

  private async setUp(): Promise<void> {
    const { sourceTimestamps } = this.settings;
    const isSource = (topic: string) => topic === RECEIVED || topic === INBOUND;
    const doors = {
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
    const { parts, name, kafka, topicPrefix, closing } = this;
    const { databaseUrl } = this.testDatabase;
    const redis = () => this.redis.address;
    const logs = join(parts.logs, name);
    const brokerDoors = parts.broker.doors;
    this.instances.push(
      ...(await newInstances({
        ...{ settings: this.settings, logs, doors, brokerDoors, adminToken: ADMIN_TOKEN },
        ...{ kafkaBrokers: kafka.brokers, topicPrefix, databaseUrl, redis, closing },
      })),
    );
    await provisioning;
    await this.publisher.connect();
    for (const instance of this.instances) instance.start();
    await this.ready();
  }
}
