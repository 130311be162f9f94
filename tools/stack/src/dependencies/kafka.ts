import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { uuidToBytes, uuidv7 } from '@trackline/kernel';
import { Fault } from '../fault.ts';
import type { Places } from '../places.ts';
import { describeExit, lastLines, type Children } from '../processes/children.ts';
import type { Surroundings } from '../surroundings.ts';
import type { Dependency } from './dependency.ts';
import { fromMaven } from './downloads.ts';
import { onceCompleted } from './once-completed.ts';
import { requireJava, requireJavaAndMaven } from './programs.ts';
import { waitUntilReachable, waitUntilUp } from './wait-until.ts';

const JARS = 'kafka-4.1.1';
const LOG_DIRECTORY = 'log';
const USUAL_PORT = 9092;
const UP_WITHIN_MS = 60_000;
const GRACE_MS = 8_000;
const PROBE_MS = 1_000;

/** Small and quick to start: on a developer's machine nobody waits for the second compiler. */
const JVM = ['-Xms128m', '-Xmx384m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto'];

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
  { usualPorts }: { usualPorts: boolean },
): Promise<Dependency> {
  const { places, ports, children } = surroundings;
  const cached = existsSync(join(places.cache, JARS));
  if (cached) requireJava('The embedded Kafka');
  else requireJavaAndMaven('The embedded Kafka');
  const jars = await fromMaven(surroundings, { name: JARS, profile: 'kafka', goal: 'copy-dependencies' });
  const port = await ports.choose('kafka', usualPorts ? USUAL_PORT : undefined);
  const controllerPort = await ports.choose('kafka-controller');
  const directory = join(places.data, 'kafka');
  mkdirSync(directory, { recursive: true });
  const properties = join(directory, 'server.properties');
  writeFileSync(properties, settings(directory, port, controllerPort));
  const java = (...args: string[]) => [...JVM, ...logging(places), '-cp', `${jars}/*`, ...args];
  await onceCompleted(join(directory, 'formatted'), async () => {
    rmSync(join(directory, LOG_DIRECTORY), { recursive: true, force: true });
    await format(children, java, properties);
  });
  const child = children.start({
    name: 'kafka',
    phase: 'kafka',
    command: 'java',
    args: java('kafka.Kafka', properties),
    graceMs: GRACE_MS,
  });
  await waitUntilUp('Kafka', child, () => kafkaAnswers(`127.0.0.1:${port}`), UP_WITHIN_MS);
  return {
    address: `127.0.0.1:${port}`,
    origin: `embedded, Apache Kafka ${JARS.slice('kafka-'.length)}`,
    died: child.exited.then(() => child.logFile),
  };
}

async function format(
  children: Children,
  java: (...args: string[]) => string[],
  properties: string,
): Promise<void> {
  // Of an id that begins with the time: a random one may begin with a dash, and is taken for an option.
  const clusterId = uuidToBytes(uuidv7()).toString('base64url');
  const child = children.start({
    name: 'kafka-format',
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

/** The names are Kafka's: https://kafka.apache.org/documentation/#brokerconfigs */
function settings(directory: string, port: number, controllerPort: number): string {
  return `${Object.entries({
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': join(directory, LOG_DIRECTORY),
    'auto.create.topics.enable': false,
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 1,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    // A development group has one member most of the time: nobody to wait for.
    'group.initial.rebalance.delay.ms': 0,
  })
    .map(([name, value]) => `${name}=${value}`)
    .join('\n')}\n`;
}

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
