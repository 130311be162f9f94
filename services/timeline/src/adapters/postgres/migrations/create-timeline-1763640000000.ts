import type { MigrationInterface, QueryRunner } from '@trackline/postgres';

/**
 * Three indexes on `event`, one per way of reading: by id (receipt), by contact (timeline), by organisation (list). The primary key is the first
 * of them: ids made at the door grow with time, so the index that must be probed before every insert is the one whose end is in memory.
 * Partitions are made by the retention keeper, not here: which months there are depends on the day.
 */
const EVENT = `
  CREATE TABLE timeline.event (
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    backfill boolean NOT NULL,
    name text NOT NULL,
    source text NOT NULL,
    unique_id text,
    client_id text,
    properties jsonb NOT NULL,
    PRIMARY KEY (id, occurred_at)
  ) PARTITION BY RANGE (occurred_at);
  CREATE INDEX event_of_contact ON timeline.event (contact_id, occurred_at, id);
  CREATE INDEX event_of_organization ON timeline.event (organization_id, occurred_at, id);
`;

/** One row per refusal: an event that its client named can be refused several times, and be admitted later. */
const REFUSAL = `
  CREATE TABLE timeline.refusal (
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    duplicate_of uuid,
    verdict text NOT NULL CHECK (verdict IN ('duplicate', 'over_limit')),
    name text NOT NULL,
    source text NOT NULL,
    unique_id text,
    client_id text,
    properties jsonb NOT NULL,
    PRIMARY KEY (id, received_at)
  ) PARTITION BY RANGE (received_at);
  CREATE INDEX refusal_of_organization ON timeline.refusal (organization_id, occurred_at, id);
`;

const EXECUTION_EFFECT = `
  CREATE TABLE timeline.execution_effect (
    happened_at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    id text NOT NULL,
    organization_id uuid NOT NULL,
    execution_id uuid NOT NULL,
    workflow_id uuid NOT NULL,
    effect text NOT NULL CHECK (effect IN ('started', 'resumed', 'refused')),
    reason text,
    PRIMARY KEY (event_id, id, happened_at)
  ) PARTITION BY RANGE (happened_at);
`;

/** Facts about contacts that outlive the events: which became an alias of which, and which were erased. Never removed. */
const CONTACT_FACTS = `
  CREATE TABLE timeline.alias (
    organization_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    into_contact_id uuid NOT NULL,
    merged_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, contact_id)
  );
  CREATE INDEX alias_of_contact ON timeline.alias (organization_id, into_contact_id);
  CREATE TABLE timeline.tombstone (
    organization_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    erased_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, contact_id)
  );
`;

/** Updated with every batch: room in the page, so that an update never touches an index. */
const POSITION = `
  CREATE TABLE timeline.position (
    topic text NOT NULL,
    partition int NOT NULL,
    source text NOT NULL,
    source_offset bigint NOT NULL,
    PRIMARY KEY (topic, partition, source)
  ) WITH (fillfactor = 50);
`;

export class CreateTimeline1763640000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statements of [EVENT, REFUSAL, EXECUTION_EFFECT, CONTACT_FACTS, POSITION]) {
      await runner.query(statements);
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      'DROP TABLE timeline.event, timeline.refusal, timeline.execution_effect, timeline.alias, timeline.tombstone, timeline.position',
    );
  }
}
