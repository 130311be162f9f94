import { connect, type Socket } from 'node:net';
import { connectKafka, type KafkaConnection } from '@trackline/kafka';

/** A way to the broker that can be cut and mended, for one client of it. */
export class SwitchableNetwork {
  private away = false;
  private readonly sockets = new Set<Socket>();

  connectTo(through: KafkaConnection, topicPrefix: string): KafkaConnection {
    return connectKafka({
      brokers: through.brokers,
      clientId: 'switchable',
      topicPrefix,
      connectTimeoutMs: 500,
      requestTimeoutMs: 1_000,
      socketFactory: ({ host, port, onConnect }) => {
        // Nothing listens at port 1.
        const socket = connect({ host, port: this.away ? 1 : port, noDelay: true }, onConnect);
        this.sockets.add(socket);
        socket.on('close', () => this.sockets.delete(socket));
        return socket;
      },
    });
  }

  cut(): void {
    this.away = true;
    for (const socket of this.sockets) socket.destroy();
  }

  mend(): void {
    this.away = false;
  }
}
