/** The least that could pass for a timeline: fetch, parse, one insert per batch of 500 into a table with the three indexes that reading needs. */
import { bareReader } from './bare-reader.ts';

await bareReader({
  name: 'bare-timeline',
  topics: ['events.admitted.v1', 'events.refused.v1'],
  isDurable: true,
  tables: [
    `CREATE TABLE IF NOT EXISTS bare_event (id text PRIMARY KEY, organization text NOT NULL, contact text NOT NULL,
       name text NOT NULL, occurred_at timestamptz NOT NULL, refused boolean NOT NULL, properties jsonb NOT NULL)`,
    `CREATE INDEX IF NOT EXISTS bare_event_of_contact ON bare_event (contact, occurred_at, id)`,
    `CREATE INDEX IF NOT EXISTS bare_event_of_organization ON bare_event (organization, occurred_at, id)`,
  ],
  statement: (events, topic) => ({
    text: `INSERT INTO bare_event
             SELECT id, split_part(contact, ':', 1), contact, name, to_timestamp(at / 1000.0), ${String(topic.includes('refused'))}, properties::jsonb
             FROM unnest($5::text[], $6::text[], $7::text[], $8::bigint[], $9::text[]) AS e (id, contact, name, at, properties)
             ON CONFLICT DO NOTHING`,
    values: [
      events.map(({ id }) => id),
      events.map(({ contact }) => contact),
      events.map(({ name }) => name),
      events.map(({ atMs }) => atMs),
      events.map(({ properties }) => JSON.stringify(properties)),
    ],
  }),
});
