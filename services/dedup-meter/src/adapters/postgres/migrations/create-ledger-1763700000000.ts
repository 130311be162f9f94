import type { MigrationInterface, QueryRunner } from '@trackline/postgres';

const IDENTITY_PARTITIONS = 8;

/** The tables of the ledger. What each is for is told in the service's README. */
export class CreateLedger1763700000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE dedup_meter.epoch (
        single boolean PRIMARY KEY DEFAULT true CHECK (single),
        epoch bigint NOT NULL
      )`);
    await runner.query(`INSERT INTO dedup_meter.epoch (epoch) VALUES (1)`);

    // A row per source partition, changed by every batch: half-empty pages keep that from touching the index.
    await runner.query(`
      CREATE TABLE dedup_meter.source (
        id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        name text NOT NULL UNIQUE,
        term bigint NOT NULL,
        done bigint NOT NULL
      ) WITH (fillfactor = 30)`);

    await runner.query(`
      CREATE TABLE dedup_meter.journal (
        source integer NOT NULL,
        first_offset bigint NOT NULL,
        last_offset bigint NOT NULL,
        entries bytea NOT NULL,
        PRIMARY KEY (source, first_offset)
      )`);

    // No index but the key, and no column that an update would change: an insert costs one heap and one index tuple.
    await runner.query(`
      CREATE TABLE dedup_meter.event_identity (
        event_id uuid PRIMARY KEY,
        contact_id uuid NOT NULL,
        source_offset bigint NOT NULL,
        decided_at timestamptz NOT NULL DEFAULT now(),
        source integer NOT NULL
      ) PARTITION BY HASH (event_id)`);
    await runner.query(`
      CREATE TABLE dedup_meter.unique_identity (
        identity uuid PRIMARY KEY,
        event_id uuid NOT NULL,
        received_at timestamptz NOT NULL
      ) PARTITION BY HASH (identity)`);
    for (let i = 0; i < IDENTITY_PARTITIONS; i++) {
      for (const table of ['event_identity', 'unique_identity']) {
        await runner.query(`
          CREATE TABLE dedup_meter.${table}_${i} PARTITION OF dedup_meter.${table}
            FOR VALUES WITH (MODULUS ${IDENTITY_PARTITIONS}, REMAINDER ${i})`);
      }
    }

    await runner.query(`
      CREATE TABLE dedup_meter.usage (
        organization_id uuid NOT NULL,
        day date NOT NULL,
        source integer NOT NULL,
        used bigint NOT NULL,
        PRIMARY KEY (organization_id, day, source)
      ) WITH (fillfactor = 60)`);
    await runner.query(`
      CREATE TABLE dedup_meter.seeded (
        organization_id uuid NOT NULL,
        month date NOT NULL,
        epoch bigint NOT NULL,
        PRIMARY KEY (organization_id, month)
      )`);
    await runner.query(`
      CREATE TABLE dedup_meter.notice (
        organization_id uuid NOT NULL,
        month date NOT NULL,
        threshold smallint NOT NULL,
        used bigint NOT NULL,
        monthly_limit bigint NOT NULL,
        at timestamptz NOT NULL,
        source integer NOT NULL,
        source_offset bigint NOT NULL,
        PRIMARY KEY (organization_id, month, threshold)
      )`);
    await runner.query(`CREATE INDEX notice_by_position ON dedup_meter.notice (source, source_offset)`);
    await runner.query(`
      CREATE TABLE dedup_meter.dead_letter (
        source integer NOT NULL,
        source_offset bigint NOT NULL,
        reason text NOT NULL,
        detail text NOT NULL,
        decided_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (source, source_offset)
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of [
      'dead_letter',
      'notice',
      'seeded',
      'usage',
      'unique_identity',
      'event_identity',
      'journal',
      'source',
      'epoch',
    ]) {
      await runner.query(`DROP TABLE dedup_meter.${table}`);
    }
  }
}
