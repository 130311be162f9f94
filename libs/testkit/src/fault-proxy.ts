import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Random } from './random.ts';

/** What a network may do to a connection between two healthy parties. Commands always arrive; replies may not. */
export interface NetworkFaults {
  /** How often a reply is lost: the connection is cut after the command was carried out, before its answer is passed on. 0 to 1. */
  cutReplyRatio?: number;
  /** How often a reply is held back, 0 to 1, and for how long. */
  delayReplyRatio?: number;
  delayMs?: number;
  /** New connections are refused and open ones cut: the party is away. */
  away?: boolean;
}

/** What really happened: a fault test that cannot show its fault fails. */
export interface FaultCounts {
  connections: number;
  repliesCut: number;
  repliesDelayed: number;
}

/** A TCP proxy in front of Redis, Postgres or a broker (on a listener that is advertised as the proxy's address). Loopback only. */
export class FaultProxy {
  readonly counts: FaultCounts = { connections: 0, repliesCut: 0, repliesDelayed: 0 };
  private readonly target: { host: string; port: number };
  private readonly random: Random;
  private readonly open = new Set<Socket>();
  private readonly server: Server;
  private faults: NetworkFaults = {};

  constructor(target: { host: string; port: number }, random: Random) {
    this.target = target;
    this.random = random;
    this.server = createServer((client) => this.accept(client));
  }

  async listen(port = 0): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject).listen(port, '127.0.0.1', resolve);
    });
    return (this.server.address() as AddressInfo).port;
  }

  /** From now on; connections that are open feel it too. */
  set(faults: NetworkFaults): void {
    this.faults = faults;
    if (faults.away) this.cutAll();
  }

  cutAll(): void {
    for (const socket of this.open) socket.destroy();
  }

  async close(): Promise<void> {
    this.cutAll();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  private accept(client: Socket): void {
    if (this.faults.away) return void client.destroy();
    this.counts.connections += 1;
    const upstream = connect({ ...this.target, noDelay: true });
    client.setNoDelay(true);
    for (const socket of [client, upstream]) {
      this.open.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        this.open.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.pipe(upstream);
    upstream.on('data', (reply: Buffer) => this.passReply(reply, upstream, client));
    upstream.on('end', () => client.end());
  }

  private passReply(reply: Buffer, upstream: Socket, client: Socket): void {
    const { cutReplyRatio = 0, delayReplyRatio = 0, delayMs = 0 } = this.faults;
    if (this.random() < cutReplyRatio) {
      this.counts.repliesCut += 1;
      client.destroy();
      upstream.destroy();
      return;
    }
    if (this.random() >= delayReplyRatio) return void client.write(reply);
    this.counts.repliesDelayed += 1;
    upstream.pause();
    setTimeout(() => {
      if (!client.destroyed) client.write(reply);
      upstream.resume();
    }, delayMs).unref();
  }
}
