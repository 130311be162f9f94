import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { uuidv7, writeUuid } from '@trackline/kernel';
import { Fault } from '../fault.ts';
import type { Places } from '../places.ts';
import { describeExit, lastLines, type Children } from '../processes/children.ts';
import type { Surroundings } from '../surroundings.ts';
import type { Dependency } from './dependency.ts';
import { fromMaven } from './downloads.ts';
import { brokerSettings, type BrokerPlace } from './broker-settings.ts';
import { onceCompleted } from './once-completed.ts';
import { requireJava, requireJavaAndMaven } from './programs.ts';
import { waitUntilReachable, waitUntilUp } from './wait-until.ts';

const JARS = 'kafka-4.1.1';
const LOG_DIRECTORY = 'log';
const USUAL_PORT = 9092;
const UP_WITHIN_MS = 60_000;
const GRACE_MS = 8_000;
const PROBE_MS = 1_000;

/** Small and quick to start: what ends with a test run does not wait for the second compiler. */
const JVM_OF_A_TEST = ['-Xms128m', '-Xmx384m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto'];
/** What Kafka's own start script gives, with half of its heap. */
const JVM_TO_LAST = [
  ...['-Xms512m', '-Xmx512m', '-XX:+UseG1GC', '-XX:MaxGCPauseMillis=20'],
  ...['-XX:InitiatingHeapOccupancyPercent=35', '-XX:+ExplicitGCInvokesConcurrent', '-Xshare:auto'],
];

export async function reachKafka(brokers: string): Promise<Dependency> {
  const first = brokers.split(',')[0]!.trim();
  await waitUntilReachable(
    () => `KAFKA_BROKERS names ${first}, which does not answer.`,
    () => kafkaAnswers(first),
    15_000,
    'Start that broker, or unset KAFKA_BROKERS: then an embedded one is started.',
  );
  return { address: brokers, origin: 'from KAFKA_BROKERS' };
}

/** One node that is broker and controller, with its data below the stack's home. */
export async function startKafka(
  surroundings: Surroundings,
  { durable, usualPorts }: { durable: boolean; usualPorts: boolean },
): Promise<Dependency> {
  const { ports, children } = surroundings;
  const port = await ports.choose('kafka', usualPorts ? USUAL_PORT : undefined);
  const controllerPort = await ports.choose('kafka-controller');
  const place = { port, controllerPort };
  const { command, args } = await formattedBroker(surroundings, 'kafka', place, { durable });
  const child = children.start({ name: 'kafka', phase: 'kafka', command, args, graceMs: GRACE_MS });
  await waitUntilUp('Kafka', child, () => kafkaAnswers(`127.0.0.1:${port}`), UP_WITHIN_MS);
  return {
    address: `127.0.0.1:${port}`,
    origin: `embedded, Apache Kafka ${JARS.slice('kafka-'.length)}`,
    died: child.exited.then(() => child.logFile),
  };
}

export interface FormattedBroker {
  readonly command: string;
  readonly args: readonly string[];
  /** What its storage was formatted to be: the broker's `log.dirs`. */
  readonly logDirectory: string;
}

/** A broker that only has to be started: its settings are written, its storage is formatted. */
export async function formattedBroker(
  surroundings: Surroundings,
  name: string,
  place: BrokerPlace,
  { durable }: { durable: boolean } = { durable: false },
): Promise<FormattedBroker> {
  const { places, children } = surroundings;
  const cached = existsSync(join(places.cache, JARS));
  if (cached) requireJava('The embedded Kafka');
  else requireJavaAndMaven('The embedded Kafka');
  const jars = await fromMaven(surroundings, { name: JARS, profile: 'kafka', goal: 'copy-dependencies' });
  const directory = join(places.data, name);
  const logDirectory = join(directory, LOG_DIRECTORY);
  mkdirSync(directory, { recursive: true });
  const properties = join(directory, 'server.properties');
  writeFileSync(properties, brokerSettings(logDirectory, place));
  const jvm = durable ? JVM_TO_LAST : JVM_OF_A_TEST;
  const java = (...args: string[]) => [...jvm, ...logging(places), '-cp', `${jars}/*`, ...args];
  await onceCompleted(join(directory, 'formatted'), async () => {
    rmSync(logDirectory, { recursive: true, force: true });
    await format(children, `${name}-format`, java, properties);
  });
  return { command: 'java', args: java('kafka.Kafka', properties), logDirectory };
}

async function format(
  children: Children,
  name: string,
  java: (...args: string[]) => string[],
  properties: string,
): Promise<void> {
  // Of an id that begins with the time: a random one may begin with a dash, and is taken for an option.
  const id = Buffer.alloc(16);
  writeUuid(uuidv7(), id);
  const clusterId = id.toString('base64url');
  const child = children.start({
    name,
    phase: 'task',
    command: 'java',
    args: java('kafka.tools.StorageTool', 'format', '--cluster-id', clusterId, '--config', properties),
    graceMs: 1_000,
  });
  const exit = await child.exited;
  if (exit.code !== 0) {
    throw new Fault(`Kafka's formatting of its storage ${describeExit(exit)}:\n${lastLines(child.logFile)}`);
  }
}

const logging = (places: Places) => [
  `-Dlog4j2.configurationFile=${join(places.root, 'tools/stack/broker/log4j2.properties')}`,
];

/** ApiVersions v0, the one request that every broker answers: length, key 18, version 0, correlation id, client id null. */
const API_VERSIONS = Buffer.from('0000000a' + '0012' + '0000' + '00000001' + 'ffff', 'hex');

export async function kafkaAnswers(broker: string): Promise<boolean> {
  const [host, port] = [
    broker.slice(0, broker.lastIndexOf(':')),
    Number(broker.slice(broker.lastIndexOf(':') + 1)),
  ];
  return new Promise((settle) => {
    const socket = createConnection({ host, port, timeout: PROBE_MS });
    const end = (answered: boolean) => {
      socket.destroy();
      settle(answered);
    };
    socket.once('connect', () => socket.write(API_VERSIONS));
    socket.once('data', () => end(true));
    socket.once('timeout', () => end(false));
    socket.once('error', () => end(false));
    socket.once('close', () => end(false));
  });
}
