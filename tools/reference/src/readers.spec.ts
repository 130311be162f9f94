import { readdirSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { OUTCOMES, PROGRESS, topics } from '@trackline/contracts';

/*
 * Who reads a topic is said once in the contracts, and from there in the reference and as the owner of the dead letters. Here it is held
 * against what Nest is told: the pattern that `@BatchHandler` leaves on a handler.
 */

const SERVICES = new URL('../../../services/', import.meta.url);
/** Under which Nest keeps the patterns of a handler. */
const PATTERNS = 'microservices:pattern';
/** Read by each instance as a whole or in part, without a group: no handler is marked with them, and they have no dead letters. */
const PINNED: Readonly<Record<string, string>> = { [OUTCOMES]: 'ingest', [PROGRESS]: 'trigger' };

const services = readdirSync(SERVICES, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

const isGrouped = (name: string): boolean => topics.some((topic) => topic.name === `${name}.dlq`);

/** The topics of the handlers of all classes in a service's Kafka adapters. */
async function handledBy(service: string): Promise<string[]> {
  const folder = new URL(`${service}/src/adapters/kafka/`, SERVICES);
  const files = readdirSync(folder).filter((name) => name.endsWith('.ts') && !name.endsWith('.spec.ts'));
  const handled: string[] = [];
  for (const file of files) {
    const exported = (await import(pathToFileURL(new URL(file, folder).pathname).href)) as object;
    for (const value of Object.values(exported)) {
      if (typeof value !== 'function' || !value.prototype) continue;
      for (const { value: method } of Object.values(Object.getOwnPropertyDescriptors(value.prototype)))
        if (typeof method === 'function')
          handled.push(...((Reflect.getMetadata(PATTERNS, method) as string[] | undefined) ?? []));
    }
  }
  return handled.sort();
}

describe('the readers of a topic', () => {
  it.each(services)('are said as they are: %s', async (service) => {
    const said = topics.filter(({ name, readers }) => isGrouped(name) && readers.includes(service));
    expect(await handledBy(service)).toEqual(said.map(({ name }) => name).sort());
  });

  it('are services that there are, those without a group too', () => {
    for (const { name, readers } of topics) {
      if (isGrouped(name)) expect(services).toEqual(expect.arrayContaining([...readers]));
      if (PINNED[name]) expect(readers).toEqual([PINNED[name]]);
    }
  });
});
