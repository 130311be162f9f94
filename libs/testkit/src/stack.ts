import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Dependencies } from './dependencies.ts';

/** One running process of a service. A service with two instances has two of these under one `name`. */
export interface RunningService {
  /** The service: ingest, dedup-meter, trigger, timeline, connectors. */
  readonly name: string;
  /** The process: `ingest-1`, `ingest-2`, … */
  readonly instance: string;
  readonly pid: number;
  readonly url: string;
}

/** What `npm start` writes to `.trackline/stack.json` while it is up. */
export interface Stack extends Dependencies {
  /** The one address in front of all services. */
  readonly url: string;
  readonly adminToken: string;
  /** A key of the demonstration organisation. */
  readonly apiKey: string;
  /** The demonstration organisation. */
  readonly organizationId: string;
  readonly services: readonly RunningService[];
}

/** The running stack: the file named by STACK_FILE, else the one of `npm start` in this checkout. */
export function stackFromEnv(env: NodeJS.ProcessEnv = process.env): Stack {
  return readStack(stackFile(env));
}

export function stackFile(env: NodeJS.ProcessEnv = process.env): string {
  return resolve(env.STACK_FILE ?? '.trackline/stack.json');
}

function readStack(file: string): Stack {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new Error(
      `No running stack: ${file} is not there. Start one with "npm start", or use "npm test".`,
      {
        cause: error,
      },
    );
  }
  return JSON.parse(text) as Stack;
}
