import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { partitionsOf, topics } from '@trackline/contracts';
import { Directory, migrateDirectory } from '@trackline/directory';
import { connectKafka, provision, Publisher, type KafkaConnection } from '@trackline/kafka';
import { createPool, type Database } from '@trackline/postgres';
import {
  createTestDatabase,
  dependenciesFromEnv,
  FleetInstance,
  OwnProcess,
  uniqueName,
  type ProcessSpec,
  type TestDatabase,
} from '@trackline/testkit';
import { infrastructureProcesses, type WatchedProcess } from '../measure/cpu.ts';
import { emptyRedis } from '../measure/redis-bytes.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
/** For those who look into the processes: `--cpu-prof`, or a larger heap. */
const NODE_OPTIONS = process.env.BENCH_NODE_OPTIONS?.split(' ').filter(Boolean) ?? [];
export const PARTITIONS = { contact: 6, outcome: 4 };
export const ADMIN_TOKEN = 'admin-token-of-the-bench';

export type ServiceName = 'ingest' | 'dedup-meter' | 'trigger' | 'timeline' | 'connectors';

/** Everything that was started and may still run: whoever ends the bench ends these. */
const started = new Set<OwnProcess>();

export function killAllProcesses(): void {
  for (const each of started) each.killNow();
}

/** Topics and a database of its own on the servers of this run, and processes that work on them. */
export class Stage {
  readonly kafka: KafkaConnection;
  readonly publisher: Publisher;
  readonly database: Database;
  readonly directory: Directory;
  /** What each process is told. */
  readonly env: Readonly<Record<string, string>>;
  private readonly testDatabase: TestDatabase;
  private readonly own: OwnProcess[] = [];

  private constructor(testDatabase: TestDatabase) {
    const { kafkaBrokers, redisUrl } = dependenciesFromEnv();
    const topicPrefix = `${uniqueName('bench')}.`;
    this.testDatabase = testDatabase;
    this.kafka = connectKafka({ brokers: kafkaBrokers, clientId: 'bench', topicPrefix });
    this.publisher = new Publisher({ connection: this.kafka });
    this.database = createPool({
      databaseUrl: testDatabase.databaseUrl,
      max: 4,
      applicationName: 'bench',
      // What is laid and counted by the million takes as long as it takes.
      statementTimeoutMs: 0,
    });
    this.directory = new Directory(this.database);
    this.env = {
      KAFKA_BROKERS: kafkaBrokers,
      DATABASE_URL: testDatabase.databaseUrl,
      REDIS_URL: redisUrl,
      TOPIC_PREFIX: topicPrefix,
      ADMIN_TOKEN,
      CONTACT_PARTITIONS: String(PARTITIONS.contact),
      OUTCOME_PARTITIONS: String(PARTITIONS.outcome),
      HTTP_HOST: '127.0.0.1',
      NODE_ENV: 'production',
      LOG_LEVEL: 'warn',
    };
  }

  /** `services`: whose schemas are wanted. */
  static async open(services: readonly ServiceName[]): Promise<Stage> {
    if (infrastructureProcesses().length > 0) await emptyRedis();
    const stage = new Stage(await createTestDatabase(dependenciesFromEnv().databaseUrl, 'bench'));
    const { env } = stage;
    const declared = topics.map((topic) => ({ ...topic, partitions: partitionsOf(topic, PARTITIONS) }));
    try {
      await stage.publisher.connect();
      await Promise.all([
        provision(stage.kafka, declared, { replicationFactor: 1 }),
        migrateDirectory(env.DATABASE_URL!),
        ...services.map((service) => runToEnd(join(ROOT, 'services', service, 'dist/migrate.js'), env)),
      ]);
    } catch (error) {
      await stage.close();
      throw error;
    }
    return stage;
  }

  /** A service as in production; resolves when it says that it is ready. `number`: which instance of it this is. */
  async service(
    name: ServiceName,
    { number = 1, env = {} }: { readonly number?: number; readonly env?: Record<string, string> } = {},
  ): Promise<FleetInstance> {
    const port = await freePort();
    const script = join(ROOT, 'services', name, 'dist/main.js');
    const instance = new FleetInstance({
      service: name,
      spec: this.spec(number === 1 ? name : `${name}-${number}`, script, {
        HTTP_PORT: String(port),
        ...env,
      }),
      url: `http://127.0.0.1:${port}`,
      proxies: undefined,
    });
    this.keep(instance.process);
    instance.start();
    await instance.ready();
    return instance;
  }

  /** A script of `bench/baselines`. */
  baseline(script: string, env: Readonly<Record<string, string>> = {}, name: string = script): OwnProcess {
    return this.run(this.spec(name, join(ROOT, 'bench/dist/baselines', `${script}.js`), env));
  }

  /** A program that is no script of ours. */
  program(
    name: string,
    command: string,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): OwnProcess {
    return this.run({ ...this.spec(name, '', env), command, args });
  }

  baselineFile(name: string): string {
    return join(ROOT, 'bench/baselines', name);
  }

  /** These, and the broker, Postgres and Redis of this run. */
  watched(...processes: readonly OwnProcess[]): WatchedProcess[] {
    return [
      ...processes.map((process) => ({ name: process.spec.name, pid: process.pid! })),
      ...infrastructureProcesses(),
    ];
  }

  /** One number of the database; the statement calls it `n`. */
  async count(text: string, values: readonly unknown[] = []): Promise<number> {
    const { rows } = await this.database.query<{ n: number | string }>({ text, values });
    return Number(rows[0]!.n);
  }

  async close(): Promise<void> {
    for (const each of this.own) {
      // A profile is written by who ends in order.
      await (NODE_OPTIONS.length > 0 ? each.stop() : each.kill());
      started.delete(each);
    }
    await this.publisher.disconnect();
    const admin = this.kafka.newClient().admin();
    await admin.connect();
    const ours = (await admin.listTopics()).filter((topic) => topic.startsWith(this.env.TOPIC_PREFIX!));
    await admin.deleteTopics({ topics: ours });
    await admin.disconnect();
    await this.database.close();
    await this.testDatabase.drop();
  }

  private spec(name: string, script: string, env: Readonly<Record<string, string>>): ProcessSpec {
    return {
      name,
      command: process.execPath,
      args: [...NODE_OPTIONS, '--enable-source-maps', script],
      env: { ...process.env, ...this.env, INSTANCE_ID: name, ...env },
      logFile: join(ROOT, '.trackline/bench-logs', `${name}.log`),
    };
  }

  private run(spec: ProcessSpec): OwnProcess {
    const process = new OwnProcess(spec);
    this.keep(process);
    process.start();
    return process;
  }

  private keep(process: OwnProcess): void {
    this.own.push(process);
    started.add(process);
  }
}

async function runToEnd(script: string, env: Readonly<Record<string, string>>): Promise<void> {
  const child = spawn(process.execPath, [script], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`${script} ended with exit code ${code}.`);
}

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
