-- breaking: no
-- reason: retention by command, pruning that keeps what is held or kept for ever, repair of a damaged log from its published copy

SET LOCAL ROLE keyturn_owner;

-- MARK: retention

-- Leaves of a type are kept so many days from now on; null: for ever. Returns the days before; null: for ever. In the case
-- of the type's own record.
CREATE FUNCTION evidence.keep(of_type text, days integer, actor uuid, why text) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  was integer;
BEGIN
  IF days NOT BETWEEN 365 AND 36500 THEN
    RAISE EXCEPTION 'leaves are kept 365 to 36500 days' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  SELECT floor(extract(epoch FROM r.keep) / 86400) INTO was FROM evidence.retention AS r WHERE r.type = of_type FOR UPDATE;
  IF days IS NULL THEN
    DELETE FROM evidence.retention AS r WHERE r.type = of_type;
  ELSE
    INSERT INTO evidence.retention (type, keep) VALUES (of_type, make_interval(days => days))
    ON CONFLICT (type) DO UPDATE SET keep = EXCLUDED.keep;
  END IF;
  PERFORM evidence.record(evidence.case_of('evidence.retention ' || of_type), 'operator.action', evidence.actor_of(actor),
    evidence.object(ARRAY['action', 'days', 'type', 'was'],
      ARRAY['"audit.retention"', days::text, evidence.quoted(of_type), was::text]),
    '{}', ARRAY['reason'], ARRAY[why], ARRAY[actor]);
  RETURN was;
END
$$;

-- Deletes the leaves of whole tiles whose retention is over, oldest first, at most `most` tiles. As before, and: a leaf whose
-- type is kept for ever keeps its tile, a hold on a person keeps every leaf that names the person or hides something about
-- them, and a tile that must stay does not keep the later ones.
CREATE OR REPLACE FUNCTION evidence.prune(most integer) RETURNS bigint[]
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  chosen bigint[] := '{}';
  tile bigint;
  is_over boolean;
  is_old boolean;
  run record;
  shortest interval := (SELECT min(r.keep) FROM evidence.retention AS r);
  names bytea[] := ARRAY(
    SELECT convert_to(p.name::text, 'UTF8') FROM evidence.hold AS h JOIN evidence.pseudonym AS p ON p.person_id = h.person_id
    WHERE h.lifted_at IS NULL);
BEGIN
  FOR tile IN
    SELECT t FROM generate_series(0, (SELECT l.size / 256 FROM evidence.log AS l) - 1) AS t
    WHERE NOT EXISTS (SELECT FROM evidence.pruned AS p WHERE p.tile = t)
    ORDER BY t
  LOOP
    SELECT bool_and(coalesce(e.at < clock_timestamp() - r.keep, false) AND NOT evidence.is_held(e.case_id, NULL)
        AND NOT EXISTS (SELECT FROM unnest(names) AS h (name) WHERE position(h.name IN e.body) > 0)
        AND NOT EXISTS (
          SELECT FROM evidence.opening AS o JOIN evidence.hold AS h ON h.person_id = o.person_id AND h.lifted_at IS NULL
          WHERE o.case_id = e.case_id AND o.cs = e.cs)),
      bool_or(e.at < clock_timestamp() - shortest)
    INTO is_over, is_old
    FROM evidence.sealed AS s
    JOIN evidence.batch AS b ON b.id = s.batch
    CROSS JOIN LATERAL unnest(b.cases, b.sequences) WITH ORDINALITY AS m (case_id, cs, n)
    JOIN evidence.event AS e ON e.case_id = m.case_id AND e.cs = m.cs
    LEFT JOIN evidence.retention AS r ON r.type = e.type
    WHERE s.first_index >= (SELECT coalesce(max(x.first_index), 0) FROM evidence.sealed AS x WHERE x.first_index <= tile * 256)
      AND s.first_index < (tile + 1) * 256 AND s.first_index + m.n - 1 BETWEEN tile * 256 AND tile * 256 + 255;
    -- Later ones are younger.
    EXIT WHEN is_old IS NOT TRUE;
    IF is_over THEN
      chosen := chosen || tile;
      EXIT WHEN cardinality(chosen) >= most;
    END IF;
  END LOOP;
  IF chosen = '{}' THEN
    RETURN chosen;
  END IF;
  INSERT INTO evidence.pruned (tile) SELECT unnest(chosen);
  DELETE FROM evidence.opening AS o USING evidence.event AS e, evidence.sealed AS s
  WHERE e.case_id = o.case_id AND e.cs = o.cs AND s.batch = e.batch AND (s.first_index + e.n) / 256 = ANY (chosen);
  DELETE FROM evidence.event AS e USING evidence.sealed AS s
  WHERE s.batch = e.batch AND (s.first_index + e.n) / 256 = ANY (chosen);
  FOR run IN
    SELECT min(c.tile) AS first, count(*) AS count
    FROM (SELECT t AS tile, t - row_number() OVER (ORDER BY t) AS gap FROM unnest(chosen) AS t) AS c
    GROUP BY c.gap
    ORDER BY 1
  LOOP
    PERFORM evidence.record('00000000-0000-4000-8000-0000000000e2', 'tiles.pruned', evidence.actor_of(NULL),
      evidence.object(ARRAY['count', 'first'], ARRAY[run.count::text, run.first::text]));
  END LOOP;
  RETURN chosen;
END
$$;

-- MARK: repair

