-- breaking: yes
-- reason: one batch of leaves for a statement, tickets that are owed, whom each permit asks for again

SET LOCAL ROLE keyturn_owner;

-- MARK: many leaves at once

-- As evidence.lock_case, for all cases of a statement. Many of them take the lock that everybody's recording waits for at
-- once, as one by one would in the end: two that both hold it shared could not. Returns how many different cases they are.
CREATE FUNCTION evidence.lock_cases(cases uuid[]) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  distinct_cases uuid[] := ARRAY(SELECT DISTINCT c FROM unnest(cases) AS c ORDER BY c);
  of_case uuid;
BEGIN
  IF cardinality(distinct_cases) > 256 THEN
    IF coalesce(current_setting('keyturn.evidence_cases', true), '') <> '-1' THEN
      PERFORM pg_advisory_xact_lock(hashtextextended('keyturn evidence', 1));
      PERFORM set_config('keyturn.evidence_cases', '-1', true);
    END IF;
    RETURN cardinality(distinct_cases);
  END IF;
  FOREACH of_case IN ARRAY distinct_cases LOOP
    PERFORM evidence.lock_case(of_case);
  END LOOP;
  RETURN cardinality(distinct_cases);
END
$$;

-- The leaf after `before`, whose hash it carries; the first one carries `prev`.
CREATE FUNCTION evidence.next_leaf(before bytea, head text, prev text, tail text) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN convert_to(head || coalesce(encode(sha256('\x00'::bytea || before), 'base64'), prev) || tail, 'UTF8');
CREATE AGGREGATE evidence.chained(text, text, text) (SFUNC = evidence.next_leaf, STYPE = bytea);

CREATE FUNCTION evidence.nonce(seed bytea, leaf bigint, field integer) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN sha256(seed || int8send(leaf) || int4send(field));

-- As evidence.commitment, of a kind and a value that are bytes already.
CREATE FUNCTION evidence.committed(kind bytea, nonce bytea, value bytea) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN sha256(kind || nonce || int4send(octet_length(value)) || value);

-- As evidence.record, for all rows of a statement: the same place in each array is the same leaf. The values of up to four
-- `fields`, in the order of their names, become commitments where they are not null; the first `personal` of them are about
-- that place of `about`.
CREATE FUNCTION evidence.record_all(
  cases uuid[], types text[], actors text[], details text[], subjects text[], about uuid[], personal integer, fields text[],
  first text[], second text[] DEFAULT NULL, third text[] DEFAULT NULL, fourth text[] DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off
  SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  -- Known to nobody after this call: the nonces that come of it tell nothing of one another.
  seed bytea := uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid());
  labels text[] := ARRAY(SELECT ',"' || f || '":"' FROM unnest(fields) WITH ORDINALITY AS m (f, n) ORDER BY m.n);
  kinds bytea[] := ARRAY(SELECT convert_to('keyturn-evidence/commit/v1', 'UTF8') || '\x00' || convert_to(f, 'UTF8') || '\x00'
    FROM unnest(fields) WITH ORDINALITY AS m (f, n) ORDER BY m.n);
  moment timestamptz;
  made bigint;
  is_chained boolean;
