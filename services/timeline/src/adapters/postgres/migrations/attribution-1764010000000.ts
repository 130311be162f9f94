import type { MigrationInterface, QueryRunner } from '@trackline/postgres';

/**
 * One row per message, whatever is told of it, and one per event that may be an order: the facts from which all figures can be made again.
 * Attribution looks for the first or last message of a weight before a moment: the first index. Meta's events look for ads: the second.
 * No two indexes begin alike: while a table is new and has no statistics, the planner would take either.
 */
const FACTS = `
  CREATE TABLE timeline.conversation (
    organization_id uuid NOT NULL,
    message_key uuid NOT NULL,
    contact_id uuid NOT NULL,
    occurred_at timestamptz NOT NULL,
    outbound boolean NOT NULL,
    stage smallint NOT NULL,
    failed boolean NOT NULL,
    weight smallint NOT NULL,
    campaign_type text NOT NULL,
    campaign_id text NOT NULL,
    click_key uuid,
    execution_id uuid,
    PRIMARY KEY (organization_id, message_key)
  );
  CREATE INDEX conversation_of_contact ON timeline.conversation (contact_id, weight, occurred_at, message_key);
  CREATE INDEX conversation_of_ad ON timeline.conversation (contact_id, occurred_at) WHERE campaign_type = 'ad';
  CREATE TABLE timeline.order_fact (
    organization_id uuid NOT NULL,
    event_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    name text NOT NULL,
    occurred_at timestamptz NOT NULL,
    amount numeric,
    currency text,
    message_key uuid,
    click_key uuid,
    PRIMARY KEY (organization_id, event_id)
  );
  CREATE INDEX order_fact_of_contact ON timeline.order_fact (contact_id, occurred_at);
  CREATE TABLE timeline.campaign (
    organization_id uuid NOT NULL,
    type text NOT NULL,
    id text NOT NULL,
    name text,
    named_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, type, id)
  );
`;

/** An edition is one complete set of figures under one set of settings: one is current, at most one is being built beside it. */
const EDITIONS = `
  CREATE TABLE timeline.edition (
    organization_id uuid NOT NULL,
    edition int NOT NULL,
    state text NOT NULL CHECK (state IN ('current', 'building', 'retired')),
    window_hours int NOT NULL,
    model text NOT NULL,
    order_event_names text[] NOT NULL,
    default_currency text,
    phase text NOT NULL CHECK (phase IN ('collecting', 'attributing', 'complete')),
    done bigint NOT NULL DEFAULT 0,
    total bigint NOT NULL DEFAULT 0,
    cursor_at timestamptz,
    cursor_id uuid,
    begun_at timestamptz NOT NULL DEFAULT now(),
    lease_token uuid,
    lease_until timestamptz,
    PRIMARY KEY (organization_id, edition)
  ) WITH (fillfactor = 50);
  CREATE UNIQUE INDEX edition_current ON timeline.edition (organization_id) WHERE state = 'current';
  CREATE UNIQUE INDEX edition_building ON timeline.edition (organization_id) WHERE state = 'building';
  CREATE INDEX edition_to_do ON timeline.edition (begun_at) WHERE state IN ('building', 'retired');
  CREATE TABLE timeline.edition_version (version bigint NOT NULL);
  INSERT INTO timeline.edition_version VALUES (1);
`;

/**
 * Whoever writes facts or figures enters first: shared, until the transaction ends. Beginning and completing an edition takes the lock alone, so
 * no transaction ever works with editions that are not there any more. In a function, because its second statement has a snapshot of its own,
 * taken once the lock is there. The lock's two numbers are those of attribution-lock.ts.
 */
const ENTER = `
  CREATE FUNCTION timeline.enter_attribution() RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
  BEGIN
    PERFORM pg_advisory_xact_lock_shared(1953851500, 0);
    RETURN (SELECT version FROM timeline.edition_version);
  END
  $$;
`;

/** Sums are kept in shards, so that batches of different partitions do not wait for each other's rows. */
const FIGURES = `
  CREATE TABLE timeline.attribution (
    organization_id uuid NOT NULL,
    edition int NOT NULL,
    event_id uuid NOT NULL,
    occurred_at timestamptz NOT NULL,
    counted boolean NOT NULL,
    converted boolean NOT NULL,
    campaign_type text NOT NULL,
    campaign_id text NOT NULL,
    conversation_at timestamptz,
    amount numeric,
    currency text,
    meta text,
    ad_id text,
    PRIMARY KEY (organization_id, edition, event_id)
  );
  CREATE TABLE timeline.conversation_rollup (
    organization_id uuid NOT NULL,
    day date NOT NULL,
    campaign_type text NOT NULL,
    campaign_id text NOT NULL,
    shard smallint NOT NULL,
    sent bigint NOT NULL,
    delivered bigint NOT NULL,
    read bigint NOT NULL,
    conversations bigint NOT NULL,
    PRIMARY KEY (organization_id, day, campaign_type, campaign_id, shard)
  ) WITH (fillfactor = 50);
  CREATE TABLE timeline.order_rollup (
    organization_id uuid NOT NULL,
    edition int NOT NULL,
    day date NOT NULL,
    campaign_type text NOT NULL,
    campaign_id text NOT NULL,
    currency text NOT NULL,
    shard smallint NOT NULL,
    orders bigint NOT NULL,
    conversions bigint NOT NULL,
    revenue numeric NOT NULL,
    meta_leads bigint NOT NULL,
    meta_purchases bigint NOT NULL,
    meta_revenue numeric NOT NULL,
    PRIMARY KEY (organization_id, edition, day, campaign_type, campaign_id, currency, shard)
  ) WITH (fillfactor = 50);
`;

/**
 * Organisations that have events already get an edition that counts none as an order: it is not what their settings say, so the first look makes
 * the right one, from the timeline.
 */
const FIRST_EDITIONS = `
  INSERT INTO timeline.edition (organization_id, edition, state, window_hours, model, order_event_names, phase)
  SELECT DISTINCT organization_id, 1, 'current', 168, 'last_touch', '{}'::text[], 'complete' FROM timeline.event
`;

export class Attribution1764010000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statements of [FACTS, EDITIONS, ENTER, FIGURES, FIRST_EDITIONS])
      await runner.query(statements);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP FUNCTION timeline.enter_attribution();
      DROP TABLE timeline.conversation, timeline.order_fact, timeline.campaign, timeline.edition, timeline.edition_version,
        timeline.attribution, timeline.conversation_rollup, timeline.order_rollup
    `);
  }
}
