import { parseArgs } from 'node:util';
import { Fault } from './fault.ts';
import { parseInstances, type ServiceName } from './services.ts';

export const USAGE = `npm start -- [options]

  --once                run the main job, stop, and exit 0 (1 when any step of it was wrong)
  --fresh               delete the data of earlier starts first
  --docker              Kafka, Postgres and Redis from docker-compose.yml instead of embedded ones
  --port <number>       the address in front of all services (default: PORT, else 8080)
  --instances <list>    several processes of a service: ingest=2,trigger=2
  --no-demonstration    do not run the main job
  --help

KAFKA_BROKERS, DATABASE_URL and REDIS_URL name ones that run already, each for itself.`;

export interface Options {
  readonly once: boolean;
  readonly fresh: boolean;
  readonly docker: boolean;
  readonly port: number;
  readonly instances: ReadonlyMap<ServiceName, number>;
  readonly demonstration: boolean;
  readonly help: boolean;
}

const USUAL_PORT = 8080;

export function parseOptions(argv: readonly string[], env: NodeJS.ProcessEnv = process.env): Options {
  const { once, fresh, docker, port, instances, help, ...rest } = understood(argv);
  const wanted = port ?? env.PORT ?? String(USUAL_PORT);
  const number = Number(wanted);
  if (!Number.isInteger(number) || number < 1 || number > 65_535) {
    throw new Fault(`"${wanted}" is no port.`, 'Like this: npm start -- --port 8090');
  }
  return {
    once: once ?? false,
    fresh: fresh ?? false,
    docker: docker ?? false,
    port: number,
    instances: parseInstances(instances),
    demonstration: !(rest['no-demonstration'] ?? false),
    help: help ?? false,
  };
}

function understood(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        once: { type: 'boolean' },
        fresh: { type: 'boolean' },
        docker: { type: 'boolean' },
        port: { type: 'string' },
        instances: { type: 'string' },
        'no-demonstration': { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new Fault((error as Error).message.split('.')[0] + '.', USAGE, error);
  }
}
