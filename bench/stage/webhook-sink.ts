import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Where webhooks of workflows go to: takes each, and counts them by action. */
export interface WebhookSink {
  readonly url: string;
  /** Actions that came, however often each. */
  readonly received: number;
  close(): Promise<void>;
}

export async function openWebhookSink(): Promise<WebhookSink> {
  const seen = new Set<string>();
  const server = createServer((request, response) => {
    seen.add(String(request.headers['webhook-id']));
    request.resume().once('end', () => response.writeHead(204).end());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    get received() {
      return seen.size;
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
