/**
 * The least that could pass for matching: fetch, parse, one statement per batch of 500 that asks who waits for these events and notes how
 * far it has come. No definitions, no versions of them, nothing is started.
 */
import { bareReader } from './bare-reader.ts';

await bareReader({
  name: 'bare-trigger',
  topics: ['events.admitted.v1'],
  // How far it has come is all that it leaves: lost, that is asked again. Ours does not wait for it either.
  isDurable: false,
  tables: [
    `CREATE TABLE IF NOT EXISTS bare_wait (contact text, event_name text, execution uuid, PRIMARY KEY (contact, event_name, execution))`,
  ],
  statement: (events) => ({
    text: `SELECT w.execution FROM bare_wait w JOIN unnest($5::text[], $6::text[]) AS e (contact, name)
             ON w.contact = e.contact AND w.event_name = e.name`,
    values: [events.map(({ contact }) => contact), events.map(({ name }) => name)],
  }),
});
