import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  readonly atMs: number;
}

type Reply = (received: Received, response: ServerResponse) => void;

/** A real HTTP server that keeps what it got and answers as told; 200 unless told otherwise. */
export class Receiver {
  readonly received: Received[] = [];
  /** Requests that have come and are not answered yet, and the most of them there were at once. */
  open = 0;
  mostOpen = 0;
  private readonly server: Server;
  private reply: Reply = (_, response) => response.end();

  private constructor() {
    this.server = createServer((request, response) => {
      this.open += 1;
      this.mostOpen = Math.max(this.mostOpen, this.open);
      response.on('close', () => (this.open -= 1));
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const received = {
          method: request.method!,
          path: request.url!,
          headers: request.headers,
          body: Buffer.concat(chunks).toString(),
          atMs: Date.now(),
        };
        this.received.push(received);
        this.reply(received, response);
      });
    });
  }

  /** `port` 0: any free one. */
  static async open(host = '127.0.0.1', port = 0): Promise<Receiver> {
    const receiver = new Receiver();
    await new Promise<void>((resolve, fail) => {
      receiver.server.once('error', fail);
      receiver.server.listen(port, host, resolve);
    });
    return receiver;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** From now on. */
  answer(reply: Reply): void {
    this.reply = reply;
  }

  /** One status after the other; the last one for all that come after. */
  answerInTurn(...statuses: readonly (readonly [status: number, headers?: Record<string, string>])[]): void {
    let turn = 0;
    this.answer((_, response) => {
      const [status, headers = {}] = statuses[Math.min(turn++, statuses.length - 1)]!;
      response.writeHead(status, headers).end(`answer ${turn}`);
    });
  }

  ids(path?: string): string[] {
    return this.received
      .filter((one) => path === undefined || one.path === path)
      .map(({ headers }) => String(headers['webhook-id']));
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