BEGIN
  IF cases IS NULL THEN
    RETURN;
  END IF;
  is_chained := evidence.lock_cases(cases) < cardinality(cases);
  moment := clock_timestamp();
  made := nextval('evidence.batch_id');
  WITH given AS MATERIALIZED (
    SELECT m.*, greatest(moment, l.at) AS at,
      coalesce(l.cs, 0) + CASE WHEN is_chained THEN (row_number() OVER (PARTITION BY m.case_id ORDER BY m.n))::integer ELSE 1 END
        AS cs,
      coalesce(encode(sha256('\x00'::bytea || l.body), 'base64'), '') AS prev,
      CASE WHEN m.first IS NOT NULL THEN evidence.nonce(seed, m.n, 1) END AS first_nonce,
      CASE WHEN m.second IS NOT NULL THEN evidence.nonce(seed, m.n, 2) END AS second_nonce,
      CASE WHEN m.third IS NOT NULL THEN evidence.nonce(seed, m.n, 3) END AS third_nonce,
      CASE WHEN m.fourth IS NOT NULL THEN evidence.nonce(seed, m.n, 4) END AS fourth_nonce
    FROM unnest(cases, types, actors, details, subjects, about, first, second, third, fourth) WITH ORDINALITY
      AS m (case_id, type, actor, detail, subject, person, first, second, third, fourth, n)
    LEFT JOIN LATERAL (
      SELECT e.cs, e.at, e.body FROM evidence.event AS e WHERE e.case_id = m.case_id ORDER BY e.cs DESC LIMIT 1
    ) AS l ON true
  ), told AS (
    SELECT g.n, g.case_id, g.cs, g.at, g.type, g.prev,
      '{"actor":"' || g.actor || '","at":' || (extract(epoch FROM g.at) * 1000000)::bigint || ',"case":"' || g.case_id
        || '","cs":' || g.cs || ',"d":' || g.detail || ',"eid":"' || evidence.ordered_id() || '",'
        || coalesce('"pd":{' || substr(nullif(concat(
            labels[1] || encode(evidence.committed(kinds[1], g.first_nonce, convert_to(g.first, 'UTF8')), 'hex') || '"',
            labels[2] || encode(evidence.committed(kinds[2], g.second_nonce, convert_to(g.second, 'UTF8')), 'hex') || '"',
            labels[3] || encode(evidence.committed(kinds[3], g.third_nonce, convert_to(g.third, 'UTF8')), 'hex') || '"',
            labels[4] || encode(evidence.committed(kinds[4], g.fourth_nonce, convert_to(g.fourth, 'UTF8')), 'hex') || '"'
          ), ''), 2) || '},', '')
        || '"prev":"' AS head,
      '","sub":' || g.subject || ',"t":"' || g.type || '","v":1}' AS tail
    FROM given AS g
  ), leaf AS (
    -- A leaf after another one of this statement carries its hash.
    SELECT t.n, t.case_id, t.cs, t.at, t.type, CASE WHEN is_chained
      THEN evidence.chained(t.head, t.prev, t.tail) OVER (PARTITION BY t.case_id ORDER BY t.n)
      ELSE convert_to(t.head || t.prev || t.tail, 'UTF8') END AS body
    FROM told AS t
  ), written AS (
    INSERT INTO evidence.event (at, case_id, batch, cs, n, type, body)
    SELECT at, case_id, made, cs, n - 1, type, body
    FROM leaf
    RETURNING n, case_id, cs, body
  ), opened AS (
    INSERT INTO evidence.opening (case_id, cs, field, nonce, value, person_id)
    SELECT g.case_id, g.cs, fields[f.k], f.nonce, f.value, CASE WHEN f.k <= personal THEN g.person END
    FROM given AS g
    CROSS JOIN LATERAL (VALUES (1, g.first_nonce, g.first), (2, g.second_nonce, g.second), (3, g.third_nonce, g.third),
      (4, g.fourth_nonce, g.fourth)) AS f (k, nonce, value)
    WHERE f.value IS NOT NULL
  )
  INSERT INTO evidence.batch (id, count, cases, sequences, hashes)
  SELECT made, count(*), array_agg(w.case_id ORDER BY w.n), array_agg(w.cs ORDER BY w.n),
    string_agg(sha256('\x00'::bytea || w.body), '' ORDER BY w.n)
  FROM written AS w;
  INSERT INTO evidence.outbox (batch) VALUES (made);
END
$$;

-- Makes the pseudonyms of this year that are missing. Returns the year.
CREATE FUNCTION evidence.name_people(people uuid[]) RETURNS smallint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
  this_year smallint := extract(year FROM now() AT TIME ZONE 'UTC');
BEGIN
  INSERT INTO evidence.pseudonym (person_id, year)
  SELECT DISTINCT p.id, this_year
  FROM unnest(people) AS p (id)
  WHERE p.id IS NOT NULL
    AND NOT EXISTS (SELECT FROM evidence.pseudonym AS e WHERE e.person_id = p.id AND e.year = this_year)
  ON CONFLICT DO NOTHING;
  RETURN this_year;
END
$$;

-- MARK: any record

