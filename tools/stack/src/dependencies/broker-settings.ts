/** A listener whose clients are told to come by another port: what listens there passes on to this one. */
export interface BrokerDoor {
  readonly port: number;
  readonly advertisedPort: number;
}

export interface BrokerPlace {
  readonly port: number;
  readonly controllerPort: number;
  readonly doors?: readonly BrokerDoor[];
}

/** One combined KRaft node. The names are Kafka's: https://kafka.apache.org/documentation/#brokerconfigs */
export function brokerSettings(
  logDirectory: string,
  { port, controllerPort, doors = [] }: BrokerPlace,
): string {
  const named = doors.map((door, at) => ({ ...door, name: `DOOR${at + 1}` }));
  const list = (first: string, more: (door: BrokerDoor & { name: string }) => string) =>
    [first, ...named.map(more)].join(',');
  return `${Object.entries({
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: list(
      `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
      (door) => `${door.name}://127.0.0.1:${door.port}`,
    ),
    'advertised.listeners': list(
      `PLAINTEXT://127.0.0.1:${port}`,
      (door) => `${door.name}://127.0.0.1:${door.advertisedPort}`,
    ),
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': list(
      'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
      ({ name }) => `${name}:PLAINTEXT`,
    ),
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': logDirectory,
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
    // Tests kill consumers hundreds of times, and do not wait six seconds each time.
    'group.min.session.timeout.ms': 1_000,
    ...(doors.length > 0 && {
      // Of each listener. One that is killed is back sooner when its former life is soon forgotten.
      'num.network.threads': 1,
      'broker.session.timeout.ms': 2_000,
      'broker.heartbeat.interval.ms': 500,
    }),
  })
    .map(([name, value]) => `${name}=${value}`)
    .join('\n')}\n`;
}
