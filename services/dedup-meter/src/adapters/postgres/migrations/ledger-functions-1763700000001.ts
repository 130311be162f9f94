import type { MigrationInterface, QueryRunner } from '@trackline/postgres';

/** What must happen in one go, in one round trip. Locks are taken in one order everywhere: epoch, sources by id, identities by value. */
export class LedgerFunctions1763700000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // The share lock on the epoch keeps a term from being raised beside the end of an epoch, which raises all it sees.
    await runner.query(`
      CREATE FUNCTION dedup_meter.raise_term(p_name text)
      RETURNS TABLE (id integer, term bigint, done bigint, epoch bigint) LANGUAGE plpgsql AS $$
      BEGIN
        SELECT e.epoch INTO epoch FROM dedup_meter.epoch e FOR SHARE;
        UPDATE dedup_meter.source s SET term = s.term + 1 WHERE s.name = p_name
          RETURNING s.id, s.term, s.done INTO id, term, done;
        IF NOT FOUND THEN
          INSERT INTO dedup_meter.source AS s (name, term, done) VALUES (p_name, 1, -1)
            ON CONFLICT (name) DO UPDATE SET term = s.term + 1
            RETURNING s.id, s.term, s.done INTO id, term, done;
        END IF;
        RETURN NEXT;
      END $$`);

    // Waits for commits in flight (they hold their source's row) and voids the others.
    await runner.query(`
      CREATE FUNCTION dedup_meter.end_epoch(p_epoch bigint) RETURNS boolean LANGUAGE plpgsql AS $$
      BEGIN
        UPDATE dedup_meter.epoch SET epoch = epoch + 1 WHERE epoch = p_epoch;
        IF NOT FOUND THEN RETURN false; END IF;
        PERFORM 1 FROM dedup_meter.source ORDER BY id FOR UPDATE;
        UPDATE dedup_meter.source SET term = term + 1;
        RETURN true;
      END $$`);

    await runner.query(`
      CREATE FUNCTION dedup_meter.commit_verdicts(
        -- batches, by source
        b_source integer[], b_term bigint[], b_first bigint[], b_last bigint[], b_trim bigint[], b_journal bytea[],
        -- admitted events, by event id
        e_event uuid[], e_contact uuid[], e_source integer[], e_offset bigint[],
        -- unique ids, by identity
        u_identity uuid[], u_event uuid[], u_received_ms bigint[],
        -- admitted events, counted
        n_organization uuid[], n_day date[], n_source integer[], n_used bigint[],
        -- thresholds reached
        t_organization uuid[], t_month date[], t_threshold smallint[], t_used bigint[], t_limit bigint[], t_at_ms bigint[],
        t_source integer[], t_offset bigint[],
        d_source integer[], d_offset bigint[], d_reason text[], d_detail text[]
      ) RETURNS TABLE (organization_id uuid, month date, threshold smallint, source integer) LANGUAGE plpgsql AS $$
      #variable_conflict use_column
      DECLARE
        written bigint;
        durable boolean := false;
      BEGIN
        FOR i IN 1..cardinality(b_source) LOOP
          UPDATE dedup_meter.source SET done = b_last[i]
            WHERE id = b_source[i] AND term = b_term[i] AND done < b_first[i];
          IF NOT FOUND THEN
            RAISE EXCEPTION 'source %: term % is over, or offset % has been judged', b_source[i], b_term[i], b_first[i]
              USING ERRCODE = 'TL001';
          END IF;
          IF b_trim[i] IS NOT NULL THEN
            DELETE FROM dedup_meter.journal WHERE source = b_source[i] AND last_offset < b_trim[i];
          END IF;
          IF b_journal[i] IS NOT NULL THEN
            durable := true;
            INSERT INTO dedup_meter.journal (source, first_offset, last_offset, entries)
              VALUES (b_source[i], b_first[i], b_last[i], b_journal[i]);
          END IF;
        END LOOP;

        -- Nothing but ticks: when a crash takes this back, they are read again and do nothing again.
        IF NOT durable THEN
          PERFORM set_config('synchronous_commit', 'off', true);
          RETURN;
        END IF;

        IF cardinality(e_event) > 0 THEN
          INSERT INTO dedup_meter.event_identity (event_id, contact_id, source, source_offset)
            SELECT * FROM unnest(e_event, e_contact, e_source, e_offset)
            ON CONFLICT (event_id) DO NOTHING;
          GET DIAGNOSTICS written = ROW_COUNT;
          IF written < cardinality(e_event) THEN
            RAISE EXCEPTION '% event ids are known', cardinality(e_event) - written USING ERRCODE = 'TL002';
          END IF;
        END IF;
        IF cardinality(u_identity) > 0 THEN
          INSERT INTO dedup_meter.unique_identity AS known (identity, event_id, received_at)
            SELECT i, e, to_timestamp(r / 1000.0) FROM unnest(u_identity, u_event, u_received_ms) AS fresh (i, e, r)
            ON CONFLICT (identity) DO UPDATE SET event_id = excluded.event_id, received_at = excluded.received_at
              WHERE known.received_at + interval '24 months' < excluded.received_at;
          GET DIAGNOSTICS written = ROW_COUNT;
          IF written < cardinality(u_identity) THEN
            RAISE EXCEPTION '% unique ids are known', cardinality(u_identity) - written USING ERRCODE = 'TL002';
          END IF;
        END IF;
        IF cardinality(n_organization) > 0 THEN
          INSERT INTO dedup_meter.usage AS u (organization_id, day, source, used)
            SELECT * FROM unnest(n_organization, n_day, n_source, n_used)
            ON CONFLICT (organization_id, day, source) DO UPDATE SET used = u.used + excluded.used;
        END IF;
        IF cardinality(d_source) > 0 THEN
          INSERT INTO dedup_meter.dead_letter (source, source_offset, reason, detail)
            SELECT * FROM unnest(d_source, d_offset, d_reason, d_detail);
        END IF;
        IF cardinality(t_organization) > 0 THEN
          RETURN QUERY
            INSERT INTO dedup_meter.notice AS n
              (organization_id, month, threshold, used, monthly_limit, at, source, source_offset)
              SELECT o, m, t, used, l, to_timestamp(ms / 1000.0), s, p
                FROM unnest(t_organization, t_month, t_threshold, t_used, t_limit, t_at_ms, t_source, t_offset)
                  AS raised (o, m, t, used, l, ms, s, p)
              ON CONFLICT DO NOTHING
              RETURNING n.organization_id, n.month, n.threshold, n.source;
        END IF;
      END $$`);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const name of ['commit_verdicts', 'end_epoch', 'raise_term'])
      await runner.query(`DROP FUNCTION dedup_meter.${name}`);
  }
}