-- What evidence.on_change says of a record, for `kept` rows of one statement and what they were before, at the same place.
-- `words` are those that evidence.watch gives to the triggers, from 1.
CREATE FUNCTION evidence.record_changes(operation text, of_table text, words text[], kept jsonb[], was jsonb[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off
  SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  this_year smallint;
  by_default text := evidence.actor_of(NULL);
  -- The case: the first of at most two that is not null.
  kinds text[] := ARRAY(SELECT CASE WHEN c LIKE '%:%' THEN split_part(c, ':', 1) END FROM unnest(string_to_array(words[2], ',')) AS c);
  parts text[] := ARRAY(SELECT split_part(c, ':', -1) FROM unnest(string_to_array(words[2], ',')) AS c);
  actors text[] := ARRAY(SELECT a FROM unnest(string_to_array(words[3], ',')) WITH ORDINALITY AS m (a, n) ORDER BY m.n DESC);
  quiet text[] := string_to_array(words[6], ',');
  people text[] := string_to_array(words[7], ',');
  hidden text[] := ARRAY(SELECT k FROM jsonb_object_keys(kept[1]) AS k WHERE k ~ '(envelope|hash|token|secret)');
  labels text[];
  columns text[];
  moments boolean[];
  cases uuid[];
  named text[];
  details text[];
  about uuid[];
  bodies text[];
BEGIN
  this_year := evidence.name_people(ARRAY(
    SELECT (k ->> c)::uuid
    FROM unnest(kept) AS k
    CROSS JOIN unnest(people || actors || CASE WHEN kinds[1] = 'person' THEN parts[1:1] END) AS c));
  -- In the order of the names that the leaf has; what is the same in all has no column.
  SELECT array_agg(l.label ORDER BY l.name COLLATE "C"), array_agg(l.from_column ORDER BY l.name COLLATE "C"),
    array_agg(l.from_column ~ '_(at|until)$' ORDER BY l.name COLLATE "C")
  INTO labels, columns, moments
  FROM (
    SELECT regexp_replace(s, '_id$', '') AS name, evidence.quoted(regexp_replace(s, '_id$', '')) || ':' AS label, s AS from_column
    FROM unnest(string_to_array(words[5], ',')) AS s
    UNION ALL
    VALUES ('operation', '"operation":' || evidence.quoted(lower(operation)), NULL),
      ('record', '"record":' || evidence.quoted(of_table), NULL)
  ) AS l;
  -- All arrays of one pass, so that the same place in each is the same row.
  SELECT array_agg(r.of_case), array_agg(coalesce(r.actor_name::text, by_default)), array_agg('{' || r.shown || '}'),
    array_agg(coalesce(r.about, r.actor)),
    array_agg(CASE WHEN length(r.body) <= 2000 THEN r.body ELSE (
      SELECT jsonb_object_agg(b.key, CASE WHEN length(b.value::text) <= 2000 THEN b.value
        ELSE to_jsonb('sha256 ' || encode(sha256(convert_to(b.value::text, 'UTF8')), 'hex')) END)::text
      FROM jsonb_each(r.body::jsonb) AS b) END)
  INTO cases, named, details, about, bodies
  FROM (
    SELECT coalesce(
        CASE kinds[1]
          WHEN 'person' THEN (SELECT p.name FROM evidence.pseudonym AS p WHERE p.person_id = (m.k ->> parts[1])::uuid AND p.year = this_year)
          WHEN 'approval' THEN (SELECT a.request_id FROM governance.approval AS a WHERE a.id = (m.k ->> parts[1])::uuid)
          WHEN 'ticket' THEN (SELECT coalesce(t.request_id, t.id) FROM governance.ticket AS t WHERE t.id = (m.k ->> parts[1])::uuid)
          WHEN 'name' THEN evidence.case_of(of_table || ' ' || (m.k ->> parts[1]))
          ELSE (m.k ->> parts[1])::uuid END,
        (m.k ->> parts[2])::uuid) AS of_case,
      a.id AS actor,
      (SELECT p.name FROM evidence.pseudonym AS p WHERE p.person_id = a.id AND p.year = this_year) AS actor_name,
      (m.k ->> words[4])::uuid AS about,
      (
        SELECT string_agg(s.label || v.value, ',')
        FROM unnest(labels, columns, moments) AS s (label, from_column, is_moment)
        -- As evidence.plain, which is called for what is rare: it is the most of what a leaf costs.
        CROSS JOIN LATERAL (
          SELECT CASE
            WHEN s.from_column IS NULL THEN ''
            WHEN s.is_moment THEN evidence.micros((p.k ->> s.from_column)::timestamptz)
            ELSE CASE jsonb_typeof(p.k -> s.from_column)
              WHEN 'string' THEN to_json(normalize(left(CASE WHEN starts_with(p.k ->> s.from_column, '\x')
                THEN substr(p.k ->> s.from_column, 3) ELSE p.k ->> s.from_column END, 200), NFC))::text
              WHEN 'boolean' THEN p.k ->> s.from_column
              ELSE evidence.plain(p.k -> s.from_column) END
          END AS value
          OFFSET 0
        ) AS v
        WHERE v.value IS NOT NULL
      ) AS shown,
      (p.k - hidden)::text AS body
    FROM unnest(kept, was) AS m (k, w)
    CROSS JOIN LATERAL (
      SELECT CASE WHEN actors <> '{}' THEN (
        SELECT (m.k ->> c)::uuid FROM unnest(actors) AS c
        WHERE m.k ->> c IS NOT NULL AND (operation = 'INSERT' OR m.k -> c IS DISTINCT FROM m.w -> c)
        LIMIT 1) END AS id
      OFFSET 0
    ) AS a
    CROSS JOIN LATERAL (
      SELECT CASE WHEN people = '{}' THEN m.k ELSE m.k || coalesce((
        SELECT jsonb_object_agg(c, e.name)
        FROM unnest(people) AS c
        JOIN evidence.pseudonym AS e ON e.person_id = (m.k ->> c)::uuid AND e.year = this_year), '{}') END AS k
      OFFSET 0
    ) AS p
    WHERE operation <> 'UPDATE' OR m.k - quiet <> m.w - quiet
  ) AS r;
  IF cases IS NULL THEN
    RETURN;
  END IF;
  PERFORM evidence.record_all(cases, array_fill(words[1], ARRAY[cardinality(cases)]), named, details,
    array_fill('{}'::text, ARRAY[cardinality(cases)]), about, 1, ARRAY['row'], bodies);
END
$$;

CREATE OR REPLACE FUNCTION evidence.on_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM evidence.record_changes(TG_OP, TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME, TG_ARGV[0:6],
    ARRAY[CASE WHEN TG_OP = 'DELETE' THEN to_jsonb(OLD) ELSE to_jsonb(NEW) END],
    ARRAY[CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END]);
  RETURN NULL;
END
$$;

-- As evidence.on_change, once for a statement. A row that changes is put into both transition tables at once: they have the
-- same order.
CREATE FUNCTION evidence.on_changes() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  kept jsonb[];
  was jsonb[];
BEGIN
  IF TG_OP <> 'INSERT' THEN
    SELECT array_agg(to_jsonb(o)) INTO was FROM before_changed AS o;
  END IF;
  IF TG_OP = 'DELETE' THEN
    kept := was;
  ELSE
    SELECT array_agg(to_jsonb(n)) INTO kept FROM now_changed AS n;
  END IF;
  IF kept IS NOT NULL THEN
    PERFORM evidence.record_changes(TG_OP, TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME, TG_ARGV[0:6], kept, was);
  END IF;
  RETURN NULL;
END
$$;

-- A trigger with transition tables is for one event.
CREATE PROCEDURE evidence.watch_statements(of_table regclass, event text, function text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  named text := (SELECT c.relname FROM pg_class AS c WHERE c.oid = of_table) || '_evidence_' || lower(event);
BEGIN
  EXECUTE format('CREATE OR REPLACE TRIGGER %I AFTER %s ON %s REFERENCING %s FOR EACH STATEMENT EXECUTE FUNCTION evidence.%s',
    named, event, of_table, concat_ws(' ', CASE WHEN event <> 'INSERT' THEN 'OLD TABLE AS before_changed' END,
      CASE WHEN event <> 'DELETE' THEN 'NEW TABLE AS now_changed' END), function);
  EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', of_table, named);
END
$$;

CREATE OR REPLACE PROCEDURE evidence.watch(
  of_table regclass, leaf_type text, of_case text, actors text DEFAULT '', about text DEFAULT '', plain text DEFAULT '',
  quiet text DEFAULT '', updates text DEFAULT NULL, inserts boolean DEFAULT true)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  named text := (SELECT c.relname FROM pg_class AS c WHERE c.oid = of_table) || '_evidence';
  people text := (
    SELECT string_agg(a.attname, ',' ORDER BY a.attnum)
    FROM pg_constraint AS f
    JOIN pg_attribute AS a ON a.attrelid = f.conrelid AND a.attnum = f.conkey[1]
    WHERE f.conrelid = of_table AND f.contype = 'f' AND f.confrelid = 'governance.person'::regclass);
  words text := format('(%L, %L, %L, %L, %L, %L, %L)', leaf_type, of_case, actors, about, plain, quiet, coalesce(people, ''));
  old record;
BEGIN
  FOR old IN SELECT t.tgname FROM pg_trigger AS t
    WHERE t.tgrelid = of_table AND t.tgfoid IN ('evidence.on_change'::regproc, 'evidence.on_changes'::regproc) LOOP
    EXECUTE format('DROP TRIGGER %I ON %s', old.tgname, of_table);
  END LOOP;
  IF inserts THEN
    CALL evidence.watch_statements(of_table, 'INSERT', 'on_changes' || words);
  END IF;
  CALL evidence.watch_statements(of_table, 'DELETE', 'on_changes' || words);
  IF updates IS NULL THEN
    CALL evidence.watch_statements(of_table, 'UPDATE', 'on_changes' || words);
    RETURN;
  END IF;
  -- A condition is asked of each row before anything is kept of it.
  EXECUTE format('CREATE TRIGGER %I AFTER UPDATE ON %s FOR EACH ROW WHEN (%s) EXECUTE FUNCTION evidence.on_change%s',
    named || '_update', of_table, updates, words);
  EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', of_table, named || '_update');
END
$$;

-- What is watched already, with the same words.
DO $$
DECLARE
  old record;
BEGIN
  FOR old IN
    SELECT t.tgrelid::regclass AS of_table, t.tgname, t.tgtype, (
        SELECT 'on_changes(' || string_agg(quote_literal(w), ', ' ORDER BY n) || ')'
        FROM unnest(string_to_array(encode(t.tgargs, 'escape'), '\000')) WITH ORDINALITY AS m (w, n)
        WHERE n <= t.tgnargs) AS called
    FROM pg_trigger AS t
    WHERE t.tgfoid = 'evidence.on_change'::regproc AND t.tgname NOT LIKE '%\_update' LOOP
    EXECUTE format('DROP TRIGGER %I ON %s', old.tgname, old.of_table);
    IF old.tgtype & 4 <> 0 THEN
      CALL evidence.watch_statements(old.of_table, 'INSERT', old.called);
    END IF;
    IF old.tgtype & 16 <> 0 THEN
      CALL evidence.watch_statements(old.of_table, 'UPDATE', old.called);
    END IF;
    CALL evidence.watch_statements(old.of_table, 'DELETE', old.called);
  END LOOP;
END
$$;

-- MARK: what has leaves of its own kind, and comes in thousands

-- What is called stable can be put into a statement in its place; what is said to be immutable and rests on what is stable is
-- executed like a statement of its own, for each row.
ALTER FUNCTION evidence.quoted(text) STABLE;
CREATE FUNCTION evidence.subject_of(identity uuid, target uuid) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN coalesce('{"identity":"' || identity || '","target":"' || target || '"}', '{}');

CREATE FUNCTION evidence.on_requests() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
  this_year smallint := evidence.name_people(ARRAY(
    SELECT unnest(ARRAY[n.requester_id, n.beneficiary_id, n.delegated_approver_id]) FROM now_changed AS n));
  by_default text := evidence.actor_of(NULL);
BEGIN
  -- The request itself names people: the digest alone is in the leaf, the text can be erased.
  PERFORM evidence.record_all(array_agg(n.id), array_agg('request.submitted'::text),
    array_agg(coalesce(r.name::text, by_default)),
    array_agg(evidence.object(
      ARRAY['actions', 'beneficiary', 'break_glass', 'delegated', 'digest', 'origin', 'revision'],
      ARRAY[evidence.array_of(n.actions), '"' || b.name || '"', n.break_glass::text, '"' || d.name || '"',
        evidence.hex(n.digest), evidence.quoted(n.origin), n.revision::text])),
    array_agg(evidence.subject_of(i.id, i.target_id)), array_agg(n.requester_id), 1, ARRAY['core', 'owning_system', 'ticket'],
    array_agg(convert_from(n.core, 'UTF8')), array_agg(n.owning_system), array_agg(n.ticket))
  FROM now_changed AS n
  LEFT JOIN governance.identity AS i ON i.id = n.identity_id
  LEFT JOIN evidence.pseudonym AS r ON r.person_id = n.requester_id AND r.year = this_year
  LEFT JOIN evidence.pseudonym AS b ON b.person_id = n.beneficiary_id AND b.year = this_year
  LEFT JOIN evidence.pseudonym AS d ON d.person_id = n.delegated_approver_id AND d.year = this_year;
  RETURN NULL;
END
$$;

CREATE FUNCTION evidence.on_approvals() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
  this_year smallint := evidence.name_people(ARRAY(
    SELECT unnest(ARRAY[n.approver_id, n.acting_for_id, r.requester_id, r.beneficiary_id])
    FROM now_changed AS n
    LEFT JOIN governance.request AS r ON r.id = n.request_id AND r.revision = n.revision));
  by_default text := evidence.actor_of(NULL);
BEGIN
  -- Requester and beneficiary again: pseudonyms of one leaf are of one year and can be compared.
  PERFORM evidence.record_all(array_agg(n.request_id), array_agg('approval.decided'::text),
    array_agg(coalesce(a.name::text, by_default)),
    array_agg(evidence.object(
      ARRAY['acting_for', 'approval', 'beneficiary', 'decision', 'delegation', 'digest', 'human', 'relations', 'requester',
        'revision', 'stage', 'strength'],
      ARRAY['"' || f.name || '"', '"' || n.id || '"', '"' || b.name || '"', evidence.quoted(n.decision),
        '"' || n.delegation_id || '"', evidence.hex(n.digest), n.is_human::text, evidence.array_of(n.relations),
        '"' || q.name || '"', n.revision::text, n.stage::text, evidence.quoted(n.strength)])),
    array_agg(evidence.subject_of(i.id, i.target_id)), array_agg(n.approver_id), 2, ARRAY['remote_transaction', 'signature'],
    array_agg(n.remote_transaction), array_agg(n.signature))
  FROM now_changed AS n
  LEFT JOIN governance.request AS r ON r.id = n.request_id AND r.revision = n.revision
  LEFT JOIN governance.identity AS i ON i.id = r.identity_id
  LEFT JOIN evidence.pseudonym AS a ON a.person_id = n.approver_id AND a.year = this_year
  LEFT JOIN evidence.pseudonym AS f ON f.person_id = n.acting_for_id AND f.year = this_year
  LEFT JOIN evidence.pseudonym AS q ON q.person_id = r.requester_id AND q.year = this_year
  LEFT JOIN evidence.pseudonym AS b ON b.person_id = r.beneficiary_id AND b.year = this_year;
  RETURN NULL;
END
$$;

CREATE FUNCTION evidence.on_authorizations_granted() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
  by_default text := evidence.actor_of(NULL);
BEGIN
  PERFORM evidence.record_all(array_agg(n.request_id), array_agg('authorization.granted'::text), array_agg(by_default),
    array_agg(evidence.object(
      ARRAY['actions', 'approval', 'authorization', 'digest', 'from', 'revision', 'until'],
      ARRAY[evidence.array_of(n.actions), '"' || n.approval_id || '"', '"' || n.id || '"', evidence.hex(n.digest),
        evidence.micros(n.valid_from), n.revision::text, evidence.micros(n.valid_until)])),
    array_agg(evidence.subject_of(i.id, i.target_id)), array_agg(NULL::uuid), 0, '{}', array_agg(NULL::text))
  FROM (SELECT * FROM now_changed ORDER BY revision) AS n
  LEFT JOIN governance.identity AS i ON i.id = n.identity_id;
  RETURN NULL;
END
$$;

-- Rows of one request follow each other in its case.
CREATE OR REPLACE FUNCTION evidence.on_authorizations_changed() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
  by_default text := evidence.actor_of(NULL);
BEGIN
  PERFORM evidence.record_all(array_agg(m.request_id), array_agg(m.type), array_agg(by_default),
    array_agg('{"authorization":"' || m.id || '"'
      || coalesce(',"voided":' || (extract(epoch FROM m.voided_at) * 1000000)::bigint, '') || '}'),
    array_agg(evidence.subject_of(m.identity_id, m.target_id)), array_agg(NULL::uuid), 0, ARRAY['reason'],
    array_agg(m.void_reason))
  FROM (
    SELECT n.id, n.request_id, n.identity_id, n.voided_at, n.void_reason, i.target_id,
      CASE WHEN o.id IS NOT NULL AND o.voided_at IS NULL AND n.voided_at IS NOT NULL THEN 'authorization.voided'
        ELSE 'record.changed' END AS type
    FROM now_changed AS n
    LEFT JOIN before_changed AS o ON o.id = n.id
    LEFT JOIN governance.identity AS i ON i.id = n.identity_id
    ORDER BY n.request_id, n.revision
  ) AS m;
  RETURN NULL;
END
$$;

CREATE FUNCTION evidence.on_people() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
  changed governance.person[];
  this_year smallint;
  by_default text := evidence.actor_of(NULL);
  leaf_type text := CASE TG_OP WHEN 'INSERT' THEN 'person.added' ELSE 'person.changed' END;
BEGIN
  IF TG_OP = 'INSERT' THEN
    SELECT array_agg(n) INTO changed FROM now_changed AS n;
  ELSE
    SELECT array_agg(n) INTO changed
    FROM now_changed AS n
    LEFT JOIN before_changed AS o ON o.id = n.id
    WHERE to_jsonb(o) - 'as_of' IS DISTINCT FROM to_jsonb(n) - 'as_of';
  END IF;
  IF changed IS NULL THEN
    RETURN NULL;
  END IF;
  this_year := evidence.name_people(ARRAY(SELECT unnest(ARRAY[n.id, n.manager_id]) FROM unnest(changed) AS n));
  PERFORM evidence.record_all(array_agg(p.name), array_agg(leaf_type), array_agg(by_default),
    array_agg(evidence.object(ARRAY['manager', 'person', 'state', 'version'],
      ARRAY['"' || m.name || '"', '"' || p.name || '"', evidence.quoted(n.state), n.version::text])),
    array_agg('{}'::text), array_agg(n.id), 2, ARRAY['external_id', 'row'],
    array_agg(CASE WHEN TG_OP = 'INSERT' THEN n.external_id END),
    array_agg((to_jsonb(n) - ARRAY['id', 'manager_id'])::text))
  FROM unnest(changed) AS n
  LEFT JOIN evidence.pseudonym AS p ON p.person_id = n.id AND p.year = this_year
  LEFT JOIN evidence.pseudonym AS m ON m.person_id = n.manager_id AND m.year = this_year;
  RETURN NULL;
END
$$;

CREATE FUNCTION evidence.on_identities() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
  this_year smallint := evidence.name_people(ARRAY(
    SELECT unnest(ARRAY[n.owner_id, n.backup_owner_id]) FROM now_changed AS n));
  by_default text := evidence.actor_of(NULL);
  leaf_type text := CASE TG_OP WHEN 'INSERT' THEN 'identity.added' ELSE 'identity.changed' END;
BEGIN
  PERFORM evidence.record_all(array_agg(n.id), array_agg(leaf_type), array_agg(by_default),
    array_agg(evidence.object(ARRAY['attested', 'backup', 'expires', 'mode', 'owner', 'policy', 'rights', 'tier', 'vendor'],
      ARRAY[evidence.micros(n.attested_at), '"' || b.name || '"', evidence.micros(n.expires_at), evidence.quoted(n.login_mode),
        '"' || o.name || '"', '"' || n.policy_id || '"',
        evidence.hex(sha256(convert_to(array_to_string(n.rights, E'\n'), 'UTF8'))), evidence.quoted(n.tier),
        '"' || n.vendor_id || '"'])),
    array_agg(evidence.subject_of(n.id, n.target_id)), array_agg(NULL::uuid), 0,
    ARRAY['environment', 'name', 'purpose', 'workload'], array_agg(n.environment), array_agg(n.name), array_agg(n.purpose),
    array_agg(n.workload))
  FROM now_changed AS n
  LEFT JOIN evidence.pseudonym AS o ON o.person_id = n.owner_id AND o.year = this_year
  LEFT JOIN evidence.pseudonym AS b ON b.person_id = n.backup_owner_id AND b.year = this_year;
  RETURN NULL;
END
$$;

-- As evidence.on_changes, for what comes with every voiding.
CREATE FUNCTION evidence.on_reapprovals() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
  by_default text := evidence.actor_of(NULL);
BEGIN
  PERFORM evidence.record_all(array_agg(n.identity_id), array_agg('record.changed'::text), array_agg(by_default),
    array_agg('{"identity":"' || n.identity_id || '","operation":"insert","record":"governance.reapproval","trigger":'
      || to_json(normalize(n.trigger, NFC))::text || '}'),
    array_agg('{}'::text), array_agg(NULL::uuid), 0, ARRAY['row'], array_agg(to_jsonb(n)::text))
  FROM now_changed AS n;
  RETURN NULL;
END
$$;
CALL evidence.watch_statements('governance.reapproval', 'INSERT', 'on_reapprovals()');

DROP TRIGGER request_evidence ON governance.request;
DROP TRIGGER approval_evidence ON governance.approval;
DROP TRIGGER authorization_evidence ON governance.authorization;
DROP TRIGGER authorization_changed_evidence ON governance.authorization;
DROP TRIGGER person_evidence ON governance.person;
DROP TRIGGER identity_evidence ON governance.identity;
DROP FUNCTION evidence.on_request(), evidence.on_approval(), evidence.on_authorization(), evidence.on_person(),
  evidence.on_identity();
CALL evidence.watch_statements('governance.request', 'INSERT', 'on_requests()');
CALL evidence.watch_statements('governance.approval', 'INSERT', 'on_approvals()');
CALL evidence.watch_statements('governance.authorization', 'INSERT', 'on_authorizations_granted()');
CALL evidence.watch_statements('governance.authorization', 'UPDATE', 'on_authorizations_changed()');
CALL evidence.watch_statements('governance.person', 'INSERT', 'on_people()');
CALL evidence.watch_statements('governance.person', 'UPDATE', 'on_people()');
CALL evidence.watch_statements('governance.identity', 'INSERT', 'on_identities()');
CALL evidence.watch_statements('governance.identity', 'UPDATE', 'on_identities()');

-- MARK: tickets that are owed

-- A change that concerns thousands voids at once and opens its tickets right after; a row goes with the commit that opens
-- what it holds.
CREATE TABLE governance.owed_tickets (
  id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT owed_tickets_pkey PRIMARY KEY,
  cause_at timestamptz NOT NULL,
  identities uuid[] NOT NULL,
  kinds text[] NOT NULL,
  subjects text[] NOT NULL,
  bodies text[] NOT NULL,
  -- From the cause; the second one until the proof, where that has a clock of its own.
  due_seconds float8[] NOT NULL,
  proof_seconds float8[] NOT NULL,
  CONSTRAINT owed_tickets_whole CHECK (
    cardinality(identities) BETWEEN 1 AND 1000 AND cardinality(kinds) = cardinality(identities)
    AND cardinality(subjects) = cardinality(identities) AND cardinality(bodies) = cardinality(identities)
    AND cardinality(due_seconds) = cardinality(identities) AND cardinality(proof_seconds) = cardinality(identities))
);
GRANT DELETE ON governance.owed_tickets TO keyturn_engine;

-- MARK: what a permit decides again

-- The decision that granted, with all its inputs; and of its inputs the people who may be away at any moment without
-- anything being void: a permit is granted only while all of them are active, and the sources of `known_people` are sound.
-- Everything else that a decision looks at either voids in the transaction that changes it, or ends at valid_until.
ALTER TABLE governance.authorization
  ADD COLUMN decision_id uuid CONSTRAINT authorization_decision_id_known REFERENCES governance.decision (id),
  ADD COLUMN people uuid[] NOT NULL DEFAULT '{}',
  ADD COLUMN known_people uuid[] NOT NULL DEFAULT '{}',
  ADD CONSTRAINT authorization_people_known CHECK (known_people <@ people);
UPDATE governance.authorization AS a
SET decision_id = (
    SELECT d.id FROM governance.decision AS d
    WHERE d.request_id = a.request_id AND d.revision = a.revision AND d.moment = 'approval' AND d.outcome = 'allow'
    ORDER BY d.decided_at DESC LIMIT 1),
  people = m.people, known_people = m.known
FROM (
  SELECT b.id, array_remove(ARRAY[r.requester_id, r.delegated_approver_id], NULL) || p.approvers || p.delegators AS people,
    CASE WHEN 'issue' = ANY (b.actions) AND r.requester_id IS NOT NULL THEN ARRAY[r.requester_id] ELSE '{}' END || p.approvers
      AS known
  FROM governance.authorization AS b
  JOIN governance.request AS r ON r.id = b.request_id AND r.revision = b.revision
  CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(ap.approver_id), '{}') AS approvers,
      coalesce(array_agg(ap.acting_for_id) FILTER (WHERE ap.acting_for_id IS NOT NULL), '{}') AS delegators
    FROM governance.approval AS ap
    WHERE ap.request_id = b.request_id AND ap.revision = b.revision AND ap.decision = 'approve'
  ) AS p
) AS m
WHERE m.id = a.id AND a.voided_at IS NULL AND a.actions <> ARRAY['revoke'];

-- MARK: clocks

ALTER TABLE governance.ticket
  -- When somebody, or policy, allowed what ends it.
  ADD COLUMN approved_at timestamptz,
  -- A leaver's secret is cut off within `leaver_disable`, which is due_at, and changed or removed by then.
  ADD COLUMN proof_due_at timestamptz,
  ADD CONSTRAINT ticket_proof_due_at_after CHECK (proof_due_at >= cause_at);

-- Two clocks may run: until it is cut off, and until it is proven. One that was missed is late.
CREATE OR REPLACE VIEW keyturn.v_ticket AS
SELECT t.number, t.helpdesk, t.remote_id, t.kind, t.state, t.resolution, i.name AS identity, t.subject, t.cause_at,
  t.opened_at, t.due_at, t.contained_at, t.proven_at, t.resolved_at, t.closed_without_control, t.excused_until,
  COALESCE(t.due_at < COALESCE(CASE WHEN t.kind IN ('leak', 'leaver') THEN t.contained_at END, t.proven_at, now()), false)
    OR COALESCE(t.proof_due_at < COALESCE(t.proven_at, now()), false) AS is_late,
  t.approved_at, t.proof_due_at
FROM governance.ticket AS t
LEFT JOIN governance.identity AS i ON i.id = t.identity_id;
COMMENT ON COLUMN keyturn.v_ticket.is_late IS 'a clock ran out: until it was cut off, or until it was proven';
COMMENT ON COLUMN keyturn.v_ticket.approved_at IS 'when somebody, or policy, allowed what ends it';
COMMENT ON COLUMN keyturn.v_ticket.proof_due_at IS 'the second clock of a leaver''s ticket: changed or removed, and proven, by then';

CREATE OR REPLACE VIEW keyturn.v_sla AS
SELECT t.kind, count(*) AS tickets, count(*) FILTER (WHERE t.proven_at IS NOT NULL) AS proven,
  count(*) FILTER (WHERE t.due_at
      < COALESCE(CASE WHEN t.kind IN ('leak', 'leaver') THEN t.contained_at END, t.proven_at, now())
    OR t.proof_due_at < COALESCE(t.proven_at, now())) AS late,
  percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM t.opened_at - t.cause_at)::float8) AS to_ticket_p50,
  percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM t.opened_at - t.cause_at)::float8) AS to_ticket_p95,
  percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM t.contained_at - t.cause_at)::float8) AS to_contained_p50,
  percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM t.contained_at - t.cause_at)::float8) AS to_contained_p95,
  percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM t.proven_at - t.cause_at)::float8) AS to_proven_p50,
  percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM t.proven_at - t.cause_at)::float8) AS to_proven_p95,
  percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM t.approved_at - t.cause_at)::float8) AS to_approved_p50,
  percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM t.approved_at - t.cause_at)::float8) AS to_approved_p95,
  count(*) FILTER (WHERE t.proof_due_at < COALESCE(t.proven_at, now())) AS late_to_prove
FROM governance.ticket AS t
GROUP BY t.kind;
COMMENT ON VIEW keyturn.v_sla IS 'Per kind of ticket, seconds from the cause to the ticket, to the approval, to containment and to the proof.';
COMMENT ON COLUMN keyturn.v_sla.late IS 'a clock ran out: until it was cut off, or until it was proven';
COMMENT ON COLUMN keyturn.v_sla.late_to_prove IS 'of those that are late: cut off in time or not, and not proven by then';
