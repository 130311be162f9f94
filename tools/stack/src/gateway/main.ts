/**
 * The gateway as a process of its own: its throughput is not shared with whoever starts and watches the stack, the compose file
 * runs the very same program, and when it dies it is started again like any service.
 *
 * Settings: HTTP_PORT (8080), HTTP_HOST (127.0.0.1), LOG_LEVEL (warn), and for each service the URLs of its instances, separated
 * by commas: UPSTREAM_INGEST, UPSTREAM_DEDUP_METER, UPSTREAM_TRIGGER, UPSTREAM_TIMELINE, UPSTREAM_CONNECTORS.
 */
import { routes } from '@trackline/contracts';
import { SERVICES, type ServiceName } from '../services.ts';
import { createGateway } from './server.ts';
import { upstreamVariable } from './upstream-variable.ts';
import { Upstreams } from './upstreams.ts';

const { env } = process;
const DRAIN_MS = 2_000;

const urls = new Map<ServiceName, string[]>(
  SERVICES.map(({ name }) => {
    const given = env[upstreamVariable(name)];
    if (!given)
      throw new Error(`${upstreamVariable(name)} is not set: the gateway must know where ${name} is.`);
    return [name, given.split(',').map((url) => url.trim())];
  }),
);

const upstreams = new Upstreams(urls);
const gateway = await createGateway({ routes, upstreams, logLevel: env.LOG_LEVEL ?? 'warn' });
const stopping = new AbortController();
void upstreams.watch(stopping.signal);
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    stopping.abort();
    // A caller that keeps an answered connection open for its next request would hold us for as long as it likes.
    setTimeout(() => gateway.server.closeAllConnections(), DRAIN_MS);
    void gateway.close().then(() => process.exit(0));
  });
}
await gateway.listen({ port: Number(env.HTTP_PORT ?? 8080), host: env.HTTP_HOST ?? '127.0.0.1' });
