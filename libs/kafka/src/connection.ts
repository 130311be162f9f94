import kafkajs, { type ISocketFactory, type Kafka, type KafkaConfig, type LogEntry } from 'kafkajs';
import { silentLogger, type KafkaLogger } from './logger.ts';

const { logLevel } = kafkajs;

export interface KafkaConnectionSettings {
  /** `host:port`, a list or one string with commas. */
  brokers: string | readonly string[];
  clientId: string;
  /** Put before every topic name and group id, so that several stacks can share a broker. */
  topicPrefix?: string;
  logger?: KafkaLogger;
  ssl?: KafkaConfig['ssl'];
  sasl?: KafkaConfig['sasl'];
  connectTimeoutMs?: number;
  /** After which a request counts as lost. */
  requestTimeoutMs?: number;
  /** For tests that cut connections. */
  socketFactory?: ISocketFactory;
}

/** Where the broker is, and how names are spelled there. Opens no connection by itself. */
export interface KafkaConnection {
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly logger: KafkaLogger;
  readonly requestTimeoutMs: number;
  /** As the broker knows the topic or group. */
  withPrefix(name: string): string;
  withoutPrefix(name: string): string;
  /**
   * A client of its own for each consumer, producer and admin: kafkajs keeps the committed offsets of a group in a map
   * that all consumers of one client share, and a rebalance of one of them empties it.
   */
  newClient(options?: ClientOptions): Kafka;
}

export interface ClientOptions {
  /** Tries to reach a broker before the operation at hand fails: one a second, after the first few. */
  retries?: number;
  onLog?(entry: LogEntry): void;
}

const CLIENT_RETRIES = { initialRetryTime: 100, maxRetryTime: 1_000, multiplier: 2, factor: 0.2, retries: 2 };

export function connectKafka(settings: KafkaConnectionSettings): KafkaConnection {
  const {
    clientId,
    topicPrefix = '',
    logger = silentLogger,
    connectTimeoutMs = 3_000,
    requestTimeoutMs = 10_000,
  } = settings;
  const brokers = (typeof settings.brokers === 'string' ? settings.brokers.split(',') : [...settings.brokers])
    .map((broker) => broker.trim())
    .filter((broker) => broker !== '');
  if (brokers.length === 0) throw new Error('No Kafka brokers given: expected host:port[,host:port…]');
  return {
    brokers,
    clientId,
    logger,
    requestTimeoutMs,
    withPrefix: (name) => topicPrefix + name,
    withoutPrefix: (name) => (name.startsWith(topicPrefix) ? name.slice(topicPrefix.length) : name),
    newClient: ({ retries = CLIENT_RETRIES.retries, onLog } = {}) =>
      new kafkajs.Kafka({
        brokers,
        clientId,
        connectionTimeout: connectTimeoutMs,
        requestTimeout: requestTimeoutMs,
        retry: { ...CLIENT_RETRIES, retries },
        logLevel: logLevel.WARN,
        logCreator: () => (entry) => {
          onLog?.(entry);
          passOn(logger, entry);
        },
        ...(settings.ssl === undefined ? {} : { ssl: settings.ssl }),
        ...(settings.sasl === undefined ? {} : { sasl: settings.sasl }),
        ...(settings.socketFactory === undefined ? {} : { socketFactory: settings.socketFactory }),
      }),
  };
}

/** Where kafkajs tells of each connection that it failed to open. Whoever needed it says so once, with the cause. */
const CONNECTION_NAMESPACES = new Set(['Connection', 'ConnectionPool', 'BrokerPool', 'Cluster']);

/** Nothing of it is an error of ours yet: what it means is logged where it is known. */
function passOn(logger: KafkaLogger, entry: LogEntry): void {
  const { message, timestamp: _timestamp, logger: _logger, stack: _stack, ...fields } = entry.log;
  const text = `kafkajs ${entry.namespace}: ${message}`;
  if (entry.level <= logLevel.WARN && !CONNECTION_NAMESPACES.has(entry.namespace)) logger.warn(fields, text);
  else logger.debug(fields, text);
}
