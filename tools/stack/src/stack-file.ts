import { rmSync } from 'node:fs';
import { writeJson } from './json-file.ts';

/** What scripts and tests read while a stack is up. */
export interface StackFile {
  readonly url: string;
  readonly adminToken: string;
  readonly apiKey: string;
  /** The demonstration organisation, whose key `apiKey` is. */
  readonly organizationId: string;
  /** Comma separated, as in KAFKA_BROKERS. */
  readonly kafkaBrokers: string;
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly gateway: { readonly pid: number; readonly url: string };
  readonly services: readonly {
    readonly name: string;
    readonly instance: string;
    readonly pid: number;
    readonly url: string;
  }[];
}

export const writeStackFile = (file: string, content: StackFile) => writeJson(file, content);
export const removeStackFile = (file: string) => rmSync(file, { force: true });
