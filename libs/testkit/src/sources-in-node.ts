import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Arguments for `node`: a child process of a test runs our sources and needs no build. */
export const SOURCES_IN_NODE: readonly string[] = [
  '--conditions=@trackline/source',
  `--import=${pathToFileURL(resolve(import.meta.dirname, '../typescript-in-node.mjs')).href}`,
];