-- Puts rows of the log back as they were published. With the owner's own rights and no others: nobody is granted it, and it is
-- the one place that takes the append-only triggers away, until it ends.
--
-- Run `run_firsts[i] ..< run_firsts[i] + run_counts[i]` of the log is made again, as one batch. `cases` … `bodies` are the
-- runs' leaves, in order; an empty body is one that was pruned and stays so. `marks` are tiles that are not pruned. The head is set when `new_note` is not null.
CREATE FUNCTION evidence.repair(
  run_firsts bigint[], run_counts integer[], cases uuid[], sequences integer[], hashes bytea[], types text[], times timestamptz[],
  bodies bytea[], levels smallint[], numbers bigint[], tiles bytea[], roots bytea[], marks bigint[],
  old_size bigint, old_root bytea, new_size bigint, new_root bytea, new_note text,
  actor uuid, why text, detail text) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  gone bigint[];
  made bigint;
  place integer := 0;
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['event', 'batch', 'sealed', 'tile', 'pruned'] LOOP
    EXECUTE format('ALTER TABLE evidence.%I DISABLE TRIGGER %I', name, name || '_append_only');
  END LOOP;
  -- Whoever seals now must look again.
  UPDATE evidence.log AS l SET epoch = l.epoch + 1, sealer = NULL, lease_until = '-infinity'
  WHERE new_note IS NULL OR (l.size = old_size AND l.root = old_root);
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the log changed meanwhile' USING ERRCODE = 'serialization_failure';
  END IF;
  IF EXISTS (
    SELECT FROM unnest(cases, sequences) AS m (case_id, cs)
    JOIN evidence.event AS e ON e.case_id = m.case_id AND e.cs = m.cs
    JOIN evidence.outbox AS o ON o.batch = e.batch) THEN
    RAISE EXCEPTION 'a published leaf waits here to be sealed: the database was restored from an older copy'
      USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
  -- Batches of which nothing is left but what is made again.
  SELECT array_agg(DISTINCT x.batch) INTO gone
  FROM (
    SELECT s.batch FROM evidence.sealed AS s JOIN unnest(run_firsts, run_counts) AS r (first, count)
      ON s.first_index < r.first + r.count AND s.first_index + s.count > r.first
    UNION ALL
    SELECT e.batch FROM unnest(cases, sequences) AS m (case_id, cs)
    JOIN evidence.event AS e ON e.case_id = m.case_id AND e.cs = m.cs
  ) AS x (batch)
  WHERE NOT EXISTS (SELECT FROM evidence.outbox AS o WHERE o.batch = x.batch)
    AND NOT EXISTS (
      SELECT FROM evidence.sealed AS s
      WHERE s.batch = x.batch AND NOT EXISTS (
        SELECT FROM unnest(run_firsts, run_counts) AS r (first, count)
        WHERE s.first_index >= r.first AND s.first_index + s.count <= r.first + r.count));
  DELETE FROM evidence.sealed AS s USING unnest(run_firsts, run_counts) AS r (first, count)
  WHERE s.first_index < r.first + r.count AND s.first_index + s.count > r.first;
  DELETE FROM evidence.event AS e USING unnest(cases, sequences) AS m (case_id, cs)
  WHERE e.case_id = m.case_id AND e.cs = m.cs;
  DELETE FROM evidence.event AS e WHERE e.batch = ANY (gone);
  DELETE FROM evidence.batch AS b WHERE b.id = ANY (gone);
  FOR i IN 1 .. cardinality(run_firsts) LOOP
    made := nextval('evidence.batch_id');
    INSERT INTO evidence.batch (id, count, cases, sequences, hashes)
    SELECT made, run_counts[i], array_agg(m.case_id ORDER BY m.n), array_agg(m.cs ORDER BY m.n),
      string_agg(m.hash, '' ORDER BY m.n)
    FROM unnest(cases[place + 1:place + run_counts[i]], sequences[place + 1:place + run_counts[i]],
      hashes[place + 1:place + run_counts[i]]) WITH ORDINALITY AS m (case_id, cs, hash, n);
    INSERT INTO evidence.sealed (first_index, count, batch) VALUES (run_firsts[i], run_counts[i], made);
    INSERT INTO evidence.event (at, case_id, batch, cs, n, type, body)
    SELECT m.at, m.case_id, made, m.cs, m.n - 1, m.type, m.body
    FROM unnest(cases[place + 1:place + run_counts[i]], sequences[place + 1:place + run_counts[i]],
        types[place + 1:place + run_counts[i]], times[place + 1:place + run_counts[i]],
        bodies[place + 1:place + run_counts[i]]) WITH ORDINALITY AS m (case_id, cs, type, at, body, n)
    WHERE m.body <> '';
    place := place + run_counts[i];
  END LOOP;
  DELETE FROM evidence.tile AS t USING unnest(levels, numbers) AS m (level, number)
  WHERE t.level = m.level AND t.number = m.number;
  INSERT INTO evidence.tile (level, number, hashes, root)
  SELECT m.level, m.number, m.hashes, m.root FROM unnest(levels, numbers, tiles, roots) AS m (level, number, hashes, root);
  DELETE FROM evidence.pruned AS p WHERE p.tile = ANY (marks);
  IF new_note IS NOT NULL THEN
    UPDATE evidence.log SET size = new_size, root = new_root, note = new_note;
  END IF;
  FOREACH name IN ARRAY ARRAY['event', 'batch', 'sealed', 'tile', 'pruned'] LOOP
    EXECUTE format('ALTER TABLE evidence.%I ENABLE ALWAYS TRIGGER %I', name, name || '_append_only');
  END LOOP;
  RETURN evidence.record('00000000-0000-4000-8000-0000000000e7', 'log.repaired', evidence.actor_of(actor), detail, '{}',
    ARRAY['reason'], ARRAY[why], ARRAY[actor]);
END
$$;

REVOKE EXECUTE ON FUNCTION evidence.keep, evidence.repair FROM PUBLIC;
GRANT EXECUTE ON FUNCTION evidence.keep TO keyturn_engine;
