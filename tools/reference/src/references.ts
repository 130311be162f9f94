import {
  asyncApiDocument,
  openApiDocument,
  routes,
  topics,
  type PartitionCounts,
} from '@trackline/contracts';
import { httpPage } from './http-page.ts';
import { topicsPage } from './topics-page.ts';

/** Those of the default settings. */
const PARTITIONS: PartitionCounts = { contact: 6, outcome: 16 };

const json = (document: unknown): string => `${JSON.stringify(document, null, 2)}\n`;

/** Every generated page by its name under docs/reference. */
export function references(version: string): ReadonlyMap<string, string> {
  const openApi = openApiDocument(routes, { version });
  return new Map([
    ['openapi.json', json(openApi)],
    ['asyncapi.json', json(asyncApiDocument(topics, { version, partitions: PARTITIONS }))],
    ['http.md', httpPage(openApi)],
    ['topics.md', topicsPage(topics, PARTITIONS)],
  ]);
}
