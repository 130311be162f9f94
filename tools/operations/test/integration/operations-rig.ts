import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { partitionOf, partitionsOf, topics, type EncodedMessage } from '@trackline/contracts';
import { Directory, migrateDirectory, type Organization } from '@trackline/directory';
import { connectKafka, provision, Publisher, type KafkaConnection } from '@trackline/kafka';
import { createPool, type Database } from '@trackline/postgres';
import {
  createTestDatabase,
  dependenciesFromEnv,
  eventually,
  uniqueName,
  type TestDatabase,
} from '@trackline/testkit';
import { Redis } from 'ioredis';

const ROOT = join(import.meta.dirname, '../../../..');
const CONTACT_PARTITIONS = 2;
const run = promisify(execFile);

type Service = 'dedup-meter' | 'timeline';

/** What a command said and how it ended. */
export interface CommandEnd {
  readonly code: number;
  readonly out: string;
}

/** Services as processes, built, on topics and a database of their own: commands look at them from outside, as an operator does. */
export class OperationsRig {
  readonly database: Database;
  readonly directory: Directory;
  readonly redis: Redis;
  readonly publisher: Publisher;
  readonly connection: KafkaConnection;
  readonly env: Record<string, string>;
  private readonly testDatabase: TestDatabase;
  private readonly running: ChildProcess[] = [];

  private constructor(testDatabase: TestDatabase) {
    const { kafkaBrokers, redisUrl } = dependenciesFromEnv();
    const { databaseUrl } = testDatabase;
    const topicPrefix = `${uniqueName('op')}.`;
    this.testDatabase = testDatabase;
    this.connection = connectKafka({ brokers: kafkaBrokers, clientId: 'operations-rig', topicPrefix });
    this.publisher = new Publisher({ connection: this.connection });
    this.database = createPool({ databaseUrl, max: 3, applicationName: 'operations-rig' });
    this.directory = new Directory(this.database);
    this.redis = new Redis(redisUrl);
    this.env = {
      PATH: process.env.PATH ?? '',
      KAFKA_BROKERS: kafkaBrokers,
      DATABASE_URL: databaseUrl,
      REDIS_URL: redisUrl,
      TOPIC_PREFIX: topicPrefix,
      CONTACT_PARTITIONS: String(CONTACT_PARTITIONS),
      ADMIN_TOKEN: 'admin-token-of-the-rig',
      HTTP_PORT: '0',
      LOG_LEVEL: 'info',
    };
  }

  static async open(): Promise<OperationsRig> {
    const rig = new OperationsRig(await createTestDatabase(dependenciesFromEnv().databaseUrl, 'operations'));
    await migrateDirectory(rig.testDatabase.databaseUrl);
    for (const service of ['dedup-meter', 'timeline'] as const) {
      await run(process.execPath, [join(ROOT, 'services', service, 'dist/migrate.js')], { env: rig.env });
    }
    const counts = { contact: CONTACT_PARTITIONS, outcome: 1 };
    await provision(
      rig.connection,
      topics.map((topic) => ({ ...topic, partitions: partitionsOf(topic, counts) })),
      { replicationFactor: 1 },
    );
    await rig.publisher.connect();
    return rig;
  }

  /** Resolves when it has said that it is up. */
  async start(service: Service): Promise<void> {
    const child = spawn(process.execPath, [join(ROOT, 'services', service, 'dist/main.js')], {
      env: this.env,
    });
    this.running.push(child);
    const said: string[] = [];
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => said.push(line));
    }
    await eventually(
      () => {
        if (child.exitCode !== null) throw new Error(`${service} ended: ${said.slice(-5).join('\n')}`);
        return said.some((line) => line.includes(`${service} is up`));
      },
      { withinMs: 30_000 },
    );
  }

  /** As from the shell. */
  async command(name: 'redrive' | 'drift', ...args: string[]): Promise<CommandEnd> {
    const script = join(ROOT, 'tools/operations/dist', name, 'main.js');
    try {
      const { stdout } = await run(process.execPath, [script, ...args], { env: this.env });
      return { code: 0, out: stdout };
    } catch (error) {
      const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
      return { code, out: stdout + stderr };
    }
  }

  organization(): Promise<Organization> {
    return this.directory.createOrganization({ name: uniqueName('org'), plan: 'scale' });
  }

  async publish(messages: readonly EncodedMessage[]): Promise<void> {
    await this.publisher.publish(
      messages.map((message) => ({
        ...message,
        partition: partitionOf(message.key ?? '', CONTACT_PARTITIONS),
      })),
    );
  }

  async close(): Promise<void> {
    await Promise.all(
      this.running.map(async (child) => {
        if (child.exitCode !== null) return;
        const ended = new Promise((resolve) => child.once('exit', resolve));
        child.kill('SIGTERM');
        await ended;
      }),
    );
    await this.publisher.disconnect();
    await this.database.close();
    this.redis.disconnect();
    await this.testDatabase.drop();
  }
}
