CREATE SCHEMA evidence;
ALTER SCHEMA evidence OWNER TO keyturn_owner;
CREATE SCHEMA governance;
ALTER SCHEMA governance OWNER TO keyturn_owner;
CREATE SCHEMA jobs;
ALTER SCHEMA jobs OWNER TO keyturn_owner;
CREATE SCHEMA keyturn;
ALTER SCHEMA keyturn OWNER TO keyturn_owner;
CREATE SCHEMA lifecycle;
ALTER SCHEMA lifecycle OWNER TO keyturn_owner;
CREATE FUNCTION evidence.accept(in_epoch bigint) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
  PERFORM FROM evidence.log AS l WHERE l.epoch = in_epoch;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  DELETE FROM evidence.refusal;
  RETURN true;
END
$$;
ALTER FUNCTION evidence.accept(in_epoch bigint) OWNER TO keyturn_owner;
CREATE FUNCTION evidence.pseudonym_of(person uuid) RETURNS uuid
    LANGUAGE plpgsql STRICT
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
  this_year smallint := extract(year FROM now() AT TIME ZONE 'UTC');
  found uuid;
BEGIN
  SELECT p.name INTO found FROM evidence.pseudonym AS p WHERE p.person_id = person AND p.year = this_year;
  IF found IS NULL THEN
    INSERT INTO evidence.pseudonym (person_id, year) VALUES (person, this_year) ON CONFLICT DO NOTHING;
    SELECT p.name INTO found FROM evidence.pseudonym AS p WHERE p.person_id = person AND p.year = this_year;
  END IF;
  RETURN found;
END
$$;
ALTER FUNCTION evidence.pseudonym_of(person uuid) OWNER TO keyturn_owner;
CREATE FUNCTION evidence.actor_of(person uuid) RETURNS text
    LANGUAGE sql
    RETURN COALESCE((evidence.pseudonym_of(person))::text, CASE CURRENT_USER WHEN 'keyturn_engine'::name THEN 'engine'::text WHEN 'keyturn_owner'::name THEN 'owner'::text ELSE 'other'::text END);
ALTER FUNCTION evidence.actor_of(person uuid) OWNER TO keyturn_owner;
CREATE FUNCTION evidence.append(cases uuid[], types text[], heads text[], middles text[], tails text[]) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET jit TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
DECLARE
  made bigint := nextval('evidence.batch_id');
BEGIN
  IF cardinality(cases) = 0 THEN
    RETURN NULL;
  END IF;
  WITH placed AS MATERIALIZED (
    SELECT m.n, m.case_id, m.type, m.head, m.middle, m.tail, coalesce(l.cs, 0) + 1 AS cs,
      greatest(clock_timestamp(), l.at) AS at,
      coalesce(encode(sha256('\x00'::bytea || l.body), 'base64'), '') AS prev
    FROM unnest(cases, types, heads, middles, tails) WITH ORDINALITY AS m (case_id, type, head, middle, tail, n)
    LEFT JOIN LATERAL (
      SELECT e.cs, e.at, e.body FROM evidence.event AS e WHERE e.case_id = m.case_id ORDER BY e.cs DESC LIMIT 1
    ) AS l ON true
  ), written AS (
    INSERT INTO evidence.event (at, case_id, batch, cs, n, type, body)
    SELECT at, case_id, made, cs, n - 1, type,
      convert_to(head || (extract(epoch FROM at) * 1000000)::bigint || ',"case":"' || case_id || '","cs":' || cs || middle
        || prev || tail, 'UTF8')
    FROM placed
    RETURNING n, case_id, cs, body
  )
  INSERT INTO evidence.batch (id, count, cases, sequences, hashes)
  SELECT made, count(*), array_agg(w.case_id ORDER BY w.n), array_agg(w.cs ORDER BY w.n),
    string_agg(sha256('\x00'::bytea || w.body), '' ORDER BY w.n)
  FROM written AS w;
  INSERT INTO evidence.outbox (batch) VALUES (made);
  RETURN made;
END
$$;
ALTER FUNCTION evidence.append(cases uuid[], types text[], heads text[], middles text[], tails text[]) OWNER TO keyturn_owner;
CREATE FUNCTION evidence.quoted(value text) RETURNS text
    LANGUAGE sql STABLE STRICT PARALLEL SAFE
    RETURN (to_json(NORMALIZE(value, NFC)))::text;
ALTER FUNCTION evidence.quoted(value text) OWNER TO keyturn_owner;
CREATE FUNCTION evidence.array_of(vals text[]) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (SELECT (('['::text || COALESCE(string_agg(evidence.quoted(m.v), ','::text ORDER BY m.n), ''::text)) || ']'::text) FROM unnest(array_of.vals) WITH ORDINALITY m(v, n));
ALTER FUNCTION evidence.array_of(vals text[]) OWNER TO keyturn_owner;
CREATE FUNCTION evidence.begin_anew(new_origin text, new_vkey text, last_size bigint, last_root bytea, last_note text, actor uuid, why text) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
  old evidence.log;
  place integer;
BEGIN
  SELECT * INTO STRICT old FROM evidence.log AS l FOR UPDATE;
  IF old.vkey = new_vkey OR old.origin = new_origin OR EXISTS (
    SELECT FROM evidence.former_log AS f WHERE f.vkey = new_vkey OR f.origin = new_origin) THEN
    RAISE EXCEPTION 'a new log needs a new name and a new key' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  INSERT INTO evidence.former_log (vkey, origin, kept_size, kept_root, last_size, last_root, last_note)
  VALUES (old.vkey, old.origin, old.size, old.root, last_size, last_root, last_note);
  place := evidence.record('00000000-0000-4000-8000-0000000000e5', 'log.begun', evidence.actor_of(actor),
    evidence.object(
      ARRAY['former_log', 'former_root', 'former_size', 'former_vkey', 'kept_root', 'kept_size', 'log', 'vkey'],
      ARRAY[evidence.quoted(old.origin), evidence.quoted(encode(last_root, 'base64')), last_size::text,
        evidence.quoted(old.vkey), evidence.quoted(encode(old.root, 'base64')), old.size::text,
        evidence.quoted(new_origin), evidence.quoted(new_vkey)]),
    '{}', ARRAY['reason'], ARRAY[why], ARRAY[actor]);
  UPDATE evidence.log
  SET origin = new_origin, vkey = new_vkey, note = NULL, epoch = epoch + 1, sealer = NULL, lease_until = '-infinity';
  DELETE FROM evidence.refusal;
  RETURN place;
END
$$;
ALTER FUNCTION evidence.begin_anew(new_origin text, new_vkey text, last_size bigint, last_root bytea, last_note text, actor uuid, why text) OWNER TO keyturn_owner;
CREATE FUNCTION evidence.begin_log(new_origin text, new_vkey text) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
  INSERT INTO evidence.log (origin, vkey) VALUES (new_origin, new_vkey) ON CONFLICT DO NOTHING;
  RETURN (SELECT l.vkey FROM evidence.log AS l);
END
$$;
ALTER FUNCTION evidence.begin_log(new_origin text, new_vkey text) OWNER TO keyturn_owner;
CREATE FUNCTION evidence.case_of(name text) RETURNS uuid
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (encode(SUBSTRING(sha256(convert_to(('keyturn case '::text || name), 'UTF8'::name)) FROM 1 FOR 16), 'hex'::text))::uuid;
ALTER FUNCTION evidence.case_of(name text) OWNER TO keyturn_owner;
CREATE FUNCTION evidence.commitment(type text, nonce bytea, value text) RETURNS bytea
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN sha256(((((((convert_to('keyturn-evidence/commit/v1'::text, 'UTF8'::name) || '\x00'::bytea) || convert_to(type, 'UTF8'::name)) || '\x00'::bytea) || nonce) || int4send(octet_length(convert_to(value, 'UTF8'::name)))) || convert_to(value, 'UTF8'::name)));
ALTER FUNCTION evidence.commitment(type text, nonce bytea, value text) OWNER TO keyturn_owner;
CREATE FUNCTION evidence.committed(kind bytea, nonce bytea, value bytea) RETURNS bytea
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN sha256((((kind || nonce) || int4send(octet_length(value))) || value));
ALTER FUNCTION evidence.committed(kind bytea, nonce bytea, value bytea) OWNER TO keyturn_owner;
CREATE FUNCTION evidence.erase(person uuid, actor uuid, reason text, OUT erased bigint, OUT held bigint) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
  own_case uuid := evidence.pseudonym_of(person);
BEGIN
  SELECT count(*) INTO held FROM evidence.opening AS o
  WHERE o.person_id = person AND evidence.is_held(o.case_id, person);
  WITH gone AS (
    DELETE FROM evidence.opening AS o WHERE o.person_id = person AND NOT evidence.is_held(o.case_id, person) RETURNING 1
  )
  SELECT count(*) INTO erased FROM gone;
  PERFORM evidence.record(own_case, 'data.erased', evidence.actor_of(actor),
    evidence.object(ARRAY['erased', 'held'], ARRAY[erased::text, held::text]), '{}', ARRAY['reason'], ARRAY[reason],
    ARRAY[actor]);
  IF held = 0 AND NOT evidence.is_held(NULL, person) THEN
    DELETE FROM evidence.pseudonym AS p WHERE p.person_id = person;
  END IF;
END
$$;
ALTER FUNCTION evidence.erase(person uuid, actor uuid, reason text, OUT erased bigint, OUT held bigint) OWNER TO keyturn_owner;
CREATE FUNCTION evidence.hex(value bytea) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (('"'::text || encode(value, 'hex'::text)) || '"'::text);
ALTER FUNCTION evidence.hex(value bytea) OWNER TO keyturn_owner;
CREATE FUNCTION evidence.object(keys text[], vals text[]) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (SELECT (('{'::text || COALESCE(string_agg((((to_json(m.k))::text || ':'::text) || m.v), ','::text ORDER BY (m.k COLLATE "C")), ''::text)) || '}'::text) FROM UNNEST(object.keys, object.vals) m(k, v) WHERE (m.v IS NOT NULL));
ALTER FUNCTION evidence.object(keys text[], vals text[]) OWNER TO keyturn_owner;
CREATE FUNCTION jobs.bucket_of(id uuid) RETURNS smallint
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN ((get_byte(uuid_send(id), 15) & 63))::smallint;
ALTER FUNCTION jobs.bucket_of(id uuid) OWNER TO keyturn_owner;
CREATE TABLE governance.identity (
    id uuid NOT NULL,
    target_id uuid NOT NULL,
    bucket smallint NOT NULL,
    name text NOT NULL,
    login_mode text NOT NULL,
    owner_id uuid NOT NULL,
    backup_owner_id uuid NOT NULL,
    purpose text NOT NULL,
    environment text NOT NULL,
    workload text NOT NULL,
    rights text[] NOT NULL,
    policy_id uuid NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    tier text DEFAULT 'standard'::text NOT NULL,
    vendor_id uuid,
    attested_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT identity_backup_owner_id_differs CHECK ((owner_id <> backup_owner_id)),
    CONSTRAINT identity_bucket_range CHECK ((bucket = jobs.bucket_of(target_id))),
    CONSTRAINT identity_environment_length CHECK (((length(btrim(environment)) >= 1) AND (length(btrim(environment)) <= 40))),
    CONSTRAINT identity_expires_at_finite CHECK (isfinite(expires_at)),
    CONSTRAINT identity_login_mode_known CHECK ((login_mode = ANY (ARRAY['alternating'::text, 'single'::text]))),
    CONSTRAINT identity_name_form CHECK ((name ~ '^[a-z_][a-z0-9_]{0,58}$'::text)),
    CONSTRAINT identity_purpose_length CHECK (((length(btrim(purpose)) >= 1) AND (length(btrim(purpose)) <= 500))),
    CONSTRAINT identity_tier_known CHECK ((tier = ANY (ARRAY['standard'::text, 'elevated'::text, 'privileged'::text]))),
    CONSTRAINT identity_workload_length CHECK (((length(btrim(workload)) >= 1) AND (length(btrim(workload)) <= 200)))
);
ALTER TABLE governance.identity OWNER TO keyturn_owner;
CREATE FUNCTION evidence.identity_subject(id uuid) RETURNS text
    LANGUAGE sql STABLE STRICT
    RETURN (SELECT evidence.object(ARRAY['identity'::text, 'target'::text], ARRAY[evidence.quoted((i.id)::text), evidence.quoted((i.target_id)::text)]) AS object FROM governance.identity i WHERE (i.id = identity_subject.id));
ALTER FUNCTION evidence.identity_subject(id uuid) OWNER TO keyturn_owner;
CREATE TABLE evidence.hold (
    id uuid NOT NULL,
    case_id uuid,
    person_id uuid,
    placed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    lifted_at timestamp with time zone,
    CONSTRAINT hold_subject_one CHECK (((case_id IS NULL) <> (person_id IS NULL)))
);
ALTER TABLE evidence.hold OWNER TO keyturn_owner;
CREATE FUNCTION evidence.is_held(of_case uuid, person uuid) RETURNS boolean
    LANGUAGE sql STABLE
    RETURN (EXISTS (SELECT FROM evidence.hold h WHERE ((h.lifted_at IS NULL) AND ((h.case_id = is_held.of_case) OR (h.person_id = is_held.person)))));
ALTER FUNCTION evidence.is_held(of_case uuid, person uuid) OWNER TO keyturn_owner;
CREATE TABLE evidence.refusal (
    is_it boolean DEFAULT true NOT NULL,
    code text NOT NULL,
    reason text NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT refusal_code_length CHECK (((length(code) >= 1) AND (length(code) <= 40))),
    CONSTRAINT refusal_once CHECK (is_it),
    CONSTRAINT refusal_reason_length CHECK (((length(reason) >= 1) AND (length(reason) <= 2000)))
);
ALTER TABLE evidence.refusal OWNER TO keyturn_owner;
CREATE FUNCTION evidence.is_writable() RETURNS boolean
    LANGUAGE sql STABLE
    RETURN (NOT (EXISTS (SELECT FROM evidence.refusal)));
ALTER FUNCTION evidence.is_writable() OWNER TO keyturn_owner;
CREATE FUNCTION evidence.keep(of_type text, days integer, actor uuid, why text) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
ALTER FUNCTION evidence.keep(of_type text, days integer, actor uuid, why text) OWNER TO keyturn_owner;
CREATE FUNCTION evidence.keep_lead(in_epoch bigint, seconds double precision) RETURNS boolean
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  WITH kept AS (
    UPDATE evidence.log
    SET lease_until = clock_timestamp() + make_interval(secs => seconds)
    WHERE epoch = in_epoch
    RETURNING 1
  )
  SELECT EXISTS (SELECT FROM kept)
$$;
ALTER FUNCTION evidence.keep_lead(in_epoch bigint, seconds double precision) OWNER TO keyturn_owner;
CREATE FUNCTION evidence.lead(name text, seconds double precision) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  UPDATE evidence.log
  SET epoch = epoch + 1, sealer = name, lease_until = clock_timestamp() + make_interval(secs => seconds)
  WHERE lease_until < clock_timestamp()
  RETURNING epoch
$$;
ALTER FUNCTION evidence.lead(name text, seconds double precision) OWNER TO keyturn_owner;
CREATE FUNCTION evidence.leave_lead(in_epoch bigint) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  UPDATE evidence.log SET lease_until = '-infinity' WHERE epoch = in_epoch
$$;
ALTER FUNCTION evidence.leave_lead(in_epoch bigint) OWNER TO keyturn_owner;
CREATE FUNCTION evidence.lift_hold(on_case uuid, on_person uuid, actor uuid, reason text) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
  lifted uuid;
BEGIN
  UPDATE evidence.hold SET lifted_at = clock_timestamp()
  WHERE lifted_at IS NULL AND (case_id = on_case OR person_id = on_person)
  RETURNING id INTO lifted;
  IF lifted IS NOT NULL THEN
    PERFORM evidence.record(coalesce(on_case, evidence.pseudonym_of(on_person)), 'hold.lifted', evidence.actor_of(actor),
      evidence.object(ARRAY['hold'], ARRAY[evidence.quoted(lifted::text)]), '{}', ARRAY['reason'], ARRAY[reason],
      ARRAY[actor]);
  END IF;
  RETURN lifted;
END
$$;
ALTER FUNCTION evidence.lift_hold(on_case uuid, on_person uuid, actor uuid, reason text) OWNER TO keyturn_owner;
CREATE FUNCTION evidence.lock_case(of_case uuid) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
  taken integer := coalesce(nullif(current_setting('keyturn.evidence_cases', true), ''), '0')::integer;
BEGIN
  IF taken < 0 THEN
    RETURN;
  END IF;
  IF taken >= 256 THEN
    PERFORM pg_advisory_xact_lock(hashtextextended('keyturn evidence', 1));
    PERFORM set_config('keyturn.evidence_cases', '-1', true);
    RETURN;
  END IF;
  PERFORM pg_advisory_xact_lock_shared(hashtextextended('keyturn evidence', 1));
  PERFORM pg_advisory_xact_lock(hashtextextended('keyturn evidence ' || of_case, 0));
  PERFORM set_config('keyturn.evidence_cases', (taken + 1)::text, true);
END
$$;
ALTER FUNCTION evidence.lock_case(of_case uuid) OWNER TO keyturn_owner;
CREATE FUNCTION evidence.lock_cases(cases uuid[]) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
ALTER FUNCTION evidence.lock_cases(cases uuid[]) OWNER TO keyturn_owner;
CREATE FUNCTION evidence.micros(value timestamp with time zone) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN CASE WHEN isfinite(value) THEN (((EXTRACT(epoch FROM value) * (1000000)::numeric))::bigint)::text ELSE NULL::text END;
ALTER FUNCTION evidence.micros(value timestamp with time zone) OWNER TO keyturn_owner;
CREATE FUNCTION evidence.name_people(people uuid[]) RETURNS smallint
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    AS $$
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
ALTER FUNCTION evidence.name_people(people uuid[]) OWNER TO keyturn_owner;
CREATE FUNCTION evidence.next_leaf(before bytea, head text, prev text, tail text) RETURNS bytea
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN convert_to(((head || COALESCE(encode(sha256(('\x00'::bytea || before)), 'base64'::text), prev)) || tail), 'UTF8'::name);
ALTER FUNCTION evidence.next_leaf(before bytea, head text, prev text, tail text) OWNER TO keyturn_owner;
CREATE FUNCTION evidence.nonce(seed bytea, leaf bigint, field integer) RETURNS bytea
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN sha256(((seed || int8send(leaf)) || int4send(field)));
ALTER FUNCTION evidence.nonce(seed bytea, leaf bigint, field integer) OWNER TO keyturn_owner;
CREATE FUNCTION evidence.on_approvals() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET jit TO 'off'
    AS $$
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
ALTER FUNCTION evidence.on_approvals() OWNER TO keyturn_owner;
CREATE FUNCTION evidence.on_authorizations_changed() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET jit TO 'off'
    AS $$
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
ALTER FUNCTION evidence.on_authorizations_changed() OWNER TO keyturn_owner;
CREATE FUNCTION evidence.on_authorizations_granted() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET jit TO 'off'
    AS $$
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
ALTER FUNCTION evidence.on_authorizations_granted() OWNER TO keyturn_owner;
CREATE FUNCTION evidence.on_change() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
  PERFORM evidence.record_changes(TG_OP, TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME, TG_ARGV[0:6],
    ARRAY[CASE WHEN TG_OP = 'DELETE' THEN to_jsonb(OLD) ELSE to_jsonb(NEW) END],
    ARRAY[CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END]);
  RETURN NULL;
END
$$;
ALTER FUNCTION evidence.on_change() OWNER TO keyturn_owner;
CREATE FUNCTION evidence.on_changes() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
ALTER FUNCTION evidence.on_changes() OWNER TO keyturn_owner;
CREATE FUNCTION evidence.on_identities() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET jit TO 'off'
    AS $$
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
ALTER FUNCTION evidence.on_identities() OWNER TO keyturn_owner;
CREATE FUNCTION evidence.on_migration() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
  PERFORM evidence.record('00000000-0000-4000-8000-0000000000e6', 'record.changed', evidence.actor_of(NULL),
    evidence.object(ARRAY['checksum', 'operation', 'record', 'version'],
      ARRAY[evidence.quoted(NEW.checksum), '"insert"', '"keyturn.schema_migration"', NEW.version::text]));
  RETURN NULL;
END
$$;
ALTER FUNCTION evidence.on_migration() OWNER TO keyturn_owner;
CREATE FUNCTION evidence.on_operator_action() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
  person uuid;
BEGIN
  SELECT p.id INTO person FROM governance.person AS p WHERE p.external_id = NEW.actor;
  PERFORM evidence.record(
    coalesce(NEW.subject, NEW.limit_group, '00000000-0000-4000-8000-0000000000e1'), 'operator.action',
    evidence.actor_of(person),
    evidence.object(ARRAY['action', 'jobs', 'subject', 'target'],
      ARRAY[evidence.quoted(NEW.action), NEW.jobs::text, evidence.quoted(NEW.subject::text),
        evidence.quoted(NEW.limit_group::text)]),
    '{}', ARRAY['detail', 'reason'], ARRAY[NEW.detail, NEW.reason], ARRAY[person, person]);
  RETURN NULL;
END
$$;
ALTER FUNCTION evidence.on_operator_action() OWNER TO keyturn_owner;
CREATE FUNCTION evidence.on_people() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET jit TO 'off'
    AS $$
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
ALTER FUNCTION evidence.on_people() OWNER TO keyturn_owner;
CREATE FUNCTION evidence.on_policy() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
  PERFORM evidence.record(NEW.id, CASE TG_OP WHEN 'INSERT' THEN 'policy.added' ELSE 'policy.changed' END,
    evidence.actor_of(NULL),
    evidence.object(ARRAY['digest', 'document', 'policy', 'version'],
      ARRAY[evidence.hex(sha256(convert_to((to_jsonb(NEW) - 'document')::text, 'UTF8'))), evidence.hex(NEW.digest),
        evidence.quoted(NEW.id::text), NEW.version::text]),
    '{}', ARRAY['policy'], ARRAY[(to_jsonb(NEW) - 'document')::text], ARRAY[NULL::uuid]);
  RETURN NULL;
END
$$;
ALTER FUNCTION evidence.on_policy() OWNER TO keyturn_owner;
CREATE FUNCTION evidence.on_reapprovals() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET jit TO 'off'
    AS $$
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
ALTER FUNCTION evidence.on_reapprovals() OWNER TO keyturn_owner;
CREATE FUNCTION evidence.on_requests() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET jit TO 'off'
    AS $$
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
ALTER FUNCTION evidence.on_requests() OWNER TO keyturn_owner;
CREATE FUNCTION evidence.on_rotation_cancelled() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
  PERFORM evidence.record(NEW.id, 'rotation.cancelled', evidence.actor_of(NULL),
    evidence.object(ARRAY['effects', 'fence', 'from'], ARRAY[(
        SELECT '[' || string_agg('["' || e.id || '","unknown",' || evidence.quoted(e.outcome_code) || ','
          || evidence.micros(e.settled_at) || ']', ',' ORDER BY e.id) || ']'
        FROM lifecycle.effect AS e
        WHERE e.rotation_id = NEW.id AND e.state = 'unknown' AND e.outcome_code = 'taken over'),
      NEW.fence::text, evidence.quoted(OLD.state)]),
    (SELECT evidence.identity_subject(c.identity_id) FROM lifecycle.credential AS c WHERE c.id = NEW.credential_id),
    ARRAY['reason'], ARRAY[NEW.state_reason], ARRAY[NULL::uuid]);
  RETURN NULL;
END
$$;
ALTER FUNCTION evidence.on_rotation_cancelled() OWNER TO keyturn_owner;
CREATE FUNCTION evidence.on_rotations_opened() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
  made bigint;
BEGIN
  WITH opened AS MATERIALIZED (
    SELECT r.id, r.credential_id, r.action, r.trigger, r.ticket, r.authorization_id, a.request_id, a.digest, c.identity_id,
      c.target_id, c.hard_expires_at, c.next_due_at, evidence.actor_of(r.requested_by) AS actor,
      uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) AS nonce
    FROM added AS r
    JOIN lifecycle.credential AS c ON c.id = r.credential_id
    JOIN governance.authorization AS a ON a.id = r.authorization_id
  ), hidden AS (
    INSERT INTO evidence.opening (case_id, cs, field, nonce, value)
    SELECT id, 1, 'ticket', nonce, ticket FROM opened WHERE ticket IS NOT NULL
  )
  SELECT evidence.append(array_agg(o.id), array_agg('rotation.opened'::text),
    array_agg('{"actor":' || evidence.quoted(o.actor) || ',"at":'),
    array_agg(',"d":' || evidence.object(
        ARRAY['action', 'authorization', 'digest', 'due', 'expires', 'request', 'trigger'],
        ARRAY[evidence.quoted(o.action), evidence.quoted(o.authorization_id::text), evidence.hex(o.digest),
          evidence.micros(o.next_due_at), evidence.micros(o.hard_expires_at), evidence.quoted(o.request_id::text),
          evidence.quoted(o.trigger)])
      || ',"eid":"' || evidence.ordered_id() || '","job":"' || o.credential_id || '",'
      || coalesce('"pd":{"ticket":' || evidence.hex(evidence.commitment('ticket', o.nonce, o.ticket)) || '},', '') || '"prev":"'),
    array_agg('","sub":{"identity":"' || o.identity_id || '","target":"' || o.target_id || '"},"t":"rotation.opened","v":1}'))
  INTO made
  FROM opened AS o
  HAVING count(*) > 0;
  RETURN NULL;
END
$$;
ALTER FUNCTION evidence.on_rotations_opened() OWNER TO keyturn_owner;
CREATE FUNCTION evidence.on_target() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
  PERFORM evidence.record(NEW.id, CASE TG_OP WHEN 'INSERT' THEN 'target.added' ELSE 'target.changed' END,
    evidence.actor_of(NULL),
    evidence.object(ARRAY['admin_version', 'criticality', 'examined', 'kind', 'owner'],
      ARRAY[NEW.admin_version::text, NEW.criticality::text, evidence.micros(NEW.examined_at), evidence.quoted(NEW.kind),
        evidence.quoted(evidence.pseudonym_of(NEW.owner_id)::text)]),
    evidence.object(ARRAY['target'], ARRAY[evidence.quoted(NEW.id::text)]),
    ARRAY['environment', 'name', 'settings'], ARRAY[NEW.environment, NEW.name, NEW.settings::text],
    ARRAY[NULL, NULL, NULL]::uuid[]);
  RETURN NULL;
END
$$;
ALTER FUNCTION evidence.on_target() OWNER TO keyturn_owner;
CREATE FUNCTION evidence.ordered_id() RETURNS uuid
    LANGUAGE sql PARALLEL SAFE
    RETURN (encode(set_bit(set_bit(OVERLAY(uuid_send(gen_random_uuid()) PLACING SUBSTRING(int8send(((EXTRACT(epoch FROM clock_timestamp()) * (1000)::numeric))::bigint) FROM 3) FROM 1 FOR 6), (52)::bigint, 1), (53)::bigint, 1), 'hex'::text))::uuid;
ALTER FUNCTION evidence.ordered_id() OWNER TO keyturn_owner;
CREATE FUNCTION evidence.place_hold(on_case uuid, on_person uuid, actor uuid, reason text) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
  made uuid;
BEGIN
  INSERT INTO evidence.hold (id, case_id, person_id) VALUES (evidence.ordered_id(), on_case, on_person)
  ON CONFLICT DO NOTHING RETURNING id INTO made;
  IF made IS NOT NULL THEN
    PERFORM evidence.record(coalesce(on_case, evidence.pseudonym_of(on_person)), 'hold.placed', evidence.actor_of(actor),
      evidence.object(ARRAY['hold'], ARRAY[evidence.quoted(made::text)]), '{}', ARRAY['reason'], ARRAY[reason], ARRAY[actor]);
  END IF;
  RETURN made;
END
$$;
ALTER FUNCTION evidence.place_hold(on_case uuid, on_person uuid, actor uuid, reason text) OWNER TO keyturn_owner;
CREATE FUNCTION evidence.plain(value jsonb) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN CASE jsonb_typeof(value) WHEN 'boolean'::text THEN (value)::text WHEN 'number'::text THEN CASE WHEN ((value)::text ~ '^-?[0-9]{1,15}$'::text) THEN (value)::text ELSE evidence.quoted((value)::text) END WHEN 'string'::text THEN evidence.quoted("left"(regexp_replace((value #>> '{}'::text[]), '^\\x'::text, ''::text), 200)) WHEN 'array'::text THEN evidence.array_of(ARRAY(SELECT "left"(w.value, 200) AS "left" FROM jsonb_array_elements_text(plain.value) w(value))) ELSE NULL::text END;
ALTER FUNCTION evidence.plain(value jsonb) OWNER TO keyturn_owner;
CREATE FUNCTION evidence.prune(most integer) RETURNS bigint[]
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
ALTER FUNCTION evidence.prune(most integer) OWNER TO keyturn_owner;
CREATE FUNCTION evidence.record(of_case uuid, of_type text, actor text, detail text, subject text DEFAULT '{}'::text, fields text[] DEFAULT '{}'::text[], vals text[] DEFAULT '{}'::text[], about uuid[] DEFAULT '{}'::uuid[]) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    AS $$
DECLARE
  hidden text := '';
  made bigint;
  place integer;
  nonces bytea[];
BEGIN
  PERFORM evidence.lock_case(of_case);
  SELECT array_agg(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())) INTO nonces FROM unnest(fields);
  SELECT coalesce('"pd":' || evidence.object(array_agg(m.field),
      array_agg(evidence.hex(evidence.commitment(m.field, m.nonce, m.value)))) || ',', '')
  INTO hidden
  FROM unnest(fields, vals, nonces) AS m (field, value, nonce)
  WHERE m.value IS NOT NULL
  HAVING count(*) > 0;
  made := evidence.append(ARRAY[of_case], ARRAY[of_type], ARRAY['{"actor":' || evidence.quoted(actor) || ',"at":'],
    ARRAY[',"d":' || detail || ',"eid":"' || evidence.ordered_id() || '",' || coalesce(hidden, '') || '"prev":"'],
    ARRAY['","sub":' || subject || ',"t":' || evidence.quoted(of_type) || ',"v":1}']);
  SELECT b.sequences[1] INTO place FROM evidence.batch AS b WHERE b.id = made;
  INSERT INTO evidence.opening (case_id, cs, field, nonce, value, person_id)
  SELECT of_case, place, m.field, m.nonce, m.value, m.person
  FROM unnest(fields, vals, nonces, about) AS m (field, value, nonce, person)
  WHERE m.value IS NOT NULL;
  RETURN place;
END
$$;
ALTER FUNCTION evidence.record(of_case uuid, of_type text, actor text, detail text, subject text, fields text[], vals text[], about uuid[]) OWNER TO keyturn_owner;
CREATE FUNCTION evidence.record_all(cases uuid[], types text[], actors text[], details text[], subjects text[], about uuid[], personal integer, fields text[], first text[], second text[] DEFAULT NULL::text[], third text[] DEFAULT NULL::text[], fourth text[] DEFAULT NULL::text[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET jit TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
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
      THEN evidence.chained(t.head, t.prev, t.tail) FILTER (WHERE is_chained) OVER (PARTITION BY t.case_id ORDER BY t.n)
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
ALTER FUNCTION evidence.record_all(cases uuid[], types text[], actors text[], details text[], subjects text[], about uuid[], personal integer, fields text[], first text[], second text[], third text[], fourth text[]) OWNER TO keyturn_owner;
CREATE FUNCTION evidence.record_changes(operation text, of_table text, words text[], kept jsonb[], was jsonb[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET jit TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $_$
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
$_$;
ALTER FUNCTION evidence.record_changes(operation text, of_table text, words text[], kept jsonb[], was jsonb[]) OWNER TO keyturn_owner;
CREATE FUNCTION evidence.refuse(in_epoch bigint, why_code text, why text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
  PERFORM FROM evidence.log AS l WHERE l.epoch = in_epoch;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  INSERT INTO evidence.refusal (code, reason) VALUES (why_code, left(why, 2000))
  ON CONFLICT (is_it) DO UPDATE SET code = EXCLUDED.code, reason = EXCLUDED.reason, at = EXCLUDED.at;
  RETURN true;
END
$$;
ALTER FUNCTION evidence.refuse(in_epoch bigint, why_code text, why text) OWNER TO keyturn_owner;
CREATE FUNCTION evidence.refuse_event_change() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
  IF TG_OP = 'DELETE' AND EXISTS (
    SELECT FROM evidence.sealed AS s
    JOIN evidence.pruned AS p ON p.tile = (s.first_index + OLD.n) / 256
    WHERE s.batch = OLD.batch) THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION 'evidence.event is append-only' USING ERRCODE = 'insufficient_privilege';
END
$$;
ALTER FUNCTION evidence.refuse_event_change() OWNER TO keyturn_owner;
CREATE FUNCTION evidence.repair(run_firsts bigint[], run_counts integer[], cases uuid[], sequences integer[], hashes bytea[], types text[], times timestamp with time zone[], bodies bytea[], levels smallint[], numbers bigint[], tiles bytea[], roots bytea[], marks bigint[], old_size bigint, old_root bytea, new_size bigint, new_root bytea, new_note text, actor uuid, why text, detail text) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
ALTER FUNCTION evidence.repair(run_firsts bigint[], run_counts integer[], cases uuid[], sequences integer[], hashes bytea[], types text[], times timestamp with time zone[], bodies bytea[], levels smallint[], numbers bigint[], tiles bytea[], roots bytea[], marks bigint[], old_size bigint, old_root bytea, new_size bigint, new_root bytea, new_note text, actor uuid, why text, detail text) OWNER TO keyturn_owner;
CREATE FUNCTION evidence.seal(in_epoch bigint, old_size bigint, batches bigint[], levels smallint[], numbers bigint[], tiles bytea[], roots bytea[], new_size bigint, new_root bytea, new_note text, seconds double precision) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
DECLARE
  changed bigint;
BEGIN
  PERFORM FROM evidence.log AS l WHERE l.epoch = in_epoch AND l.size = old_size FOR UPDATE;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  INSERT INTO evidence.sealed (first_index, count, batch)
  SELECT old_size + sum(b.count) OVER (ORDER BY m.n) - b.count, b.count, b.id
  FROM unnest(batches) WITH ORDINALITY AS m (id, n)
  JOIN evidence.batch AS b ON b.id = m.id;
  IF (SELECT coalesce(sum(s.count), 0) FROM evidence.sealed AS s WHERE s.first_index >= old_size) <> new_size - old_size THEN
    RAISE EXCEPTION 'the batches do not have % leaves', new_size - old_size;
  END IF;
  DELETE FROM evidence.outbox AS o WHERE o.batch = ANY (batches);
  GET DIAGNOSTICS changed = ROW_COUNT;
  IF changed <> cardinality(batches) THEN
    RAISE EXCEPTION 'a batch is not waiting to be sealed';
  END IF;
  INSERT INTO evidence.tile (level, number, hashes, root)
  SELECT level, number, hashes, root FROM unnest(levels, numbers, tiles, roots) AS m (level, number, hashes, root);
  UPDATE evidence.log
  SET size = new_size, root = new_root, note = new_note, sealed_at = clock_timestamp(),
    lease_until = clock_timestamp() + make_interval(secs => seconds);
  RETURN true;
END
$$;
ALTER FUNCTION evidence.seal(in_epoch bigint, old_size bigint, batches bigint[], levels smallint[], numbers bigint[], tiles bytea[], roots bytea[], new_size bigint, new_root bytea, new_note text, seconds double precision) OWNER TO keyturn_owner;
CREATE FUNCTION evidence.subject_of(identity uuid, target uuid) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN COALESCE((((('{"identity":"'::text || identity) || '","target":"'::text) || target) || '"}'::text), '{}'::text);
ALTER FUNCTION evidence.subject_of(identity uuid, target uuid) OWNER TO keyturn_owner;
CREATE PROCEDURE evidence.watch(IN of_table regclass, IN leaf_type text, IN of_case text, IN actors text DEFAULT ''::text, IN about text DEFAULT ''::text, IN plain text DEFAULT ''::text, IN quiet text DEFAULT ''::text, IN updates text DEFAULT NULL::text, IN inserts boolean DEFAULT true)
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
ALTER PROCEDURE evidence.watch(IN of_table regclass, IN leaf_type text, IN of_case text, IN actors text, IN about text, IN plain text, IN quiet text, IN updates text, IN inserts boolean) OWNER TO keyturn_owner;
CREATE PROCEDURE evidence.watch_statements(IN of_table regclass, IN event text, IN function text)
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
  named text := (SELECT c.relname FROM pg_class AS c WHERE c.oid = of_table) || '_evidence_' || lower(event);
BEGIN
  EXECUTE format('CREATE OR REPLACE TRIGGER %I AFTER %s ON %s REFERENCING %s FOR EACH STATEMENT EXECUTE FUNCTION evidence.%s',
    named, event, of_table, concat_ws(' ', CASE WHEN event <> 'INSERT' THEN 'OLD TABLE AS before_changed' END,
      CASE WHEN event <> 'DELETE' THEN 'NEW TABLE AS now_changed' END), function);
  EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', of_table, named);
END
$$;
ALTER PROCEDURE evidence.watch_statements(IN of_table regclass, IN event text, IN function text) OWNER TO keyturn_owner;
CREATE FUNCTION governance.change_responsible() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
  concerned uuid[] := CASE TG_TABLE_NAME WHEN 'identity' THEN ARRAY[NEW.id]
    ELSE ARRAY(SELECT i.id FROM governance.identity AS i WHERE i.vendor_id = NEW.id) END;
BEGIN
  UPDATE governance.authorization AS a
  SET responsible = governance.responsible_for(a.identity_id)
  WHERE a.identity_id = ANY (concerned) AND a.voided_at IS NULL AND a.actions <> ARRAY['revoke'];
  RETURN NULL;
END
$$;
ALTER FUNCTION governance.change_responsible() OWNER TO keyturn_owner;
CREATE FUNCTION governance.name_responsible() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
  NEW.responsible := governance.responsible_for(NEW.identity_id);
  RETURN NEW;
END
$$;
ALTER FUNCTION governance.name_responsible() OWNER TO keyturn_owner;
CREATE VIEW governance.here AS
 SELECT ((s.system_identifier || '/'::text) || d.oid) AS place
   FROM (pg_control_system() s(pg_control_version, catalog_version_no, system_identifier, pg_control_last_modified)
     CROSS JOIN pg_database d)
  WHERE (d.datname = current_database());
ALTER TABLE governance.here OWNER TO keyturn_owner;
CREATE FUNCTION governance.place() RETURNS text
    LANGUAGE sql STABLE
    RETURN (SELECT h.place FROM governance.here h);
ALTER FUNCTION governance.place() OWNER TO keyturn_owner;
CREATE FUNCTION governance.require_incarnation() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
  IF EXISTS (
    SELECT FROM granted AS g
    WHERE NOT EXISTS (
      SELECT FROM governance.live_incarnation AS i WHERE i.id = g.incarnation AND i.mark >= g.mark))
  THEN
    RAISE EXCEPTION 'observe-only: this database is restored, copied or unknown to the process; see keyturn incarnation'
      USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NULL;
END
$$;
ALTER FUNCTION governance.require_incarnation() OWNER TO keyturn_owner;
CREATE FUNCTION governance.responsible_for(identity uuid) RETURNS uuid[]
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
  people uuid[];
  vendor uuid;
BEGIN
  SELECT ARRAY[i.owner_id, i.backup_owner_id], i.vendor_id INTO people, vendor
  FROM governance.identity AS i WHERE i.id = identity FOR SHARE;
  IF vendor IS NOT NULL THEN
    people := people || (SELECT v.sponsor_id FROM governance.vendor AS v WHERE v.id = vendor FOR SHARE);
  END IF;
  RETURN people;
END
$$;
ALTER FUNCTION governance.responsible_for(identity uuid) OWNER TO keyturn_owner;
CREATE FUNCTION jobs.drop_archive_partitions(keep integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET lock_timeout TO '2s'
    AS $_$
DECLARE
  oldest text := 'job_archive_' || to_char((now() AT TIME ZONE 'UTC')::date - keep, 'YYYYMMDD');
  partition text;
  dropped integer := 0;
BEGIN
  IF keep NOT BETWEEN 1 AND 3660 THEN
    RAISE EXCEPTION 'keep must be between 1 and 3660 days' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  FOR partition IN
    SELECT c.relname
    FROM pg_inherits AS i
    JOIN pg_class AS c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'jobs.job_archive'::regclass AND c.relname ~ '^job_archive_[0-9]{8}$' AND c.relname < oldest
    ORDER BY c.relname
  LOOP
    BEGIN
      EXECUTE format('DROP TABLE jobs.%I', partition);
      dropped := dropped + 1;
    EXCEPTION WHEN lock_not_available THEN
      RETURN dropped;
    END;
  END LOOP;
  RETURN dropped;
END
$_$;
ALTER FUNCTION jobs.drop_archive_partitions(keep integer) OWNER TO keyturn_owner;
CREATE FUNCTION jobs.make_archive_partitions(ahead integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
  today date := (now() AT TIME ZONE 'UTC')::date;
  day date;
  made integer := 0;
  partition text;
  starts timestamptz;
  ends timestamptz;
BEGIN
  IF ahead NOT BETWEEN 0 AND 60 THEN
    RAISE EXCEPTION 'ahead must be between 0 and 60 days' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtext('keyturn archive partitions'));
  FOR day IN
    SELECT today + n FROM generate_series(0, ahead) AS n
    UNION
    SELECT DISTINCT (stray.finished_at AT TIME ZONE 'UTC')::date FROM jobs.job_archive_default AS stray
    ORDER BY 1
  LOOP
    partition := 'job_archive_' || to_char(day, 'YYYYMMDD');
    CONTINUE WHEN to_regclass('jobs.' || partition) IS NOT NULL;
    starts := day::timestamp AT TIME ZONE 'UTC';
    ends := (day + 1)::timestamp AT TIME ZONE 'UTC';
    EXECUTE format('CREATE TABLE jobs.%I (LIKE jobs.job_archive INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', partition);
    EXECUTE format(
      'WITH stray AS (DELETE FROM jobs.job_archive_default WHERE finished_at >= %L AND finished_at < %L RETURNING *)
       INSERT INTO jobs.%I SELECT * FROM stray', starts, ends, partition);
    EXECUTE format(
      'ALTER TABLE jobs.job_archive ATTACH PARTITION jobs.%I FOR VALUES FROM (%L) TO (%L)', partition, starts, ends);
    made := made + 1;
  END LOOP;
  RETURN made;
END
$$;
ALTER FUNCTION jobs.make_archive_partitions(ahead integer) OWNER TO keyturn_owner;
CREATE SEQUENCE jobs.job_position
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER TABLE jobs.job_position OWNER TO keyturn_owner;
CREATE FUNCTION jobs.next_position() RETURNS bigint
    LANGUAGE sql
    RETURN CASE WHEN (pg_current_xact_id() IS NOT NULL) THEN nextval('jobs.job_position'::regclass) ELSE NULL::bigint END;
ALTER FUNCTION jobs.next_position() OWNER TO keyturn_owner;
CREATE FUNCTION keyturn.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  RAISE EXCEPTION '%.% is append-only', TG_TABLE_SCHEMA, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$$;
ALTER FUNCTION keyturn.refuse_change() OWNER TO keyturn_owner;
CREATE AGGREGATE evidence.chained(text, text, text) (
    SFUNC = evidence.next_leaf,
    STYPE = bytea
);
ALTER AGGREGATE evidence.chained(text, text, text) OWNER TO keyturn_owner;
CREATE TABLE evidence.batch (
    id bigint NOT NULL,
    count integer NOT NULL,
    cases uuid[] NOT NULL,
    sequences integer[] NOT NULL,
    hashes bytea NOT NULL,
    CONSTRAINT batch_cases_whole CHECK ((cardinality(cases) = count)),
    CONSTRAINT batch_count_positive CHECK ((count >= 1)),
    CONSTRAINT batch_hashes_whole CHECK ((length(hashes) = (32 * count))),
    CONSTRAINT batch_sequences_whole CHECK ((cardinality(sequences) = count))
);
ALTER TABLE ONLY evidence.batch ALTER COLUMN hashes SET STORAGE EXTERNAL;
ALTER TABLE evidence.batch OWNER TO keyturn_owner;
CREATE SEQUENCE evidence.batch_id
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER TABLE evidence.batch_id OWNER TO keyturn_owner;
CREATE TABLE evidence.event (
    at timestamp with time zone NOT NULL,
    case_id uuid NOT NULL,
    batch bigint NOT NULL,
    cs integer NOT NULL,
    n integer NOT NULL,
    type text NOT NULL,
    body bytea NOT NULL,
    CONSTRAINT event_body_length CHECK ((length(body) <= 16384)),
    CONSTRAINT event_cs_positive CHECK ((cs >= 1)),
    CONSTRAINT event_n_positive CHECK ((n >= 0)),
    CONSTRAINT event_type_length CHECK (((length(type) >= 3) AND (length(type) <= 40)))
);
ALTER TABLE evidence.event OWNER TO keyturn_owner;
CREATE TABLE evidence.former_log (
    vkey text NOT NULL,
    origin text NOT NULL,
    kept_size bigint NOT NULL,
    kept_root bytea NOT NULL,
    last_size bigint NOT NULL,
    last_root bytea NOT NULL,
    last_note text NOT NULL,
    ended_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT former_log_kept_root_whole CHECK ((length(kept_root) = 32)),
    CONSTRAINT former_log_last_note_length CHECK ((length(last_note) <= 65536)),
    CONSTRAINT former_log_last_root_whole CHECK ((length(last_root) = 32))
);
ALTER TABLE evidence.former_log OWNER TO keyturn_owner;
CREATE TABLE evidence.log (
    is_it boolean DEFAULT true NOT NULL,
    origin text NOT NULL,
    vkey text NOT NULL,
    size bigint DEFAULT 0 NOT NULL,
    root bytea DEFAULT sha256('\x'::bytea) NOT NULL,
    note text,
    sealed_at timestamp with time zone,
    epoch bigint DEFAULT 0 NOT NULL,
    sealer text,
    lease_until timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    CONSTRAINT log_once CHECK (is_it),
    CONSTRAINT log_origin_length CHECK (((length(origin) >= 1) AND (length(origin) <= 255))),
    CONSTRAINT log_root_whole CHECK ((length(root) = 32)),
    CONSTRAINT log_vkey_length CHECK (((length(vkey) >= 1) AND (length(vkey) <= 400)))
)
WITH (fillfactor='50');
ALTER TABLE evidence.log OWNER TO keyturn_owner;
CREATE TABLE evidence.opening (
    case_id uuid NOT NULL,
    cs integer NOT NULL,
    field text NOT NULL,
    nonce bytea NOT NULL,
    value text NOT NULL,
    person_id uuid,
    CONSTRAINT opening_field_length CHECK (((length(field) >= 1) AND (length(field) <= 40))),
    CONSTRAINT opening_nonce_length CHECK ((length(nonce) = 32)),
    CONSTRAINT opening_value_length CHECK ((length(value) <= 65536))
);
ALTER TABLE evidence.opening OWNER TO keyturn_owner;
CREATE TABLE evidence.outbox (
    batch bigint NOT NULL
)
WITH (autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_threshold='1000');
ALTER TABLE evidence.outbox OWNER TO keyturn_owner;
CREATE TABLE evidence.pruned (
    tile bigint NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);
ALTER TABLE evidence.pruned OWNER TO keyturn_owner;
CREATE TABLE evidence.pseudonym (
    person_id uuid NOT NULL,
    year smallint NOT NULL,
    name uuid DEFAULT gen_random_uuid() NOT NULL
);
ALTER TABLE evidence.pseudonym OWNER TO keyturn_owner;
CREATE TABLE evidence.retention (
    type text NOT NULL,
    keep interval NOT NULL,
    CONSTRAINT retention_keep_range CHECK ((keep >= '1 day'::interval))
);
ALTER TABLE evidence.retention OWNER TO keyturn_owner;
CREATE TABLE evidence.sealed (
    first_index bigint NOT NULL,
    count integer NOT NULL,
    batch bigint NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);
ALTER TABLE evidence.sealed OWNER TO keyturn_owner;
CREATE TABLE evidence.tile (
    level smallint NOT NULL,
    number bigint NOT NULL,
    hashes bytea NOT NULL,
    root bytea NOT NULL,
    CONSTRAINT tile_hashes_whole CHECK ((length(hashes) = 8192)),
    CONSTRAINT tile_level_range CHECK (((level >= 0) AND (level <= 7))),
    CONSTRAINT tile_number_positive CHECK ((number >= 0)),
    CONSTRAINT tile_root_whole CHECK ((length(root) = 32))
);
ALTER TABLE ONLY evidence.tile ALTER COLUMN hashes SET STORAGE EXTERNAL;
ALTER TABLE evidence.tile OWNER TO keyturn_owner;
CREATE TABLE evidence."timestamp" (
    size bigint NOT NULL,
    note text NOT NULL,
    response bytea NOT NULL,
    genuine_at timestamp with time zone NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT timestamp_note_length CHECK ((length(note) <= 65536)),
    CONSTRAINT timestamp_response_length CHECK (((length(response) >= 1) AND (length(response) <= 65536)))
);
ALTER TABLE evidence."timestamp" OWNER TO keyturn_owner;
CREATE TABLE governance.approval (
    id uuid NOT NULL,
    request_id uuid NOT NULL,
    revision integer NOT NULL,
    digest bytea NOT NULL,
    approver_id uuid NOT NULL,
    decision text NOT NULL,
    decided_at timestamp with time zone DEFAULT now() NOT NULL,
    acting_for_id uuid,
    delegation_id uuid,
    stage smallint DEFAULT 0 NOT NULL,
    strength text DEFAULT 'helpdesk'::text NOT NULL,
    is_human boolean DEFAULT true NOT NULL,
    relations text[] DEFAULT '{}'::text[] NOT NULL,
    remote_transaction text,
    signature text,
    CONSTRAINT approval_decision_known CHECK ((decision = ANY (ARRAY['approve'::text, 'deny'::text]))),
    CONSTRAINT approval_delegation_id_whole CHECK (((acting_for_id IS NULL) = (delegation_id IS NULL))),
    CONSTRAINT approval_remote_transaction_length CHECK (((length(remote_transaction) >= 1) AND (length(remote_transaction) <= 300))),
    CONSTRAINT approval_signature_length CHECK ((length(signature) <= 16384)),
    CONSTRAINT approval_stage_positive CHECK ((stage >= 0)),
    CONSTRAINT approval_strength_known CHECK ((strength = ANY (ARRAY['helpdesk'::text, 'fresh_login'::text, 'signature'::text])))
);
ALTER TABLE governance.approval OWNER TO keyturn_owner;
CREATE TABLE governance.approval_withdrawal (
    approval_id uuid NOT NULL,
    reason text NOT NULL,
    withdrawn_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT approval_withdrawal_reason_length CHECK (((length(reason) >= 1) AND (length(reason) <= 500)))
);
ALTER TABLE governance.approval_withdrawal OWNER TO keyturn_owner;
CREATE TABLE governance."authorization" (
    id uuid NOT NULL,
    request_id uuid NOT NULL,
    revision integer NOT NULL,
    digest bytea NOT NULL,
    approval_id uuid,
    identity_id uuid NOT NULL,
    actions text[] NOT NULL,
    valid_from timestamp with time zone DEFAULT now() NOT NULL,
    valid_until timestamp with time zone NOT NULL,
    voided_at timestamp with time zone,
    void_reason text,
    void_code text,
    decision_id uuid,
    people uuid[] DEFAULT '{}'::uuid[] NOT NULL,
    known_people uuid[] DEFAULT '{}'::uuid[] NOT NULL,
    responsible uuid[] DEFAULT '{}'::uuid[] NOT NULL,
    CONSTRAINT authorization_actions_known CHECK (((actions <@ ARRAY['issue'::text, 'rotate'::text, 'revoke'::text]) AND (cardinality(actions) >= 1))),
    CONSTRAINT authorization_approval_id_needed CHECK (((approval_id IS NOT NULL) OR (actions = ARRAY['revoke'::text]))),
    CONSTRAINT authorization_people_known CHECK ((known_people <@ people)),
    CONSTRAINT authorization_valid_until_after CHECK ((valid_until > valid_from)),
    CONSTRAINT authorization_void_code_length CHECK (((length(void_code) >= 1) AND (length(void_code) <= 60))),
    CONSTRAINT authorization_void_reason_length CHECK (((length(void_reason) >= 1) AND (length(void_reason) <= 500))),
    CONSTRAINT authorization_void_whole CHECK (((voided_at IS NULL) = (void_reason IS NULL)))
);
ALTER TABLE governance."authorization" OWNER TO keyturn_owner;
CREATE TABLE governance.break_glass (
    request_id uuid,
    identity_id uuid,
    opened_by uuid NOT NULL,
    second_id uuid,
    ticket_id uuid NOT NULL,
    opened_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    valid_until timestamp with time zone,
    review_due_at timestamp with time zone,
    reviewed_at timestamp with time zone,
    reviewed_by uuid,
    verdict text,
    id uuid NOT NULL,
    reason text NOT NULL,
    confirmed_at timestamp with time zone,
    CONSTRAINT break_glass_confirmed_at_after CHECK ((confirmed_at >= opened_at)),
    CONSTRAINT break_glass_confirmed_whole CHECK ((((confirmed_at IS NULL) = (second_id IS NULL)) AND ((confirmed_at IS NULL) = (valid_until IS NULL)) AND ((confirmed_at IS NULL) = (review_due_at IS NULL)))),
    CONSTRAINT break_glass_reason_length CHECK (((length(reason) >= 1) AND (length(reason) <= 500))),
    CONSTRAINT break_glass_review_due_at_after CHECK ((review_due_at > confirmed_at)),
    CONSTRAINT break_glass_reviewed_by_other CHECK (((reviewed_by <> opened_by) AND (reviewed_by <> second_id))),
    CONSTRAINT break_glass_reviewed_confirmed CHECK (((reviewed_at IS NULL) OR (confirmed_at IS NOT NULL))),
    CONSTRAINT break_glass_reviewed_whole CHECK ((((reviewed_at IS NULL) = (reviewed_by IS NULL)) AND ((reviewed_at IS NULL) = (verdict IS NULL)))),
    CONSTRAINT break_glass_scope_whole CHECK (((request_id IS NULL) = (identity_id IS NULL))),
    CONSTRAINT break_glass_second_id_differs CHECK ((second_id <> opened_by)),
    CONSTRAINT break_glass_valid_until_range CHECK (((valid_until > confirmed_at) AND (valid_until <= (confirmed_at + '04:00:00'::interval)))),
    CONSTRAINT break_glass_verdict_length CHECK (((length(verdict) >= 1) AND (length(verdict) <= 500)))
);
ALTER TABLE governance.break_glass OWNER TO keyturn_owner;
CREATE TABLE governance.decision (
    id uuid NOT NULL,
    request_id uuid NOT NULL,
    revision integer NOT NULL,
    moment text NOT NULL,
    outcome text NOT NULL,
    reasons text[] NOT NULL,
    inputs bytea NOT NULL,
    digest bytea NOT NULL,
    decided_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT decision_digest_matches CHECK ((digest = sha256(inputs))),
    CONSTRAINT decision_inputs_length CHECK ((length(inputs) <= 1048576)),
    CONSTRAINT decision_moment_length CHECK (((length(moment) >= 1) AND (length(moment) <= 20))),
    CONSTRAINT decision_outcome_known CHECK ((outcome = ANY (ARRAY['allow'::text, 'wait'::text, 'block'::text])))
);
ALTER TABLE governance.decision OWNER TO keyturn_owner;
CREATE TABLE governance.delegation (
    id uuid NOT NULL,
    delegator_id uuid NOT NULL,
    delegate_id uuid NOT NULL,
    role text,
    target_id uuid,
    valid_from timestamp with time zone NOT NULL,
    valid_until timestamp with time zone NOT NULL,
    registered_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    registered_by uuid NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT delegation_delegate_id_differs CHECK ((delegate_id <> delegator_id)),
    CONSTRAINT delegation_role_form CHECK ((role ~ '^[a-z][a-z0-9_-]{0,59}$'::text)),
    CONSTRAINT delegation_valid_from_not_before CHECK ((valid_from >= (registered_at - '00:00:01'::interval))),
    CONSTRAINT delegation_valid_until_after CHECK ((valid_until > valid_from))
);
ALTER TABLE governance.delegation OWNER TO keyturn_owner;
CREATE TABLE governance.embargo (
    subject uuid NOT NULL,
    reason text NOT NULL,
    since timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT embargo_reason_length CHECK (((length(reason) >= 1) AND (length(reason) <= 200)))
);
ALTER TABLE governance.embargo OWNER TO keyturn_owner;
CREATE TABLE governance.entitlement (
    target_id uuid NOT NULL,
    name text NOT NULL,
    risk smallint NOT NULL,
    CONSTRAINT entitlement_name_length CHECK (((length(name) >= 1) AND (length(name) <= 300))),
    CONSTRAINT entitlement_risk_range CHECK (((risk >= 1) AND (risk <= 5)))
);
ALTER TABLE governance.entitlement OWNER TO keyturn_owner;
CREATE TABLE governance.feed_release (
    feed_id uuid NOT NULL,
    person_id uuid NOT NULL,
    reason text NOT NULL,
    released_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT feed_release_reason_length CHECK (((length(reason) >= 1) AND (length(reason) <= 500)))
);
ALTER TABLE governance.feed_release OWNER TO keyturn_owner;
CREATE TABLE governance.helpdesk_event (
    id uuid NOT NULL,
    sequence bigint NOT NULL,
    helpdesk text NOT NULL,
    message_id text NOT NULL,
    ticket_id uuid NOT NULL,
    kind text NOT NULL,
    actor text NOT NULL,
    is_human boolean NOT NULL,
    state text NOT NULL,
    request text NOT NULL,
    revision integer NOT NULL,
    digest text NOT NULL,
    happened_at timestamp with time zone NOT NULL,
    received_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT helpdesk_event_actor_length CHECK (((length(actor) >= 1) AND (length(actor) <= 200))),
    CONSTRAINT helpdesk_event_digest_shape CHECK ((digest ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT helpdesk_event_helpdesk_length CHECK (((length(helpdesk) >= 1) AND (length(helpdesk) <= 60))),
    CONSTRAINT helpdesk_event_kind_known CHECK ((kind = ANY (ARRAY['approved'::text, 'rejected'::text, 'changed'::text]))),
    CONSTRAINT helpdesk_event_message_id_length CHECK (((length(message_id) >= 1) AND (length(message_id) <= 256))),
    CONSTRAINT helpdesk_event_request_length CHECK (((length(request) >= 1) AND (length(request) <= 100))),
    CONSTRAINT helpdesk_event_revision_positive CHECK ((revision > 0)),
    CONSTRAINT helpdesk_event_state_known CHECK ((state = ANY (ARRAY['waiting'::text, 'approved'::text, 'rejected'::text, 'resolved'::text, 'closed'::text, 'merged'::text, 'moved'::text, 'deleted'::text])))
);
ALTER TABLE governance.helpdesk_event OWNER TO keyturn_owner;
ALTER TABLE governance.helpdesk_event ALTER COLUMN sequence ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME governance.helpdesk_event_sequence_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE governance.identity_feed (
    id uuid NOT NULL,
    source text NOT NULL,
    sequence bigint NOT NULL,
    as_of timestamp with time zone NOT NULL,
    digest bytea NOT NULL,
    persons integer NOT NULL,
    removals integer NOT NULL,
    state text NOT NULL,
    content jsonb,
    received_at timestamp with time zone DEFAULT now() NOT NULL,
    settled_at timestamp with time zone,
    CONSTRAINT identity_feed_content_kept CHECK (((state = 'quarantined'::text) = (content IS NOT NULL))),
    CONSTRAINT identity_feed_digest_length CHECK ((length(digest) = 32)),
    CONSTRAINT identity_feed_state_known CHECK ((state = ANY (ARRAY['applied'::text, 'quarantined'::text, 'dropped'::text])))
);
ALTER TABLE governance.identity_feed OWNER TO keyturn_owner;
CREATE TABLE governance.identity_source (
    name text NOT NULL,
    kind text NOT NULL,
    as_of timestamp with time zone,
    sequence bigint DEFAULT 0 NOT NULL,
    maximum_age interval,
    state text DEFAULT 'ok'::text NOT NULL,
    break_share double precision DEFAULT 0.05 NOT NULL,
    break_persons integer DEFAULT 20 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT identity_source_break_persons_positive CHECK ((break_persons >= 0)),
    CONSTRAINT identity_source_break_share_range CHECK (((break_share >= (0)::double precision) AND (break_share <= (1)::double precision))),
    CONSTRAINT identity_source_kind_known CHECK ((kind = ANY (ARRAY['manual'::text, 'csv'::text, 'ldap'::text, 'scim'::text]))),
    CONSTRAINT identity_source_maximum_age_positive CHECK ((maximum_age > '00:00:00'::interval)),
    CONSTRAINT identity_source_name_length CHECK (((length(name) >= 1) AND (length(name) <= 100))),
    CONSTRAINT identity_source_sequence_positive CHECK ((sequence >= 0)),
    CONSTRAINT identity_source_state_known CHECK ((state = ANY (ARRAY['ok'::text, 'quarantined'::text])))
);
ALTER TABLE governance.identity_source OWNER TO keyturn_owner;
CREATE TABLE governance.incarnation (
    id uuid NOT NULL,
    place text NOT NULL,
    mark bigint DEFAULT 1 NOT NULL,
    began_at timestamp with time zone DEFAULT now() NOT NULL,
    confirmed_by uuid,
    reason text,
    ended_at timestamp with time zone,
    CONSTRAINT incarnation_confirmed_whole CHECK (((confirmed_by IS NULL) = (reason IS NULL))),
    CONSTRAINT incarnation_mark_positive CHECK ((mark >= 1)),
    CONSTRAINT incarnation_place_length CHECK (((length(place) >= 1) AND (length(place) <= 100))),
    CONSTRAINT incarnation_reason_length CHECK (((length(reason) >= 1) AND (length(reason) <= 500)))
)
WITH (fillfactor='50');
ALTER TABLE governance.incarnation OWNER TO keyturn_owner;
CREATE TABLE governance.incarnation_adoption (
    id bigint NOT NULL,
    incarnation_id uuid NOT NULL,
    host text NOT NULL,
    adopted_by uuid NOT NULL,
    reason text NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT incarnation_adoption_host_length CHECK (((length(host) >= 1) AND (length(host) <= 300))),
    CONSTRAINT incarnation_adoption_reason_length CHECK (((length(reason) >= 1) AND (length(reason) <= 500)))
);
ALTER TABLE governance.incarnation_adoption OWNER TO keyturn_owner;
ALTER TABLE governance.incarnation_adoption ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME governance.incarnation_adoption_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE VIEW governance.live_incarnation AS
 SELECT i.id,
    i.mark
   FROM governance.incarnation i
  WHERE ((i.ended_at IS NULL) AND (i.place = ( SELECT h.place
           FROM governance.here h)));
ALTER TABLE governance.live_incarnation OWNER TO keyturn_owner;
CREATE TABLE governance.operator_permission (
    id uuid NOT NULL,
    person_id uuid NOT NULL,
    permission text NOT NULL,
    environment text,
    granted_by uuid NOT NULL,
    reason text NOT NULL,
    granted_at timestamp with time zone DEFAULT now() NOT NULL,
    valid_until timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL,
    withdrawn_at timestamp with time zone,
    withdrawn_by uuid,
    CONSTRAINT operator_permission_environment_length CHECK (((length(environment) >= 1) AND (length(environment) <= 40))),
    CONSTRAINT operator_permission_granted_by_other CHECK ((granted_by <> person_id)),
    CONSTRAINT operator_permission_permission_known CHECK ((permission = ANY (ARRAY['contain'::text, 'waive'::text]))),
    CONSTRAINT operator_permission_reason_length CHECK (((length(reason) >= 1) AND (length(reason) <= 500))),
    CONSTRAINT operator_permission_valid_until_after CHECK ((valid_until > granted_at)),
    CONSTRAINT operator_permission_withdrawn_whole CHECK (((withdrawn_at IS NULL) = (withdrawn_by IS NULL)))
);
ALTER TABLE governance.operator_permission OWNER TO keyturn_owner;
CREATE TABLE governance.owed_tickets (
    id bigint NOT NULL,
    cause_at timestamp with time zone NOT NULL,
    identities uuid[] NOT NULL,
    kinds text[] NOT NULL,
    subjects text[] NOT NULL,
    bodies text[] NOT NULL,
    due_seconds double precision[] NOT NULL,
    proof_seconds double precision[] NOT NULL,
    CONSTRAINT owed_tickets_whole CHECK ((((cardinality(identities) >= 1) AND (cardinality(identities) <= 1000)) AND (cardinality(kinds) = cardinality(identities)) AND (cardinality(subjects) = cardinality(identities)) AND (cardinality(bodies) = cardinality(identities)) AND (cardinality(due_seconds) = cardinality(identities)) AND (cardinality(proof_seconds) = cardinality(identities))))
);
ALTER TABLE governance.owed_tickets OWNER TO keyturn_owner;
ALTER TABLE governance.owed_tickets ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME governance.owed_tickets_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE governance.permit (
    id uuid NOT NULL,
    authorization_id uuid NOT NULL,
    action text NOT NULL,
    subject uuid NOT NULL,
    fence bigint NOT NULL,
    granted_at timestamp with time zone DEFAULT now() NOT NULL,
    incarnation uuid,
    mark bigint,
    CONSTRAINT permit_action_known CHECK ((action = ANY (ARRAY['issue'::text, 'rotate'::text, 'revoke'::text])))
);
ALTER TABLE governance.permit OWNER TO keyturn_owner;
CREATE TABLE governance.person (
    id uuid NOT NULL,
    external_id text NOT NULL,
    state text DEFAULT 'active'::text NOT NULL,
    source text DEFAULT 'manual'::text NOT NULL,
    as_of timestamp with time zone DEFAULT now() NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    display_name text,
    email text,
    manager_id uuid,
    department text,
    job_title text,
    state_since timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    role_since timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    removed_at timestamp with time zone,
    deactivated_at timestamp with time zone,
    CONSTRAINT person_department_length CHECK ((length(department) <= 200)),
    CONSTRAINT person_display_name_length CHECK ((length(display_name) <= 200)),
    CONSTRAINT person_email_length CHECK (((length(email) >= 3) AND (length(email) <= 254))),
    CONSTRAINT person_external_id_length CHECK (((length(external_id) >= 1) AND (length(external_id) <= 200))),
    CONSTRAINT person_job_title_length CHECK ((length(job_title) <= 200)),
    CONSTRAINT person_manager_id_other CHECK ((manager_id <> id)),
    CONSTRAINT person_source_length CHECK (((length(source) >= 1) AND (length(source) <= 100))),
    CONSTRAINT person_state_known CHECK ((state = ANY (ARRAY['active'::text, 'suspended'::text, 'terminated'::text])))
);
ALTER TABLE governance.person OWNER TO keyturn_owner;
CREATE TABLE governance.person_account (
    realm text NOT NULL,
    login text NOT NULL,
    person_id uuid NOT NULL,
    CONSTRAINT person_account_login_length CHECK (((length(login) >= 1) AND (length(login) <= 200))),
    CONSTRAINT person_account_realm_length CHECK (((length(realm) >= 1) AND (length(realm) <= 100)))
);
ALTER TABLE governance.person_account OWNER TO keyturn_owner;
CREATE TABLE governance.policy (
    id uuid NOT NULL,
    name text NOT NULL,
    rotation_period interval NOT NULL,
    rotation_jitter interval NOT NULL,
    overlap interval NOT NULL,
    settle interval DEFAULT '00:00:10'::interval NOT NULL,
    retry_reserve interval DEFAULT '01:00:00'::interval NOT NULL,
    on_expiry text DEFAULT 'rotate'::text NOT NULL,
    secret_length smallint DEFAULT 32 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    on_unacknowledged text DEFAULT 'retire'::text NOT NULL,
    version integer DEFAULT 0 NOT NULL,
    document bytea,
    digest bytea,
    CONSTRAINT policy_digest_matches CHECK ((digest = sha256(document))),
    CONSTRAINT policy_name_length CHECK (((length(name) >= 1) AND (length(name) <= 100))),
    CONSTRAINT policy_on_expiry_known CHECK ((on_expiry = ANY (ARRAY['rotate'::text, 'revoke'::text]))),
    CONSTRAINT policy_on_unacknowledged_known CHECK ((on_unacknowledged = ANY (ARRAY['retire'::text, 'extend'::text]))),
    CONSTRAINT policy_overlap_range CHECK (((overlap >= '00:00:00'::interval) AND (overlap <= '90 days'::interval))),
    CONSTRAINT policy_retry_reserve_range CHECK (((retry_reserve >= '00:00:00'::interval) AND (retry_reserve <= '30 days'::interval))),
    CONSTRAINT policy_rotation_jitter_range CHECK (((rotation_jitter >= '00:00:00'::interval) AND (rotation_jitter <= rotation_period))),
    CONSTRAINT policy_rotation_period_range CHECK (((rotation_period >= '00:00:10'::interval) AND (rotation_period <= '10 years'::interval))),
    CONSTRAINT policy_secret_length_range CHECK (((secret_length >= 16) AND (secret_length <= 128))),
    CONSTRAINT policy_settle_range CHECK (((settle >= '00:00:00'::interval) AND (settle <= '1 day'::interval))),
    CONSTRAINT policy_version_positive CHECK ((version >= 0))
);
ALTER TABLE governance.policy OWNER TO keyturn_owner;
CREATE TABLE governance.policy_decision (
    policy text NOT NULL,
    version integer NOT NULL,
    digest bytea NOT NULL,
    person_id uuid NOT NULL,
    decision text NOT NULL,
    decided_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT policy_decision_decision_known CHECK ((decision = ANY (ARRAY['approve'::text, 'deny'::text])))
);
ALTER TABLE governance.policy_decision OWNER TO keyturn_owner;
CREATE TABLE governance.policy_version (
    policy text NOT NULL,
    version integer NOT NULL,
    source text NOT NULL,
    document bytea NOT NULL,
    digest bytea NOT NULL,
    proposed_by uuid NOT NULL,
    ticket text NOT NULL,
    proposed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    state text DEFAULT 'proposed'::text NOT NULL,
    activated_at timestamp with time zone,
    CONSTRAINT policy_version_digest_matches CHECK ((digest = sha256(document))),
    CONSTRAINT policy_version_document_length CHECK ((length(document) <= 262144)),
    CONSTRAINT policy_version_policy_length CHECK (((length(policy) >= 1) AND (length(policy) <= 100))),
    CONSTRAINT policy_version_source_length CHECK ((length(source) <= 262144)),
    CONSTRAINT policy_version_state_known CHECK ((state = ANY (ARRAY['proposed'::text, 'active'::text, 'superseded'::text, 'denied'::text]))),
    CONSTRAINT policy_version_ticket_length CHECK (((length(btrim(ticket)) >= 1) AND (length(btrim(ticket)) <= 200))),
    CONSTRAINT policy_version_version_positive CHECK ((version >= 1))
);
ALTER TABLE governance.policy_version OWNER TO keyturn_owner;
CREATE TABLE governance.reapproval (
    id bigint NOT NULL,
    identity_id uuid NOT NULL,
    trigger text NOT NULL,
    words text NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT reapproval_trigger_length CHECK (((length(trigger) >= 1) AND (length(trigger) <= 60))),
    CONSTRAINT reapproval_words_length CHECK (((length(words) >= 1) AND (length(words) <= 500)))
);
ALTER TABLE governance.reapproval OWNER TO keyturn_owner;
ALTER TABLE governance.reapproval ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME governance.reapproval_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE governance.recheck (
    id boolean DEFAULT true NOT NULL,
    after uuid,
    is_running boolean DEFAULT false NOT NULL,
    round_at timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    checked bigint DEFAULT 0 NOT NULL,
    voided bigint DEFAULT 0 NOT NULL,
    unexpected bigint DEFAULT 0 NOT NULL,
    CONSTRAINT recheck_id_single CHECK (id)
);
ALTER TABLE governance.recheck OWNER TO keyturn_owner;
CREATE TABLE governance.request (
    id uuid NOT NULL,
    revision integer NOT NULL,
    origin text NOT NULL,
    identity_id uuid NOT NULL,
    actions text[] NOT NULL,
    requester_id uuid,
    beneficiary_id uuid,
    ticket text NOT NULL,
    core bytea NOT NULL,
    digest bytea NOT NULL,
    submitted_at timestamp with time zone DEFAULT now() NOT NULL,
    break_glass boolean DEFAULT false NOT NULL,
    owning_system text,
    delegated_approver_id uuid,
    CONSTRAINT request_actions_known CHECK (((actions <@ ARRAY['issue'::text, 'rotate'::text, 'revoke'::text]) AND (cardinality(actions) >= 1))),
    CONSTRAINT request_core_length CHECK ((length(core) <= 16384)),
    CONSTRAINT request_digest_matches CHECK ((digest = sha256(core))),
    CONSTRAINT request_origin_known CHECK ((origin = ANY (ARRAY['person'::text, 'policy'::text]))),
    CONSTRAINT request_origin_whole CHECK ((((origin = 'person'::text) AND (requester_id IS NOT NULL)) OR ((origin = 'policy'::text) AND (requester_id IS NULL) AND (actions = ARRAY['revoke'::text])))),
    CONSTRAINT request_owning_system_length CHECK (((length(owning_system) >= 1) AND (length(owning_system) <= 200))),
    CONSTRAINT request_revision_positive CHECK ((revision >= 1)),
    CONSTRAINT request_ticket_length CHECK (((length(btrim(ticket)) >= 1) AND (length(btrim(ticket)) <= 200)))
);
ALTER TABLE governance.request OWNER TO keyturn_owner;
CREATE TABLE governance.request_withdrawal (
    request_id uuid NOT NULL,
    person_id uuid NOT NULL,
    reason text NOT NULL,
    withdrawn_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT request_withdrawal_reason_length CHECK (((length(reason) >= 1) AND (length(reason) <= 500)))
);
ALTER TABLE governance.request_withdrawal OWNER TO keyturn_owner;
CREATE TABLE governance.role_assignment (
    id uuid NOT NULL,
    person_id uuid NOT NULL,
    role text NOT NULL,
    target_id uuid,
    valid_from timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT role_assignment_ended_at_after CHECK ((ended_at >= valid_from)),
    CONSTRAINT role_assignment_role_form CHECK ((role ~ '^[a-z][a-z0-9_-]{0,59}$'::text))
);
ALTER TABLE governance.role_assignment OWNER TO keyturn_owner;
CREATE TABLE governance.scim_client (
    id uuid NOT NULL,
    source text NOT NULL,
    name text NOT NULL,
    token_hash bytea NOT NULL,
    added_by uuid NOT NULL,
    reason text NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    expires_at timestamp with time zone,
    removed_at timestamp with time zone,
    removed_by uuid,
    CONSTRAINT scim_client_expires_at_later CHECK ((expires_at > created_at)),
    CONSTRAINT scim_client_name_length CHECK (((length(name) >= 1) AND (length(name) <= 100))),
    CONSTRAINT scim_client_reason_length CHECK (((length(reason) >= 1) AND (length(reason) <= 500))),
    CONSTRAINT scim_client_removed_whole CHECK (((removed_at IS NULL) = (removed_by IS NULL))),
    CONSTRAINT scim_client_token_hash_length CHECK ((length(token_hash) = 32))
);
ALTER TABLE governance.scim_client OWNER TO keyturn_owner;
CREATE TABLE governance.scim_resource (
    id uuid NOT NULL,
    source text NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    person_id uuid,
    body jsonb NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    modified_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT scim_resource_body_length CHECK ((length((body)::text) <= 1048576)),
    CONSTRAINT scim_resource_kind_known CHECK ((kind = ANY (ARRAY['User'::text, 'Group'::text]))),
    CONSTRAINT scim_resource_name_length CHECK (((length(name) >= 1) AND (length(name) <= 200))),
    CONSTRAINT scim_resource_person_id_whole CHECK (((kind = 'User'::text) = (person_id IS NOT NULL)))
);
ALTER TABLE governance.scim_resource OWNER TO keyturn_owner;
CREATE TABLE governance.signing_key (
    person_id uuid NOT NULL,
    public_key text NOT NULL,
    registered_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT signing_key_public_key_length CHECK (((length(public_key) >= 20) AND (length(public_key) <= 4096)))
);
ALTER TABLE governance.signing_key OWNER TO keyturn_owner;
CREATE TABLE governance.target (
    id uuid NOT NULL,
    bucket smallint NOT NULL,
    name text NOT NULL,
    kind text NOT NULL,
    environment text NOT NULL,
    settings jsonb NOT NULL,
    admin_envelope bytea NOT NULL,
    admin_version integer DEFAULT 1 NOT NULL,
    examined_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    owner_id uuid,
    criticality smallint DEFAULT 2 NOT NULL,
    CONSTRAINT target_admin_envelope_length CHECK ((length(admin_envelope) <= 65536)),
    CONSTRAINT target_bucket_range CHECK ((bucket = jobs.bucket_of(id))),
    CONSTRAINT target_criticality_range CHECK (((criticality >= 1) AND (criticality <= 4))),
    CONSTRAINT target_environment_length CHECK (((length(environment) >= 1) AND (length(environment) <= 40))),
    CONSTRAINT target_kind_length CHECK (((length(kind) >= 1) AND (length(kind) <= 40))),
    CONSTRAINT target_name_length CHECK (((length(name) >= 1) AND (length(name) <= 100)))
);
ALTER TABLE governance.target OWNER TO keyturn_owner;
COMMENT ON COLUMN governance.target.criticality IS '1 low, 2 normal, 3 high, 4 critical';
CREATE TABLE governance.ticket (
    id uuid NOT NULL,
    number bigint NOT NULL,
    helpdesk text DEFAULT 'built-in'::text NOT NULL,
    remote_id text,
    remote_version text,
    kind text NOT NULL,
    state text DEFAULT 'open'::text NOT NULL,
    resolution text,
    identity_id uuid,
    request_id uuid,
    request_revision integer,
    request_digest bytea,
    subject text NOT NULL,
    body text DEFAULT ''::text NOT NULL,
    cause_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    opened_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    due_at timestamp with time zone,
    contained_at timestamp with time zone,
    proven_at timestamp with time zone,
    closed_without_control integer DEFAULT 0 NOT NULL,
    excused_until timestamp with time zone,
    excused_by uuid,
    resolved_at timestamp with time zone,
    ended_remotely_at timestamp with time zone,
    approved_at timestamp with time zone,
    proof_due_at timestamp with time zone,
    CONSTRAINT ticket_body_length CHECK ((length(body) <= 20000)),
    CONSTRAINT ticket_helpdesk_length CHECK (((length(helpdesk) >= 1) AND (length(helpdesk) <= 60))),
    CONSTRAINT ticket_kind_known CHECK ((kind = ANY (ARRAY['request'::text, 'reapproval'::text, 'leaver'::text, 'leak'::text, 'vendor_end'::text, 'expired'::text, 'break_glass'::text, 'review'::text]))),
    CONSTRAINT ticket_proof_due_at_after CHECK ((proof_due_at >= cause_at)),
    CONSTRAINT ticket_remote_id_length CHECK (((length(remote_id) >= 1) AND (length(remote_id) <= 200))),
    CONSTRAINT ticket_remote_version_length CHECK ((length(remote_version) <= 200)),
    CONSTRAINT ticket_request_digest_length CHECK ((length(request_digest) = 32)),
    CONSTRAINT ticket_resolution_excused CHECK (((resolution IS DISTINCT FROM 'unverifiable'::text) OR ((excused_until IS NOT NULL) AND (excused_by IS NOT NULL)))),
    CONSTRAINT ticket_resolution_known CHECK ((resolution = ANY (ARRAY['proven'::text, 'compensated'::text, 'denied'::text, 'expired'::text, 'unverifiable'::text]))),
    CONSTRAINT ticket_resolution_proven CHECK (((resolution IS DISTINCT FROM 'proven'::text) OR (proven_at IS NOT NULL))),
    CONSTRAINT ticket_resolution_whole CHECK (((state = 'resolved'::text) = (resolution IS NOT NULL))),
    CONSTRAINT ticket_state_known CHECK ((state = ANY (ARRAY['open'::text, 'resolved'::text]))),
    CONSTRAINT ticket_subject_length CHECK (((length(subject) >= 1) AND (length(subject) <= 300)))
);
ALTER TABLE governance.ticket OWNER TO keyturn_owner;
CREATE TABLE governance.ticket_note (
    id bigint NOT NULL,
    ticket_id uuid NOT NULL,
    code text,
    author text NOT NULL,
    words text NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT ticket_note_author_length CHECK (((length(author) >= 1) AND (length(author) <= 200))),
    CONSTRAINT ticket_note_code_length CHECK (((length(code) >= 1) AND (length(code) <= 60))),
    CONSTRAINT ticket_note_words_length CHECK (((length(words) >= 1) AND (length(words) <= 4000)))
);
ALTER TABLE governance.ticket_note OWNER TO keyturn_owner;
ALTER TABLE governance.ticket_note ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME governance.ticket_note_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE governance.ticket ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME governance.ticket_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE governance.toxic_pair (
    target_id uuid NOT NULL,
    first text NOT NULL,
    second text NOT NULL,
    reason text NOT NULL,
    CONSTRAINT toxic_pair_first_length CHECK (((length(first) >= 1) AND (length(first) <= 300))),
    CONSTRAINT toxic_pair_reason_length CHECK (((length(reason) >= 1) AND (length(reason) <= 500))),
    CONSTRAINT toxic_pair_second_length CHECK (((length(second) >= 1) AND (length(second) <= 300))),
    CONSTRAINT toxic_pair_sorted CHECK ((first < second))
);
ALTER TABLE governance.toxic_pair OWNER TO keyturn_owner;
CREATE TABLE governance.vendor (
    id uuid NOT NULL,
    name text NOT NULL,
    sponsor_id uuid NOT NULL,
    contract_from timestamp with time zone NOT NULL,
    contract_until timestamp with time zone NOT NULL,
    review_valid_until timestamp with time zone NOT NULL,
    allowed_targets uuid[] DEFAULT '{}'::uuid[] NOT NULL,
    scopes text[] DEFAULT '{}'::text[] NOT NULL,
    client_ids text[] DEFAULT '{}'::text[] NOT NULL,
    redirect_domains text[] DEFAULT '{}'::text[] NOT NULL,
    incident_at timestamp with time zone,
    version bigint DEFAULT 1 NOT NULL,
    end_told_for timestamp with time zone,
    CONSTRAINT vendor_contract_until_after CHECK ((contract_until > contract_from)),
    CONSTRAINT vendor_name_length CHECK (((length(name) >= 1) AND (length(name) <= 100)))
);
ALTER TABLE governance.vendor OWNER TO keyturn_owner;
CREATE TABLE jobs.job (
    "position" bigint DEFAULT jobs.next_position() NOT NULL,
    fence bigint NOT NULL,
    subject uuid NOT NULL,
    id uuid NOT NULL,
    limit_group uuid NOT NULL,
    lease_owner uuid,
    lease_expires_at timestamp with time zone,
    run_at timestamp with time zone NOT NULL,
    deadline_at timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    attempt integer DEFAULT 0 NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    abandonments integer DEFAULT 0 NOT NULL,
    bucket smallint NOT NULL,
    lane smallint NOT NULL,
    precedence smallint NOT NULL,
    follow_up_precedence smallint,
    follow_up_lane smallint,
    kind text NOT NULL,
    hold text,
    hold_reason text,
    follow_up_kind text,
    last_error text,
    CONSTRAINT job_bucket_range CHECK (((bucket >= 0) AND (bucket <= 63))),
    CONSTRAINT job_fence_positive CHECK ((fence >= 0)),
    CONSTRAINT job_follow_up_kind_length CHECK (((length(follow_up_kind) >= 1) AND (length(follow_up_kind) <= 40))),
    CONSTRAINT job_follow_up_lane_range CHECK (((follow_up_lane >= 0) AND (follow_up_lane <= 4))),
    CONSTRAINT job_follow_up_whole CHECK ((((follow_up_kind IS NULL) = (follow_up_precedence IS NULL)) AND ((follow_up_kind IS NULL) = (follow_up_lane IS NULL)))),
    CONSTRAINT job_hold_known CHECK ((hold = ANY (ARRAY['waiting'::text, 'blocked'::text, 'quarantined'::text]))),
    CONSTRAINT job_hold_reason_length CHECK ((length(hold_reason) <= 500)),
    CONSTRAINT job_kind_length CHECK (((length(kind) >= 1) AND (length(kind) <= 40))),
    CONSTRAINT job_lane_range CHECK (((lane >= 0) AND (lane <= 4))),
    CONSTRAINT job_last_error_length CHECK ((length(last_error) <= 500)),
    CONSTRAINT job_lease_free CHECK (((lease_owner IS NULL) OR (hold IS NULL))),
    CONSTRAINT job_lease_whole CHECK (((lease_owner IS NULL) = (lease_expires_at IS NULL)))
)
WITH (fillfactor='60', autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_cost_delay='0');
ALTER TABLE jobs.job OWNER TO keyturn_owner;
CREATE TABLE jobs.job_archive (
    bucket smallint NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL,
    subject uuid NOT NULL,
    limit_group uuid NOT NULL,
    lane smallint NOT NULL,
    outcome text NOT NULL,
    reason text,
    fence bigint NOT NULL,
    attempt integer NOT NULL,
    failures integer NOT NULL,
    abandonments integer NOT NULL,
    created_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone DEFAULT now() NOT NULL,
    finished_by uuid,
    CONSTRAINT job_archive_outcome_known CHECK ((outcome = ANY (ARRAY['done'::text, 'discarded'::text, 'cancelled'::text]))),
    CONSTRAINT job_archive_reason_length CHECK ((length(reason) <= 500))
)
PARTITION BY RANGE (finished_at);
ALTER TABLE jobs.job_archive OWNER TO keyturn_owner;
CREATE TABLE jobs.job_archive_default (
    bucket smallint NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL,
    subject uuid NOT NULL,
    limit_group uuid NOT NULL,
    lane smallint NOT NULL,
    outcome text NOT NULL,
    reason text,
    fence bigint NOT NULL,
    attempt integer NOT NULL,
    failures integer NOT NULL,
    abandonments integer NOT NULL,
    created_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone DEFAULT now() NOT NULL,
    finished_by uuid,
    CONSTRAINT job_archive_outcome_known CHECK ((outcome = ANY (ARRAY['done'::text, 'discarded'::text, 'cancelled'::text]))),
    CONSTRAINT job_archive_reason_length CHECK ((length(reason) <= 500))
);
ALTER TABLE jobs.job_archive_default OWNER TO keyturn_owner;
CREATE TABLE jobs.limit_group (
    bucket smallint NOT NULL,
    id uuid NOT NULL,
    max_running integer NOT NULL,
    rate_per_minute integer,
    tokens double precision DEFAULT 0 NOT NULL,
    tokens_at timestamp with time zone DEFAULT now() NOT NULL,
    breaker text DEFAULT 'closed'::text NOT NULL,
    breaker_failures integer DEFAULT 0 NOT NULL,
    breaker_until timestamp with time zone,
    paused_at timestamp with time zone,
    paused_reason text,
    claim_to bigint DEFAULT 0 NOT NULL,
    rate_burst integer DEFAULT 1 NOT NULL,
    CONSTRAINT limit_group_breaker_known CHECK ((breaker = ANY (ARRAY['closed'::text, 'open'::text, 'half_open'::text]))),
    CONSTRAINT limit_group_bucket_range CHECK (((bucket >= 0) AND (bucket <= 63))),
    CONSTRAINT limit_group_max_running_positive CHECK (((max_running >= 1) AND (max_running <= 10000))),
    CONSTRAINT limit_group_paused_reason_length CHECK ((length(paused_reason) <= 500)),
    CONSTRAINT limit_group_rate_burst_positive CHECK (((rate_burst >= 1) AND (rate_burst <= 10000))),
    CONSTRAINT limit_group_rate_per_minute_positive CHECK ((rate_per_minute > 0)),
    CONSTRAINT limit_group_rate_per_minute_range CHECK ((rate_per_minute <= 1000000))
)
WITH (fillfactor='50');
ALTER TABLE jobs.limit_group OWNER TO keyturn_owner;
CREATE TABLE jobs.maintenance (
    name text NOT NULL,
    next_run_at timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    last_run_at timestamp with time zone,
    last_result text,
    CONSTRAINT maintenance_last_result_length CHECK ((length(last_result) <= 500))
);
ALTER TABLE jobs.maintenance OWNER TO keyturn_owner;
CREATE TABLE jobs.operator_action (
    id bigint NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    limit_group uuid,
    subject uuid,
    jobs integer NOT NULL,
    detail text,
    reason text NOT NULL,
    CONSTRAINT operator_action_action_known CHECK ((action ~ '^[a-z_]{1,40}$'::text)),
    CONSTRAINT operator_action_actor_length CHECK (((length(actor) >= 1) AND (length(actor) <= 200))),
    CONSTRAINT operator_action_detail_length CHECK ((length(detail) <= 500)),
    CONSTRAINT operator_action_jobs_positive CHECK ((jobs >= 0)),
    CONSTRAINT operator_action_reason_length CHECK (((length(reason) >= 1) AND (length(reason) <= 500)))
);
ALTER TABLE jobs.operator_action OWNER TO keyturn_owner;
ALTER TABLE jobs.operator_action ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME jobs.operator_action_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE jobs.statistic (
    minute timestamp with time zone NOT NULL,
    bucket smallint NOT NULL,
    kind text NOT NULL,
    claimed bigint DEFAULT 0 NOT NULL,
    done bigint DEFAULT 0 NOT NULL,
    failed bigint DEFAULT 0 NOT NULL,
    snoozed bigint DEFAULT 0 NOT NULL,
    blocked bigint DEFAULT 0 NOT NULL,
    quarantined bigint DEFAULT 0 NOT NULL,
    lost bigint DEFAULT 0 NOT NULL,
    waited double precision DEFAULT 0 NOT NULL,
    waited_most double precision DEFAULT 0 NOT NULL,
    ran double precision DEFAULT 0 NOT NULL,
    ran_most double precision DEFAULT 0 NOT NULL,
    CONSTRAINT statistic_bucket_range CHECK (((bucket >= 0) AND (bucket <= 63))),
    CONSTRAINT statistic_kind_length CHECK (((length(kind) >= 1) AND (length(kind) <= 40)))
)
WITH (fillfactor='50');
ALTER TABLE jobs.statistic OWNER TO keyturn_owner;
CREATE TABLE jobs.worker (
    id uuid NOT NULL,
    name text NOT NULL,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    heartbeat_at timestamp with time zone DEFAULT now() NOT NULL,
    heartbeat_seconds double precision NOT NULL,
    in_flight integer DEFAULT 0 NOT NULL,
    stopped_at timestamp with time zone,
    reaped_at timestamp with time zone,
    CONSTRAINT worker_heartbeat_seconds_positive CHECK ((heartbeat_seconds > (0)::double precision)),
    CONSTRAINT worker_name_length CHECK (((length(name) >= 1) AND (length(name) <= 200)))
)
WITH (fillfactor='50');
ALTER TABLE jobs.worker OWNER TO keyturn_owner;
CREATE TABLE keyturn.schema_migration (
    version integer NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    breaking boolean NOT NULL,
    reason text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL,
    applied_by text DEFAULT SESSION_USER NOT NULL
);
ALTER TABLE keyturn.schema_migration OWNER TO keyturn;
CREATE TABLE lifecycle.alarm (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    kind text NOT NULL,
    subject uuid NOT NULL,
    detail text NOT NULL,
    raised_at timestamp with time zone DEFAULT now() NOT NULL,
    cleared_at timestamp with time zone,
    ticket_opened_at timestamp with time zone,
    CONSTRAINT alarm_detail_length CHECK ((length(detail) <= 500)),
    CONSTRAINT alarm_kind_known CHECK ((kind = ANY (ARRAY['overlap_exceeded'::text, 'delivery_expired'::text])))
);
ALTER TABLE lifecycle.alarm OWNER TO keyturn_owner;
CREATE VIEW keyturn.v_alarm AS
 SELECT a.id AS alarm_id,
    a.kind,
    a.subject,
    a.detail,
    a.raised_at,
    a.cleared_at
   FROM lifecycle.alarm a;
ALTER TABLE keyturn.v_alarm OWNER TO keyturn_owner;
COMMENT ON VIEW keyturn.v_alarm IS 'What a person must hear of.';
COMMENT ON COLUMN keyturn.v_alarm.alarm_id IS 'id of the alarm';
COMMENT ON COLUMN keyturn.v_alarm.kind IS 'overlap_exceeded: a consumer did not move in time; delivery_expired: a webhook could not be told';
COMMENT ON COLUMN keyturn.v_alarm.subject IS 'the rotation, or the consumer';
COMMENT ON COLUMN keyturn.v_alarm.detail IS 'what happened';
COMMENT ON COLUMN keyturn.v_alarm.raised_at IS 'since when';
COMMENT ON COLUMN keyturn.v_alarm.cleared_at IS 'when it was over; null: it is not';
CREATE VIEW keyturn.v_break_glass AS
 SELECT b.id AS break_glass_id,
    i.name AS identity,
    o.external_id AS opened_by,
    s.external_id AS second,
    ('KT-'::text || k.number) AS ticket,
    b.reason,
    b.opened_at,
    b.confirmed_at,
    b.valid_until,
    b.review_due_at,
    b.reviewed_at,
    r.external_id AS reviewed_by,
    b.verdict,
    ((b.reviewed_at IS NULL) AND (b.review_due_at < now())) AS review_overdue
   FROM (((((governance.break_glass b
     JOIN governance.person o ON ((o.id = b.opened_by)))
     JOIN governance.ticket k ON ((k.id = b.ticket_id)))
     LEFT JOIN governance.identity i ON ((i.id = b.identity_id)))
     LEFT JOIN governance.person s ON ((s.id = b.second_id)))
     LEFT JOIN governance.person r ON ((r.id = b.reviewed_by)));
ALTER TABLE keyturn.v_break_glass OWNER TO keyturn_owner;
COMMENT ON VIEW keyturn.v_break_glass IS 'Emergency access and its reviews.';
COMMENT ON COLUMN keyturn.v_break_glass.break_glass_id IS 'its id; of the request, where it is for one identity';
COMMENT ON COLUMN keyturn.v_break_glass.identity IS 'what it is for; null: to contain a leak';
COMMENT ON COLUMN keyturn.v_break_glass.opened_by IS 'who asked';
COMMENT ON COLUMN keyturn.v_break_glass.second IS 'who confirmed; null: nobody has, and it gives nothing';
COMMENT ON COLUMN keyturn.v_break_glass.ticket IS 'its own ticket';
COMMENT ON COLUMN keyturn.v_break_glass.reason IS 'why, in their words';
COMMENT ON COLUMN keyturn.v_break_glass.opened_at IS 'when it was asked for';
COMMENT ON COLUMN keyturn.v_break_glass.confirmed_at IS 'since when it gave authority';
COMMENT ON COLUMN keyturn.v_break_glass.valid_until IS 'until when it gave authority';
COMMENT ON COLUMN keyturn.v_break_glass.review_due_at IS 'when somebody else must have looked at it';
COMMENT ON COLUMN keyturn.v_break_glass.reviewed_at IS 'when somebody did; null: it is open';
COMMENT ON COLUMN keyturn.v_break_glass.reviewed_by IS 'who did';
COMMENT ON COLUMN keyturn.v_break_glass.verdict IS 'what they found';
COMMENT ON COLUMN keyturn.v_break_glass.review_overdue IS 'open after it was due';
CREATE TABLE lifecycle.consumer (
    id uuid NOT NULL,
    credential_id uuid NOT NULL,
    name text NOT NULL,
    token_hash bytea NOT NULL,
    added_by uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL,
    removed_at timestamp with time zone,
    webhook_url text,
    webhook_envelope bytea,
    webhook_key_id text,
    CONSTRAINT consumer_name_length CHECK (((length(name) >= 1) AND (length(name) <= 100))),
    CONSTRAINT consumer_token_hash_length CHECK ((length(token_hash) = 32)),
    CONSTRAINT consumer_webhook_envelope_length CHECK ((length(webhook_envelope) <= 65536)),
    CONSTRAINT consumer_webhook_key_id_length CHECK (((length(webhook_key_id) >= 1) AND (length(webhook_key_id) <= 200))),
    CONSTRAINT consumer_webhook_url_length CHECK (((length(webhook_url) >= 1) AND (length(webhook_url) <= 1000))),
    CONSTRAINT consumer_webhook_whole CHECK ((num_nonnulls(webhook_url, webhook_envelope, webhook_key_id) = ANY (ARRAY[0, 3])))
);
ALTER TABLE lifecycle.consumer OWNER TO keyturn_owner;
CREATE TABLE lifecycle.consumer_version (
    consumer_id uuid NOT NULL,
    version integer NOT NULL,
    reads bigint DEFAULT 0 NOT NULL,
    first_read_at timestamp with time zone,
    last_read_at timestamp with time zone,
    acknowledged_at timestamp with time zone
)
WITH (fillfactor='60');
ALTER TABLE lifecycle.consumer_version OWNER TO keyturn_owner;
CREATE TABLE lifecycle.credential (
    id uuid NOT NULL,
    identity_id uuid NOT NULL,
    target_id uuid NOT NULL,
    bucket smallint NOT NULL,
    state text NOT NULL,
    authorization_id uuid NOT NULL,
    fence bigint DEFAULT 0 NOT NULL,
    due_anchor timestamp with time zone,
    next_due_at timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL,
    hard_expires_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    leaked_at timestamp with time zone,
    next_verify_at timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL,
    CONSTRAINT credential_bucket_range CHECK ((bucket = jobs.bucket_of(target_id))),
    CONSTRAINT credential_state_known CHECK ((state = ANY (ARRAY['pending'::text, 'active'::text, 'revoking'::text, 'revoked'::text, 'waived'::text])))
)
WITH (fillfactor='70');
ALTER TABLE lifecycle.credential OWNER TO keyturn_owner;
CREATE TABLE lifecycle.delivery (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    consumer_id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    last_outcome text,
    tried_at timestamp with time zone,
    settled_at timestamp with time zone,
    state text DEFAULT 'open'::text NOT NULL,
    CONSTRAINT delivery_last_outcome_length CHECK ((length(last_outcome) <= 200)),
    CONSTRAINT delivery_settled_whole CHECK (((state = 'open'::text) = (settled_at IS NULL))),
    CONSTRAINT delivery_state_known CHECK ((state = ANY (ARRAY['open'::text, 'delivered'::text, 'expired'::text])))
)
WITH (fillfactor='60');
ALTER TABLE lifecycle.delivery OWNER TO keyturn_owner;
CREATE TABLE lifecycle.version (
    credential_id uuid NOT NULL,
    number integer NOT NULL,
    state text NOT NULL,
    login text NOT NULL,
    envelope bytea,
    key_id text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    published_at timestamp with time zone,
    ended_at timestamp with time zone,
    CONSTRAINT version_envelope_kept CHECK (((envelope IS NOT NULL) OR (state = ANY (ARRAY['revoked'::text, 'orphan'::text])))),
    CONSTRAINT version_envelope_length CHECK ((length(envelope) <= 65536)),
    CONSTRAINT version_key_id_length CHECK (((length(key_id) >= 1) AND (length(key_id) <= 200))),
    CONSTRAINT version_login_length CHECK (((length(login) >= 1) AND (length(login) <= 63))),
    CONSTRAINT version_number_positive CHECK ((number >= 1)),
    CONSTRAINT version_state_known CHECK ((state = ANY (ARRAY['candidate'::text, 'current'::text, 'retiring'::text, 'revoked'::text, 'orphan'::text])))
);
ALTER TABLE lifecycle.version OWNER TO keyturn_owner;
CREATE VIEW keyturn.v_consumer AS
 SELECT c.id AS consumer_id,
    c.name,
    c.credential_id,
    i.name AS identity,
    t.name AS target,
    c.created_at,
    NULLIF(c.expires_at, 'infinity'::timestamp with time zone) AS expires_at,
    c.webhook_url,
    cur.number AS current_version,
    a.version AS acknowledged_version,
    a.acknowledged_at,
    l.version AS last_read_version,
    l.last_read_at,
    l.reads,
    ( SELECT count(*) AS count
           FROM lifecycle.delivery d
          WHERE ((d.consumer_id = c.id) AND (d.state = 'open'::text))) AS open_deliveries
   FROM ((((((lifecycle.consumer c
     JOIN lifecycle.credential k ON ((k.id = c.credential_id)))
     JOIN governance.identity i ON ((i.id = k.identity_id)))
     JOIN governance.target t ON ((t.id = k.target_id)))
     LEFT JOIN lifecycle.version cur ON (((cur.credential_id = c.credential_id) AND (cur.state = 'current'::text))))
     LEFT JOIN LATERAL ( SELECT v.version,
            v.acknowledged_at
           FROM lifecycle.consumer_version v
          WHERE ((v.consumer_id = c.id) AND (v.acknowledged_at IS NOT NULL))
          ORDER BY v.version DESC
         LIMIT 1) a ON (true))
     LEFT JOIN LATERAL ( SELECT v.version,
            v.last_read_at,
            v.reads
           FROM lifecycle.consumer_version v
          WHERE ((v.consumer_id = c.id) AND (v.last_read_at IS NOT NULL))
          ORDER BY v.version DESC
         LIMIT 1) l ON (true))
  WHERE (c.removed_at IS NULL);
ALTER TABLE keyturn.v_consumer OWNER TO keyturn_owner;
COMMENT ON VIEW keyturn.v_consumer IS 'Registered readers: what they read and what they have in use. No tokens.';
COMMENT ON COLUMN keyturn.v_consumer.consumer_id IS 'id of the consumer';
COMMENT ON COLUMN keyturn.v_consumer.name IS 'name of the consumer; unique per credential';
COMMENT ON COLUMN keyturn.v_consumer.credential_id IS 'what it reads';
COMMENT ON COLUMN keyturn.v_consumer.identity IS 'name of the identity it reads';
COMMENT ON COLUMN keyturn.v_consumer.target IS 'name of the target';
COMMENT ON COLUMN keyturn.v_consumer.created_at IS 'when it was registered';
COMMENT ON COLUMN keyturn.v_consumer.expires_at IS 'when its token ends; null: never';
COMMENT ON COLUMN keyturn.v_consumer.webhook_url IS 'where it is told of new versions';
COMMENT ON COLUMN keyturn.v_consumer.current_version IS 'what it should have';
COMMENT ON COLUMN keyturn.v_consumer.acknowledged_version IS 'the newest version it said it has in use';
COMMENT ON COLUMN keyturn.v_consumer.acknowledged_at IS 'when it said so';
COMMENT ON COLUMN keyturn.v_consumer.last_read_version IS 'the newest version it read';
COMMENT ON COLUMN keyturn.v_consumer.last_read_at IS 'when it last read that version';
COMMENT ON COLUMN keyturn.v_consumer.reads IS 'how often it read that version';
COMMENT ON COLUMN keyturn.v_consumer.open_deliveries IS 'webhook messages that were not accepted yet';
CREATE TABLE lifecycle.containment (
    id uuid NOT NULL,
    selector text NOT NULL,
    digest text NOT NULL,
    follow_up text NOT NULL,
    requested_by uuid NOT NULL,
    ticket text NOT NULL,
    reason text NOT NULL,
    permission_id uuid,
    break_glass_id uuid,
    requested_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT containment_authority_one CHECK ((num_nonnulls(permission_id, break_glass_id) = 1)),
    CONSTRAINT containment_digest_form CHECK ((digest ~ '^[0-9a-f]{12}$'::text)),
    CONSTRAINT containment_follow_up_known CHECK ((follow_up = ANY (ARRAY['rotate'::text, 'revoke'::text]))),
    CONSTRAINT containment_reason_length CHECK (((length(reason) >= 1) AND (length(reason) <= 500))),
    CONSTRAINT containment_selector_length CHECK (((length(selector) >= 1) AND (length(selector) <= 500))),
    CONSTRAINT containment_ticket_length CHECK (((length(ticket) >= 1) AND (length(ticket) <= 200)))
);
ALTER TABLE lifecycle.containment OWNER TO keyturn_owner;
CREATE TABLE lifecycle.containment_item (
    containment_target_id uuid NOT NULL,
    credential_id uuid NOT NULL,
    authorization_id uuid NOT NULL,
    state text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    fence bigint NOT NULL,
    permit_id uuid,
    outcome_code text,
    intended_at timestamp with time zone,
    settled_at timestamp with time zone,
    follow_up text DEFAULT 'waiting'::text NOT NULL,
    follow_up_detail text,
    rotation_id uuid,
    CONSTRAINT containment_item_follow_up_detail_length CHECK ((length(follow_up_detail) <= 200)),
    CONSTRAINT containment_item_follow_up_known CHECK ((follow_up = ANY (ARRAY['waiting'::text, 'opened'::text, 'not_allowed'::text, 'none'::text]))),
    CONSTRAINT containment_item_outcome_code_length CHECK ((length(outcome_code) <= 200)),
    CONSTRAINT containment_item_permit_needed CHECK (((state = 'waiting'::text) OR (permit_id IS NOT NULL))),
    CONSTRAINT containment_item_state_known CHECK ((state = ANY (ARRAY['waiting'::text, 'intended'::text, 'contained'::text, 'refused'::text])))
)
WITH (fillfactor='50');
ALTER TABLE lifecycle.containment_item OWNER TO keyturn_owner;
CREATE TABLE lifecycle.containment_target (
    id uuid NOT NULL,
    containment_id uuid NOT NULL,
    target_id uuid NOT NULL,
    bucket smallint NOT NULL,
    tried_at timestamp with time zone,
    ended_at timestamp with time zone,
    CONSTRAINT containment_target_bucket_range CHECK ((bucket = jobs.bucket_of(target_id)))
);
ALTER TABLE lifecycle.containment_target OWNER TO keyturn_owner;
CREATE TABLE lifecycle.rotation (
    id uuid NOT NULL,
    credential_id uuid NOT NULL,
    bucket smallint NOT NULL,
    action text NOT NULL,
    state text NOT NULL,
    state_reason text,
    trigger text NOT NULL,
    requested_by uuid,
    ticket text,
    authorization_id uuid NOT NULL,
    new_version integer,
    old_version integer,
    fence bigint DEFAULT 0 NOT NULL,
    candidates integer DEFAULT 0 NOT NULL,
    steps integer DEFAULT 0 NOT NULL,
    resume_state text,
    wait_until timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    entered_at timestamp with time zone DEFAULT now() NOT NULL,
    finished_at timestamp with time zone,
    granted boolean DEFAULT false NOT NULL,
    inventory text[],
    quarantine jsonb,
    CONSTRAINT rotation_action_known CHECK ((action = ANY (ARRAY['issue'::text, 'rotate'::text, 'revoke'::text]))),
    CONSTRAINT rotation_bucket_range CHECK (((bucket >= 0) AND (bucket <= 63))),
    CONSTRAINT rotation_inventory_length CHECK ((cardinality(inventory) <= 1000)),
    CONSTRAINT rotation_quarantine_length CHECK ((length((quarantine)::text) <= 8192)),
    CONSTRAINT rotation_state_known CHECK ((state = ANY (ARRAY['planned'::text, 'claimed'::text, 'contained'::text, 'narrowed'::text, 'prepared'::text, 'applying'::text, 'applied'::text, 'verified'::text, 'rights_equal'::text, 'published'::text, 'overlap'::text, 'retiring'::text, 'sessions_ended'::text, 'old_refused'::text, 'done'::text, 'login_blocked'::text, 'stripped'::text, 'dropped'::text, 'refused'::text, 'residue_zero'::text, 'unknown'::text, 'rolling_back'::text, 'rolled_back'::text, 'quarantined'::text, 'cancelled'::text, 'abandoned'::text]))),
    CONSTRAINT rotation_state_reason_length CHECK ((length(state_reason) <= 500)),
    CONSTRAINT rotation_ticket_length CHECK ((length(ticket) <= 200)),
    CONSTRAINT rotation_trigger_known CHECK ((trigger = ANY (ARRAY['issue'::text, 'due'::text, 'requested'::text, 'leak'::text, 'narrowed'::text, 'revocation'::text, 'identity_expired'::text, 'secret_expired'::text])))
)
WITH (fillfactor='60');
ALTER TABLE lifecycle.rotation OWNER TO keyturn_owner;
CREATE VIEW keyturn.v_containment AS
 SELECT c.id AS containment_id,
    c.selector,
    c.follow_up,
    p.external_id AS requested_by,
    c.ticket,
    c.reason,
        CASE
            WHEN (c.permission_id IS NULL) THEN 'break_glass'::text
            ELSE 'permission'::text
        END AS authority,
    c.requested_at,
    s.targets,
    s.credentials,
    s.contained,
    s.refused,
    s.remaining,
    s.follow_ups_open,
    s.follow_ups_done,
    s.follow_ups_not_allowed,
        CASE
            WHEN (s.remaining = 0) THEN s.last_settled_at
            ELSE NULL::timestamp with time zone
        END AS contained_at,
        CASE
            WHEN (s.remaining = 0) THEN (EXTRACT(epoch FROM (s.last_settled_at - c.requested_at)))::double precision
            ELSE NULL::double precision
        END AS seconds_to_contain
   FROM ((lifecycle.containment c
     JOIN governance.person p ON ((p.id = c.requested_by)))
     CROSS JOIN LATERAL ( SELECT count(DISTINCT t.id) AS targets,
            count(i.credential_id) AS credentials,
            count(*) FILTER (WHERE (i.state = 'contained'::text)) AS contained,
            count(*) FILTER (WHERE (i.state = 'refused'::text)) AS refused,
            count(*) FILTER (WHERE (i.state = ANY (ARRAY['waiting'::text, 'intended'::text]))) AS remaining,
            count(*) FILTER (WHERE ((i.follow_up = 'waiting'::text) OR ((i.follow_up = 'opened'::text) AND (r.finished_at IS NULL)))) AS follow_ups_open,
            count(*) FILTER (WHERE ((i.follow_up = 'opened'::text) AND (r.finished_at IS NOT NULL))) AS follow_ups_done,
            count(*) FILTER (WHERE (i.follow_up = 'not_allowed'::text)) AS follow_ups_not_allowed,
            max(i.settled_at) AS last_settled_at
           FROM ((lifecycle.containment_target t
             LEFT JOIN lifecycle.containment_item i ON ((i.containment_target_id = t.id)))
             LEFT JOIN lifecycle.rotation r ON (((r.id = i.rotation_id) AND (r.credential_id = i.credential_id))))
          WHERE (t.containment_id = c.id)) s);
ALTER TABLE keyturn.v_containment OWNER TO keyturn_owner;
COMMENT ON VIEW keyturn.v_containment IS 'Mass actions on leaks: what was cut off, how long it took, what follows.';
COMMENT ON COLUMN keyturn.v_containment.containment_id IS 'id, as `keyturn contain status` takes it';
COMMENT ON COLUMN keyturn.v_containment.selector IS 'what was named';
COMMENT ON COLUMN keyturn.v_containment.follow_up IS 'what comes after the cut: rotate or revoke';
COMMENT ON COLUMN keyturn.v_containment.requested_by IS 'who ordered it';
COMMENT ON COLUMN keyturn.v_containment.ticket IS 'the helpdesk''s ticket';
COMMENT ON COLUMN keyturn.v_containment.reason IS 'why, in the operator''s words';
COMMENT ON COLUMN keyturn.v_containment.authority IS 'permission: recorded before; break_glass: two people, reviewed after';
COMMENT ON COLUMN keyturn.v_containment.requested_at IS 'when it was ordered';
COMMENT ON COLUMN keyturn.v_containment.targets IS 'targets it concerns';
COMMENT ON COLUMN keyturn.v_containment.credentials IS 'credentials it concerns';
COMMENT ON COLUMN keyturn.v_containment.contained IS 'credentials whose logins are blocked and whose sessions are gone';
COMMENT ON COLUMN keyturn.v_containment.refused IS 'credentials that the target refused to cut off; look at the items';
COMMENT ON COLUMN keyturn.v_containment.remaining IS 'credentials that are not cut off yet';
COMMENT ON COLUMN keyturn.v_containment.follow_ups_open IS 'credentials whose rotation or revocation is not over';
COMMENT ON COLUMN keyturn.v_containment.follow_ups_done IS 'credentials whose rotation or revocation is over';
COMMENT ON COLUMN keyturn.v_containment.follow_ups_not_allowed IS 'credentials that stay blocked: their authorization does not allow a rotation';
COMMENT ON COLUMN keyturn.v_containment.contained_at IS 'when the last one was cut off; null: not all are';
COMMENT ON COLUMN keyturn.v_containment.seconds_to_contain IS 'from the order to the last cut';
CREATE TABLE lifecycle.verification (
    id uuid NOT NULL,
    credential_id uuid NOT NULL,
    version integer,
    result text NOT NULL,
    drifts text[] NOT NULL,
    detail jsonb DEFAULT '{}'::jsonb NOT NULL,
    fence bigint NOT NULL,
    observed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT verification_detail_length CHECK ((length((detail)::text) <= 16384)),
    CONSTRAINT verification_drifts_length CHECK ((cardinality(drifts) <= 20)),
    CONSTRAINT verification_drifts_whole CHECK (((result = 'drifted'::text) = (cardinality(drifts) > 0))),
    CONSTRAINT verification_result_known CHECK ((result = ANY (ARRAY['sound'::text, 'drifted'::text, 'cannot_tell'::text])))
);
ALTER TABLE lifecycle.verification OWNER TO keyturn_owner;
CREATE TABLE lifecycle.waiver (
    id uuid NOT NULL,
    rotation_id uuid NOT NULL,
    credential_id uuid NOT NULL,
    waived_by uuid NOT NULL,
    permission_id uuid NOT NULL,
    ticket text NOT NULL,
    reason text NOT NULL,
    statement text NOT NULL,
    digest bytea NOT NULL,
    signature text NOT NULL,
    waived_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT waiver_digest_matches CHECK ((digest = sha256(convert_to(statement, 'UTF8'::name)))),
    CONSTRAINT waiver_reason_length CHECK (((length(reason) >= 1) AND (length(reason) <= 500))),
    CONSTRAINT waiver_signature_length CHECK (((length(signature) >= 1) AND (length(signature) <= 16384))),
    CONSTRAINT waiver_statement_length CHECK ((length(statement) <= 32768)),
    CONSTRAINT waiver_ticket_length CHECK (((length(ticket) >= 1) AND (length(ticket) <= 200)))
);
ALTER TABLE lifecycle.waiver OWNER TO keyturn_owner;
CREATE VIEW keyturn.v_credential AS
 SELECT c.id AS credential_id,
    i.name AS identity,
    t.name AS target,
    t.environment,
    c.state,
    v.number AS current_version,
    v.login AS current_login,
    v.published_at,
    c.next_due_at,
    c.hard_expires_at,
    p.name AS policy,
    owner.external_id AS owner,
    r.id AS open_rotation_id,
    r.action AS open_action,
    r.state AS open_state,
    r.state_reason AS open_state_reason,
    a.voided_at AS authorization_voided_at,
    a.void_reason,
    r.quarantine AS open_quarantine,
    c.leaked_at,
    c.next_verify_at,
    l.observed_at AS verified_at,
    l.result AS verification,
    l.drifts,
    w.waived_at,
    w.external_id AS waived_by,
    w.ticket AS waiver_ticket,
    w.reason AS waiver_reason
   FROM (((((((((lifecycle.credential c
     JOIN governance.identity i ON ((i.id = c.identity_id)))
     JOIN governance.target t ON ((t.id = c.target_id)))
     JOIN governance.policy p ON ((p.id = i.policy_id)))
     JOIN governance.person owner ON ((owner.id = i.owner_id)))
     JOIN governance."authorization" a ON ((a.id = c.authorization_id)))
     LEFT JOIN lifecycle.version v ON (((v.credential_id = c.id) AND (v.state = 'current'::text))))
     LEFT JOIN LATERAL ( SELECT o.id,
            o.action,
            o.state,
            o.state_reason,
            o.quarantine
           FROM lifecycle.rotation o
          WHERE ((o.credential_id = c.id) AND (o.finished_at IS NULL))
          ORDER BY (o.action = 'revoke'::text) DESC
         LIMIT 1) r ON (true))
     LEFT JOIN LATERAL ( SELECT f.observed_at,
            f.result,
            f.drifts
           FROM lifecycle.verification f
          WHERE (f.credential_id = c.id)
          ORDER BY f.id DESC
         LIMIT 1) l ON (true))
     LEFT JOIN LATERAL ( SELECT x.waived_at,
            q.external_id,
            x.ticket,
            x.reason
           FROM (lifecycle.waiver x
             JOIN governance.person q ON ((q.id = x.waived_by)))
          WHERE ((x.credential_id = c.id) AND (c.state = 'waived'::text))
          ORDER BY x.waived_at DESC
         LIMIT 1) w ON (true));
ALTER TABLE keyturn.v_credential OWNER TO keyturn_owner;
COMMENT ON VIEW keyturn.v_credential IS 'One row per credential with its current version and open rotation. No secrets.';
COMMENT ON COLUMN keyturn.v_credential.open_quarantine IS 'reason, since, state, last_proof and allowed next actions of a saga that needs a person; null: none does';
COMMENT ON COLUMN keyturn.v_credential.leaked_at IS 'reported as known to others and not replaced yet; null: not';
COMMENT ON COLUMN keyturn.v_credential.next_verify_at IS 'when it is looked at again';
COMMENT ON COLUMN keyturn.v_credential.verified_at IS 'when it was last looked at, beside rotations';
COMMENT ON COLUMN keyturn.v_credential.verification IS 'sound, drifted or cannot_tell; null: not looked at yet';
COMMENT ON COLUMN keyturn.v_credential.drifts IS 'what differs from what was approved';
COMMENT ON COLUMN keyturn.v_credential.waived_at IS 'when its revocation was ended without proof; null: it was not';
COMMENT ON COLUMN keyturn.v_credential.waived_by IS 'who answers for what is left on the target';
COMMENT ON COLUMN keyturn.v_credential.waiver_ticket IS 'the helpdesk''s ticket of the waiver';
COMMENT ON COLUMN keyturn.v_credential.waiver_reason IS 'why, in their words';
CREATE TABLE lifecycle.discovery (
    target_id uuid NOT NULL,
    next_at timestamp with time zone NOT NULL,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    logins integer,
    governed integer,
    result text,
    CONSTRAINT discovery_result_length CHECK ((length(result) <= 500))
);
ALTER TABLE lifecycle.discovery OWNER TO keyturn_owner;
CREATE TABLE lifecycle.finding (
    id uuid NOT NULL,
    target_id uuid NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    identity_id uuid,
    detail text NOT NULL,
    state text DEFAULT 'open'::text NOT NULL,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    last_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    gone_at timestamp with time zone,
    explained_by uuid,
    explained_at timestamp with time zone,
    explanation text,
    CONSTRAINT finding_detail_length CHECK ((length(detail) <= 1000)),
    CONSTRAINT finding_explained_by_somebody CHECK (((state <> 'explained'::text) OR (explained_by IS NOT NULL))),
    CONSTRAINT finding_explanation_length CHECK (((length(explanation) >= 1) AND (length(explanation) <= 500))),
    CONSTRAINT finding_explanation_whole CHECK ((((explained_by IS NULL) = (explanation IS NULL)) AND ((explained_by IS NULL) = (explained_at IS NULL)))),
    CONSTRAINT finding_gone_whole CHECK (((state = 'gone'::text) = (gone_at IS NOT NULL))),
    CONSTRAINT finding_kind_known CHECK ((kind = ANY (ARRAY['unexplained_login'::text, 'unknown_mark'::text, 'mark_lost'::text, 'renamed'::text, 'vanished'::text, 'disabled'::text, 'left_behind'::text, 'shared'::text, 'stale_trial'::text]))),
    CONSTRAINT finding_name_length CHECK (((length(name) >= 1) AND (length(name) <= 63))),
    CONSTRAINT finding_state_known CHECK ((state = ANY (ARRAY['open'::text, 'explained'::text, 'gone'::text])))
);
ALTER TABLE lifecycle.finding OWNER TO keyturn_owner;
CREATE VIEW keyturn.v_discovery AS
 SELECT t.name AS target,
    t.environment,
    d.finished_at AS looked_at,
    d.next_at,
    d.logins,
    d.governed,
    d.result,
    ( SELECT count(*) AS count
           FROM lifecycle.finding f
          WHERE ((f.target_id = t.id) AND (f.state = 'open'::text))) AS open_findings
   FROM (governance.target t
     LEFT JOIN lifecycle.discovery d ON ((d.target_id = t.id)));
ALTER TABLE keyturn.v_discovery OWNER TO keyturn_owner;
COMMENT ON VIEW keyturn.v_discovery IS 'When each target was looked over, and how many of its logins are governed.';
COMMENT ON COLUMN keyturn.v_discovery.target IS 'name of the target';
COMMENT ON COLUMN keyturn.v_discovery.environment IS 'production, staging, …';
COMMENT ON COLUMN keyturn.v_discovery.looked_at IS 'when it was last looked over';
COMMENT ON COLUMN keyturn.v_discovery.next_at IS 'when it is due again';
COMMENT ON COLUMN keyturn.v_discovery.logins IS 'logins on the target then';
COMMENT ON COLUMN keyturn.v_discovery.governed IS 'of these, logins of identities';
COMMENT ON COLUMN keyturn.v_discovery.result IS 'what was done, or why it could not be';
COMMENT ON COLUMN keyturn.v_discovery.open_findings IS 'findings that nobody has explained';
CREATE VIEW keyturn.v_evidence AS
 SELECT l.origin,
    l.size AS leaves,
    l.sealed_at,
    l.sealer,
    (l.lease_until > now()) AS sealing,
    ( SELECT count(*) AS count
           FROM evidence.outbox) AS batches_waiting,
    ( SELECT e.at
           FROM ((evidence.outbox o
             JOIN evidence.batch b ON ((b.id = o.batch)))
             JOIN evidence.event e ON (((e.case_id = b.cases[1]) AND (e.cs = b.sequences[1]))))
          ORDER BY o.batch
         LIMIT 1) AS waiting_since
   FROM evidence.log l;
ALTER TABLE keyturn.v_evidence OWNER TO keyturn_owner;
COMMENT ON VIEW keyturn.v_evidence IS 'The evidence log: leaves sealed, and what waits to be.';
CREATE VIEW keyturn.v_finding AS
 SELECT f.id AS finding_id,
    t.name AS target,
    t.environment,
    f.kind,
    f.name,
    i.name AS identity,
    f.detail,
    f.state,
    f.first_seen_at,
    f.last_seen_at,
    f.gone_at,
    p.external_id AS explained_by,
    f.explained_at,
    f.explanation
   FROM (((lifecycle.finding f
     JOIN governance.target t ON ((t.id = f.target_id)))
     LEFT JOIN governance.identity i ON ((i.id = f.identity_id)))
     LEFT JOIN governance.person p ON ((p.id = f.explained_by)));
ALTER TABLE keyturn.v_finding OWNER TO keyturn_owner;
COMMENT ON VIEW keyturn.v_finding IS 'What targets have that no case explains, or lack though one says they should.';
COMMENT ON COLUMN keyturn.v_finding.finding_id IS 'id of the finding; the same when it comes back';
COMMENT ON COLUMN keyturn.v_finding.target IS 'name of the target';
COMMENT ON COLUMN keyturn.v_finding.environment IS 'production, staging, …';
COMMENT ON COLUMN keyturn.v_finding.kind IS 'unexplained_login, unknown_mark, mark_lost, renamed, vanished, disabled, left_behind, shared, stale_trial';
COMMENT ON COLUMN keyturn.v_finding.name IS 'name on the target';
COMMENT ON COLUMN keyturn.v_finding.identity IS 'identity it concerns; null: none of ours';
COMMENT ON COLUMN keyturn.v_finding.detail IS 'what was seen';
COMMENT ON COLUMN keyturn.v_finding.state IS 'open: somebody must look; explained: somebody has; gone: no longer so';
COMMENT ON COLUMN keyturn.v_finding.first_seen_at IS 'when it was first found';
COMMENT ON COLUMN keyturn.v_finding.last_seen_at IS 'when it was last found';
COMMENT ON COLUMN keyturn.v_finding.gone_at IS 'when it was first found to be no longer so';
COMMENT ON COLUMN keyturn.v_finding.explained_by IS 'who explained it';
COMMENT ON COLUMN keyturn.v_finding.explained_at IS 'when it was explained';
COMMENT ON COLUMN keyturn.v_finding.explanation IS 'why it is as it should be, in their words';
CREATE VIEW keyturn.v_finished_job AS
 SELECT a.id AS job_id,
    a.kind,
    a.outcome,
    a.reason,
    a.lane,
    t.name AS target,
    a.subject AS credential_id,
    a.fence,
    a.attempt,
    a.failures,
    a.abandonments,
    a.created_at,
    a.finished_at,
    w.name AS worker
   FROM ((jobs.job_archive a
     LEFT JOIN governance.target t ON ((t.id = a.limit_group)))
     LEFT JOIN jobs.worker w ON ((w.id = a.finished_by)));
ALTER TABLE keyturn.v_finished_job OWNER TO keyturn_owner;
COMMENT ON VIEW keyturn.v_finished_job IS 'Finished jobs, kept in daily partitions.';
COMMENT ON COLUMN keyturn.v_finished_job.job_id IS 'id the job had while it lived';
COMMENT ON COLUMN keyturn.v_finished_job.kind IS 'what was done: verify, rotate, revoke';
COMMENT ON COLUMN keyturn.v_finished_job.outcome IS 'done, discarded or cancelled';
COMMENT ON COLUMN keyturn.v_finished_job.reason IS 'why it was discarded or cancelled';
COMMENT ON COLUMN keyturn.v_finished_job.lane IS '0 leak, 1 hard expiry near, 2 narrowing, 3 operator, 4 routine';
COMMENT ON COLUMN keyturn.v_finished_job.target IS 'name of the target';
COMMENT ON COLUMN keyturn.v_finished_job.credential_id IS 'credential it was about';
COMMENT ON COLUMN keyturn.v_finished_job.fence IS 'fencing number of its last attempt';
COMMENT ON COLUMN keyturn.v_finished_job.attempt IS 'tries it took';
COMMENT ON COLUMN keyturn.v_finished_job.failures IS 'attempts that ended with an error';
COMMENT ON COLUMN keyturn.v_finished_job.abandonments IS 'attempts whose worker died';
COMMENT ON COLUMN keyturn.v_finished_job.created_at IS 'when it was enqueued';
COMMENT ON COLUMN keyturn.v_finished_job.finished_at IS 'when it ended; the partition is that day in UTC';
COMMENT ON COLUMN keyturn.v_finished_job.worker IS 'name of the worker that ended it';
CREATE VIEW keyturn.v_job AS
 SELECT j.id AS job_id,
    j.kind,
        CASE
            WHEN (j.lease_owner IS NOT NULL) THEN 'leased'::text
            ELSE COALESCE(j.hold, 'ready'::text)
        END AS state,
    j.hold_reason AS state_reason,
    j.lane,
    t.name AS target,
    i.name AS identity,
    j.subject AS credential_id,
    j.run_at,
    NULLIF(j.deadline_at, 'infinity'::timestamp with time zone) AS deadline_at,
    j."position",
    j.attempt,
    j.failures,
    j.abandonments,
    j.fence,
    w.name AS worker,
    j.lease_expires_at,
    j.follow_up_kind,
    j.last_error,
    j.created_at
   FROM ((((jobs.job j
     LEFT JOIN governance.target t ON ((t.id = j.limit_group)))
     LEFT JOIN lifecycle.credential c ON ((c.id = j.subject)))
     LEFT JOIN governance.identity i ON ((i.id = c.identity_id)))
     LEFT JOIN jobs.worker w ON ((w.id = j.lease_owner)));
ALTER TABLE keyturn.v_job OWNER TO keyturn_owner;
COMMENT ON VIEW keyturn.v_job IS 'Live jobs: what waits, runs, is blocked or needs a person.';
COMMENT ON COLUMN keyturn.v_job.job_id IS 'id of this job; the archive has the same';
COMMENT ON COLUMN keyturn.v_job.kind IS 'what is to be done: verify, rotate, revoke';
COMMENT ON COLUMN keyturn.v_job.state IS 'ready: may be claimed; leased: a worker has it; waiting: not before run_at; blocked: not authorized now; quarantined: needs a person';
COMMENT ON COLUMN keyturn.v_job.state_reason IS 'why it waits, is blocked or quarantined';
COMMENT ON COLUMN keyturn.v_job.lane IS '0 leak, 1 hard expiry near, 2 narrowing, 3 operator, 4 routine';
COMMENT ON COLUMN keyturn.v_job.target IS 'name of the target whose limits it counts against';
COMMENT ON COLUMN keyturn.v_job.identity IS 'name of the identity it is about';
COMMENT ON COLUMN keyturn.v_job.credential_id IS 'credential it is about; one live job each';
COMMENT ON COLUMN keyturn.v_job.run_at IS 'when it became or becomes due';
COMMENT ON COLUMN keyturn.v_job.deadline_at IS 'when it is too late; null: never';
COMMENT ON COLUMN keyturn.v_job."position" IS 'place in line within target and lane; smaller goes first';
COMMENT ON COLUMN keyturn.v_job.attempt IS 'tries begun; snoozed and released ones are not counted';
COMMENT ON COLUMN keyturn.v_job.failures IS 'attempts that ended with an error';
COMMENT ON COLUMN keyturn.v_job.abandonments IS 'attempts whose worker died';
COMMENT ON COLUMN keyturn.v_job.fence IS 'fencing number; grows with every claim, release and reap';
COMMENT ON COLUMN keyturn.v_job.worker IS 'name of the worker that has it';
COMMENT ON COLUMN keyturn.v_job.lease_expires_at IS 'when the lease ends unless renewed';
COMMENT ON COLUMN keyturn.v_job.follow_up_kind IS 'what it becomes when it ends: a stronger order came while it ran';
COMMENT ON COLUMN keyturn.v_job.last_error IS 'code of the last failure';
COMMENT ON COLUMN keyturn.v_job.created_at IS 'when it was enqueued';
CREATE VIEW keyturn.v_operator_action AS
 SELECT a.id AS action_id,
    a.at,
    a.actor,
    a.action,
    t.name AS target,
    i.name AS identity,
    a.jobs,
    a.detail,
    a.reason
   FROM (((jobs.operator_action a
     LEFT JOIN governance.target t ON ((t.id = a.limit_group)))
     LEFT JOIN lifecycle.credential c ON ((c.id = a.subject)))
     LEFT JOIN governance.identity i ON ((i.id = c.identity_id)));
ALTER TABLE keyturn.v_operator_action OWNER TO keyturn_owner;
COMMENT ON VIEW keyturn.v_operator_action IS 'What operators did to the queue: pause, resume, limit, retry, cancel, lane, enqueue. Append-only.';
COMMENT ON COLUMN keyturn.v_operator_action.action_id IS 'in the order of recording';
COMMENT ON COLUMN keyturn.v_operator_action.at IS 'when';
COMMENT ON COLUMN keyturn.v_operator_action.actor IS 'who, by external id';
COMMENT ON COLUMN keyturn.v_operator_action.action IS 'pause, resume, limit, retry, cancel, lane, enqueue';
COMMENT ON COLUMN keyturn.v_operator_action.target IS 'on which target';
COMMENT ON COLUMN keyturn.v_operator_action.identity IS 'on whose job; null: on many';
COMMENT ON COLUMN keyturn.v_operator_action.jobs IS 'how many jobs it changed';
COMMENT ON COLUMN keyturn.v_operator_action.detail IS 'the new value, or the selector';
COMMENT ON COLUMN keyturn.v_operator_action.reason IS 'why, in the operator''s words';
CREATE VIEW keyturn.v_queue_minute AS
 SELECT s.minute,
    s.kind,
    (sum(s.claimed))::bigint AS claimed,
    (sum(s.done))::bigint AS done,
    (sum(s.failed))::bigint AS failed,
    (sum(s.snoozed))::bigint AS snoozed,
    (sum(s.blocked))::bigint AS blocked,
    (sum(s.quarantined))::bigint AS quarantined,
    (sum(s.lost))::bigint AS lost,
    (sum(s.waited) / (NULLIF(sum(s.claimed), (0)::numeric))::double precision) AS waited_mean,
    max(s.waited_most) AS waited_most,
    (sum(s.ran) / (NULLIF(sum(s.claimed), (0)::numeric))::double precision) AS ran_mean,
    max(s.ran_most) AS ran_most
   FROM jobs.statistic s
  GROUP BY s.minute, s.kind;
ALTER TABLE keyturn.v_queue_minute OWNER TO keyturn_owner;
COMMENT ON VIEW keyturn.v_queue_minute IS 'What workers did, per minute and kind. Written every few seconds; costs nothing to read.';
COMMENT ON COLUMN keyturn.v_queue_minute.minute IS 'the minute, by the database''s clock';
COMMENT ON COLUMN keyturn.v_queue_minute.kind IS 'kind of job';
COMMENT ON COLUMN keyturn.v_queue_minute.claimed IS 'attempts begun';
COMMENT ON COLUMN keyturn.v_queue_minute.done IS 'jobs finished';
COMMENT ON COLUMN keyturn.v_queue_minute.failed IS 'attempts that ended with an error';
COMMENT ON COLUMN keyturn.v_queue_minute.snoozed IS 'attempts that found nothing to do yet';
COMMENT ON COLUMN keyturn.v_queue_minute.blocked IS 'attempts stopped because the authorization did not hold';
COMMENT ON COLUMN keyturn.v_queue_minute.quarantined IS 'jobs that went to quarantine';
COMMENT ON COLUMN keyturn.v_queue_minute.lost IS 'attempts whose lease was lost';
COMMENT ON COLUMN keyturn.v_queue_minute.waited_mean IS 'seconds from due to claimed, mean';
COMMENT ON COLUMN keyturn.v_queue_minute.waited_most IS 'seconds from due to claimed, longest';
COMMENT ON COLUMN keyturn.v_queue_minute.ran_mean IS 'seconds from claimed to settled, mean';
COMMENT ON COLUMN keyturn.v_queue_minute.ran_most IS 'seconds from claimed to settled, longest';
CREATE TABLE lifecycle.effect (
    id uuid NOT NULL,
    rotation_id uuid NOT NULL,
    credential_id uuid NOT NULL,
    permit_id uuid NOT NULL,
    verb text NOT NULL,
    version integer,
    fence bigint NOT NULL,
    state text NOT NULL,
    outcome_code text,
    intended_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    settled_at timestamp with time zone,
    CONSTRAINT effect_outcome_code_length CHECK ((length(outcome_code) <= 200)),
    CONSTRAINT effect_state_known CHECK ((state = ANY (ARRAY['intended'::text, 'applied'::text, 'refused'::text, 'unknown'::text]))),
    CONSTRAINT effect_verb_known CHECK ((verb = ANY (ARRAY['set_secret'::text, 'grant'::text, 'revoke_rights'::text, 'change_own'::text, 'add_key'::text, 'remove_key'::text, 'mint'::text, 'disable_keys'::text, 'destroy_keys'::text, 'block_logins'::text, 'end_sessions'::text, 'strip'::text, 'drop'::text])))
)
WITH (fillfactor='65');
ALTER TABLE lifecycle.effect OWNER TO keyturn_owner;
CREATE TABLE lifecycle.rotation_commit (
    rotation_id uuid NOT NULL,
    id uuid NOT NULL,
    credential_id uuid NOT NULL,
    fence bigint NOT NULL,
    first_step integer,
    states text[] DEFAULT '{}'::text[] NOT NULL,
    started_at timestamp with time zone[] DEFAULT '{}'::timestamp with time zone[] NOT NULL,
    entered_at timestamp with time zone[] DEFAULT '{}'::timestamp with time zone[] NOT NULL,
    kinds text[] DEFAULT '{}'::text[] NOT NULL,
    results text[] DEFAULT '{}'::text[] NOT NULL,
    versions integer[] DEFAULT '{}'::integer[] NOT NULL,
    details jsonb DEFAULT '[]'::jsonb NOT NULL,
    observed_at timestamp with time zone[] DEFAULT '{}'::timestamp with time zone[] NOT NULL,
    recorded_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT rotation_commit_details_length CHECK ((length((details)::text) <= 65536)),
    CONSTRAINT rotation_commit_kinds_known CHECK ((kinds <@ ARRAY['negative_control'::text, 'login'::text, 'identity'::text, 'rights'::text, 'sessions_ended'::text, 'old_refused'::text, 'residue'::text, 'candidate_refused'::text, 'old_accepted'::text, 'inventory'::text])),
    CONSTRAINT rotation_commit_moves_whole CHECK (((cardinality(started_at) = cardinality(entered_at)) AND
CASE
    WHEN (first_step IS NULL) THEN ((cardinality(states) = 0) AND (cardinality(entered_at) = 0))
    ELSE ((first_step > 0) AND (cardinality(states) = (cardinality(entered_at) + 1)) AND (cardinality(states) > 1))
END)),
    CONSTRAINT rotation_commit_not_empty CHECK (((first_step IS NOT NULL) OR (cardinality(kinds) > 0))),
    CONSTRAINT rotation_commit_observations_whole CHECK (((cardinality(kinds) = cardinality(results)) AND (cardinality(kinds) = cardinality(versions)) AND (cardinality(kinds) = cardinality(observed_at)) AND (cardinality(kinds) = jsonb_array_length(details)))),
    CONSTRAINT rotation_commit_results_known CHECK ((results <@ ARRAY['passed'::text, 'failed'::text, 'cannot_tell'::text]))
);
ALTER TABLE lifecycle.rotation_commit OWNER TO keyturn_owner;
CREATE VIEW lifecycle.proof AS
 SELECT c.rotation_id,
    c.credential_id,
    c.versions[k.k] AS version,
    c.kinds[k.k] AS kind,
    c.results[k.k] AS result,
    (c.details -> (k.k - 1)) AS detail,
    c.fence,
    LEAST(c.observed_at[k.k], c.recorded_at) AS observed_at,
    c.id AS commit_id,
    k.k AS place
   FROM (lifecycle.rotation_commit c
     CROSS JOIN LATERAL generate_series(1, cardinality(c.kinds)) k(k));
ALTER TABLE lifecycle.proof OWNER TO keyturn_owner;
COMMENT ON VIEW lifecycle.proof IS 'What sagas observed on the target, out of their commits.';
CREATE VIEW keyturn.v_rotation AS
 SELECT r.id AS rotation_id,
    r.credential_id,
    i.name AS identity,
    t.name AS target,
    r.action,
    r.trigger,
    r.state,
    r.state_reason,
    r.old_version,
    r.new_version,
    r.ticket,
    r.created_at,
    r.entered_at,
    r.finished_at,
    ( SELECT count(*) AS count
           FROM lifecycle.effect e
          WHERE (e.rotation_id = r.id)) AS effects,
    ( SELECT count(*) AS count
           FROM lifecycle.proof p
          WHERE ((p.rotation_id = r.id) AND (p.result = 'passed'::text))) AS proofs_passed
   FROM (((lifecycle.rotation r
     JOIN lifecycle.credential c ON ((c.id = r.credential_id)))
     JOIN governance.identity i ON ((i.id = c.identity_id)))
     JOIN governance.target t ON ((t.id = c.target_id)));
ALTER TABLE keyturn.v_rotation OWNER TO keyturn_owner;
COMMENT ON VIEW keyturn.v_rotation IS 'Every rotation, issue and revocation with its state, effects and proofs.';
COMMENT ON COLUMN keyturn.v_rotation.state IS 'where it stands; waived: a revocation that a person ended without proof, with a signature';
CREATE VIEW keyturn.v_sla AS
 SELECT t.kind,
    count(*) AS tickets,
    count(*) FILTER (WHERE (t.proven_at IS NOT NULL)) AS proven,
    count(*) FILTER (WHERE ((t.due_at < COALESCE(
        CASE
            WHEN (t.kind = ANY (ARRAY['leak'::text, 'leaver'::text])) THEN t.contained_at
            ELSE NULL::timestamp with time zone
        END, t.proven_at, now())) OR (t.proof_due_at < COALESCE(t.proven_at, now())))) AS late,
    percentile_cont((0.5)::double precision) WITHIN GROUP (ORDER BY ((EXTRACT(epoch FROM (t.opened_at - t.cause_at)))::double precision)) AS to_ticket_p50,
    percentile_cont((0.95)::double precision) WITHIN GROUP (ORDER BY ((EXTRACT(epoch FROM (t.opened_at - t.cause_at)))::double precision)) AS to_ticket_p95,
    percentile_cont((0.5)::double precision) WITHIN GROUP (ORDER BY ((EXTRACT(epoch FROM (t.contained_at - t.cause_at)))::double precision)) AS to_contained_p50,
    percentile_cont((0.95)::double precision) WITHIN GROUP (ORDER BY ((EXTRACT(epoch FROM (t.contained_at - t.cause_at)))::double precision)) AS to_contained_p95,
    percentile_cont((0.5)::double precision) WITHIN GROUP (ORDER BY ((EXTRACT(epoch FROM (t.proven_at - t.cause_at)))::double precision)) AS to_proven_p50,
    percentile_cont((0.95)::double precision) WITHIN GROUP (ORDER BY ((EXTRACT(epoch FROM (t.proven_at - t.cause_at)))::double precision)) AS to_proven_p95,
    percentile_cont((0.5)::double precision) WITHIN GROUP (ORDER BY ((EXTRACT(epoch FROM (t.approved_at - t.cause_at)))::double precision)) AS to_approved_p50,
    percentile_cont((0.95)::double precision) WITHIN GROUP (ORDER BY ((EXTRACT(epoch FROM (t.approved_at - t.cause_at)))::double precision)) AS to_approved_p95,
    count(*) FILTER (WHERE (t.proof_due_at < COALESCE(t.proven_at, now()))) AS late_to_prove
   FROM governance.ticket t
  GROUP BY t.kind;
ALTER TABLE keyturn.v_sla OWNER TO keyturn_owner;
COMMENT ON VIEW keyturn.v_sla IS 'Per kind of ticket, seconds from the cause to the ticket, to the approval, to containment and to the proof.';
COMMENT ON COLUMN keyturn.v_sla.late IS 'a clock ran out: until it was cut off, or until it was proven';
COMMENT ON COLUMN keyturn.v_sla.late_to_prove IS 'of those that are late: cut off in time or not, and not proven by then';
CREATE VIEW keyturn.v_target AS
 SELECT t.id AS target_id,
    t.name,
    t.kind,
    t.environment,
    g.max_running,
    g.rate_per_minute,
    g.rate_burst,
    g.paused_at,
    g.paused_reason,
    g.breaker,
    g.breaker_failures,
    g.breaker_until,
    t.examined_at
   FROM (governance.target t
     LEFT JOIN jobs.limit_group g ON ((g.id = t.id)));
ALTER TABLE keyturn.v_target OWNER TO keyturn_owner;
COMMENT ON VIEW keyturn.v_target IS 'Targets with their limits and breaker. No secrets.';
COMMENT ON COLUMN keyturn.v_target.target_id IS 'id of the target';
COMMENT ON COLUMN keyturn.v_target.name IS 'name of the target';
COMMENT ON COLUMN keyturn.v_target.kind IS 'which driver speaks to it';
COMMENT ON COLUMN keyturn.v_target.environment IS 'production, staging, …';
COMMENT ON COLUMN keyturn.v_target.max_running IS 'jobs at once; one more for the leak lane';
COMMENT ON COLUMN keyturn.v_target.rate_per_minute IS 'jobs begun per minute; null: no limit';
COMMENT ON COLUMN keyturn.v_target.rate_burst IS 'jobs that may begin at once after a pause, within the rate';
COMMENT ON COLUMN keyturn.v_target.paused_at IS 'since when an operator has it paused; null: not paused';
COMMENT ON COLUMN keyturn.v_target.paused_reason IS 'why it is paused';
COMMENT ON COLUMN keyturn.v_target.breaker IS 'closed: works; open: failing, nothing begins; half_open: one job tries it';
COMMENT ON COLUMN keyturn.v_target.breaker_failures IS 'failures in a row that were the target''s';
COMMENT ON COLUMN keyturn.v_target.breaker_until IS 'when the next job may try an open breaker';
COMMENT ON COLUMN keyturn.v_target.examined_at IS 'when it was last found sound';
CREATE TABLE lifecycle.target_trial (
    id uuid NOT NULL,
    target_id uuid,
    target_name text NOT NULL,
    passed boolean NOT NULL,
    failed_step text,
    reason text,
    steps integer NOT NULL,
    seconds double precision NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT target_trial_failed_step_length CHECK ((length(failed_step) <= 100)),
    CONSTRAINT target_trial_reason_length CHECK ((length(reason) <= 1000)),
    CONSTRAINT target_trial_steps_positive CHECK ((steps >= 0)),
    CONSTRAINT target_trial_target_name_length CHECK (((length(target_name) >= 1) AND (length(target_name) <= 100))),
    CONSTRAINT target_trial_whole CHECK (((passed = (failed_step IS NULL)) AND (passed = (reason IS NULL))))
);
ALTER TABLE lifecycle.target_trial OWNER TO keyturn_owner;
CREATE VIEW keyturn.v_target_trial AS
 SELECT r.id AS trial_id,
    r.target_name AS target,
    r.passed,
    r.failed_step,
    r.reason,
    r.steps,
    r.seconds,
    r.at
   FROM lifecycle.target_trial r;
ALTER TABLE keyturn.v_target_trial OWNER TO keyturn_owner;
COMMENT ON VIEW keyturn.v_target_trial IS 'Trials of targets with an identity of their own: issue, rotate, revoke, nothing left.';
COMMENT ON COLUMN keyturn.v_target_trial.trial_id IS 'id of the trial';
COMMENT ON COLUMN keyturn.v_target_trial.target IS 'name of the target, also of one that was refused';
COMMENT ON COLUMN keyturn.v_target_trial.passed IS 'whether everything held';
COMMENT ON COLUMN keyturn.v_target_trial.failed_step IS 'the first step that did not hold';
COMMENT ON COLUMN keyturn.v_target_trial.reason IS 'what was seen there';
COMMENT ON COLUMN keyturn.v_target_trial.steps IS 'steps that were done';
COMMENT ON COLUMN keyturn.v_target_trial.seconds IS 'how long it took';
COMMENT ON COLUMN keyturn.v_target_trial.at IS 'when';
CREATE VIEW keyturn.v_ticket AS
 SELECT t.number,
    t.helpdesk,
    t.remote_id,
    t.kind,
    t.state,
    t.resolution,
    i.name AS identity,
    t.subject,
    t.cause_at,
    t.opened_at,
    t.due_at,
    t.contained_at,
    t.proven_at,
    t.resolved_at,
    t.closed_without_control,
    t.excused_until,
    (COALESCE((t.due_at < COALESCE(
        CASE
            WHEN (t.kind = ANY (ARRAY['leak'::text, 'leaver'::text])) THEN t.contained_at
            ELSE NULL::timestamp with time zone
        END, t.proven_at, now())), false) OR COALESCE((t.proof_due_at < COALESCE(t.proven_at, now())), false)) AS is_late,
    t.approved_at,
    t.proof_due_at
   FROM (governance.ticket t
     LEFT JOIN governance.identity i ON ((i.id = t.identity_id)));
ALTER TABLE keyturn.v_ticket OWNER TO keyturn_owner;
COMMENT ON VIEW keyturn.v_ticket IS 'Tickets with their clocks. A clock runs from the cause to the proof.';
COMMENT ON COLUMN keyturn.v_ticket.is_late IS 'a clock ran out: until it was cut off, or until it was proven';
COMMENT ON COLUMN keyturn.v_ticket.approved_at IS 'when somebody, or policy, allowed what ends it';
COMMENT ON COLUMN keyturn.v_ticket.proof_due_at IS 'the second clock of a leaver''s ticket: changed or removed, and proven, by then';
CREATE VIEW keyturn.v_worker AS
 SELECT w.id AS worker_id,
    w.name,
    w.started_at,
    w.heartbeat_at,
    w.in_flight,
    w.stopped_at,
    ((w.stopped_at IS NULL) AND (w.heartbeat_at > (now() - make_interval(secs => ((3)::double precision * w.heartbeat_seconds))))) AS alive
   FROM jobs.worker w;
ALTER TABLE keyturn.v_worker OWNER TO keyturn_owner;
COMMENT ON VIEW keyturn.v_worker IS 'Worker processes and whether their heartbeat is fresh.';
COMMENT ON COLUMN keyturn.v_worker.worker_id IS 'id of the process; new with every start';
COMMENT ON COLUMN keyturn.v_worker.name IS 'name it was given; two processes may share one';
COMMENT ON COLUMN keyturn.v_worker.started_at IS 'when it started';
COMMENT ON COLUMN keyturn.v_worker.heartbeat_at IS 'when it last said that it lives';
COMMENT ON COLUMN keyturn.v_worker.in_flight IS 'jobs it had at its last heartbeat';
COMMENT ON COLUMN keyturn.v_worker.stopped_at IS 'when it stopped in good order; null: it runs or died';
COMMENT ON COLUMN keyturn.v_worker.alive IS 'not stopped, and heard of within three heartbeats';
CREATE TABLE lifecycle.login_try (
    credential_id uuid NOT NULL,
    login text NOT NULL,
    failures integer NOT NULL,
    last_failure_at timestamp with time zone NOT NULL,
    refusals jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT login_try_failures_positive CHECK ((failures >= 0)),
    CONSTRAINT login_try_login_length CHECK (((length(login) >= 1) AND (length(login) <= 63))),
    CONSTRAINT login_try_refusals_length CHECK ((length((refusals)::text) <= 4096))
)
WITH (fillfactor='50');
ALTER TABLE lifecycle.login_try OWNER TO keyturn_owner;
CREATE TABLE lifecycle.lost_authority (
    id uuid NOT NULL,
    rotation_id uuid NOT NULL,
    credential_id uuid NOT NULL,
    authorization_id uuid NOT NULL,
    action text NOT NULL,
    state text NOT NULL,
    lost_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    reviewed_from timestamp with time zone,
    settled_at timestamp with time zone,
    consequence text,
    CONSTRAINT lost_authority_action_known CHECK ((action = ANY (ARRAY['issue'::text, 'rotate'::text]))),
    CONSTRAINT lost_authority_consequence_known CHECK ((consequence = ANY (ARRAY['revoked'::text, 'rotated_again'::text]))),
    CONSTRAINT lost_authority_settled_whole CHECK (((settled_at IS NULL) = (consequence IS NULL))),
    CONSTRAINT lost_authority_state_length CHECK (((length(state) >= 1) AND (length(state) <= 40)))
);
ALTER TABLE lifecycle.lost_authority OWNER TO keyturn_owner;
CREATE VIEW lifecycle.rotation_step AS
 SELECT c.rotation_id,
    ((c.first_step + k.k) - 1) AS sequence,
    c.states[k.k] AS from_state,
    c.states[(k.k + 1)] AS to_state,
    c.fence,
    LEAST(c.started_at[k.k], c.recorded_at) AS started_at,
    LEAST(c.entered_at[k.k], c.recorded_at) AS at,
    c.id AS commit_id
   FROM (lifecycle.rotation_commit c
     CROSS JOIN LATERAL generate_series(1, cardinality(c.entered_at)) k(k));
ALTER TABLE lifecycle.rotation_step OWNER TO keyturn_owner;
COMMENT ON VIEW lifecycle.rotation_step IS 'When each state of a saga was entered, out of its commits.';
CREATE TABLE lifecycle.standby_admin (
    target_id uuid NOT NULL,
    login text NOT NULL,
    version integer NOT NULL,
    envelope bytea NOT NULL,
    candidate_version integer,
    candidate_envelope bytea,
    phase text DEFAULT 'idle'::text NOT NULL,
    wait_until timestamp with time zone,
    overlap interval DEFAULT '00:01:00'::interval NOT NULL,
    rotate_every interval,
    fence bigint DEFAULT 0 NOT NULL,
    requested_by text,
    reason text,
    rotated_at timestamp with time zone DEFAULT now() NOT NULL,
    asked_at timestamp with time zone,
    CONSTRAINT standby_admin_candidate_envelope_length CHECK ((length(candidate_envelope) <= 65536)),
    CONSTRAINT standby_admin_candidate_version_positive CHECK ((candidate_version >= 1)),
    CONSTRAINT standby_admin_candidate_whole CHECK (((candidate_version IS NULL) = (candidate_envelope IS NULL))),
    CONSTRAINT standby_admin_envelope_length CHECK ((length(envelope) <= 65536)),
    CONSTRAINT standby_admin_login_length CHECK (((length(login) >= 1) AND (length(login) <= 63))),
    CONSTRAINT standby_admin_overlap_range CHECK (((overlap >= '00:00:00'::interval) AND (overlap <= '1 day'::interval))),
    CONSTRAINT standby_admin_phase_known CHECK ((phase = ANY (ARRAY['idle'::text, 'first'::text, 'second'::text]))),
    CONSTRAINT standby_admin_reason_length CHECK ((length(reason) <= 500)),
    CONSTRAINT standby_admin_requested_by_length CHECK ((length(requested_by) <= 200)),
    CONSTRAINT standby_admin_rotate_every_range CHECK (((rotate_every >= '00:01:00'::interval) AND (rotate_every <= '10 years'::interval))),
    CONSTRAINT standby_admin_version_positive CHECK ((version >= 1))
);
ALTER TABLE lifecycle.standby_admin OWNER TO keyturn_owner;
ALTER TABLE ONLY jobs.job_archive ATTACH PARTITION jobs.job_archive_default DEFAULT;
ALTER TABLE ONLY evidence.batch
    ADD CONSTRAINT batch_pkey PRIMARY KEY (id);
ALTER TABLE ONLY evidence.event
    ADD CONSTRAINT event_pkey PRIMARY KEY (case_id, cs);
ALTER TABLE ONLY evidence.former_log
    ADD CONSTRAINT former_log_pkey PRIMARY KEY (vkey);
ALTER TABLE ONLY evidence.hold
    ADD CONSTRAINT hold_pkey PRIMARY KEY (id);
ALTER TABLE ONLY evidence.log
    ADD CONSTRAINT log_pkey PRIMARY KEY (is_it);
ALTER TABLE ONLY evidence.opening
    ADD CONSTRAINT opening_pkey PRIMARY KEY (case_id, cs, field);
ALTER TABLE ONLY evidence.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (batch);
ALTER TABLE ONLY evidence.pruned
    ADD CONSTRAINT pruned_pkey PRIMARY KEY (tile);
ALTER TABLE ONLY evidence.pseudonym
    ADD CONSTRAINT pseudonym_name_unique UNIQUE (name);
ALTER TABLE ONLY evidence.pseudonym
    ADD CONSTRAINT pseudonym_pkey PRIMARY KEY (person_id, year);
ALTER TABLE ONLY evidence.refusal
    ADD CONSTRAINT refusal_pkey PRIMARY KEY (is_it);
ALTER TABLE ONLY evidence.retention
    ADD CONSTRAINT retention_pkey PRIMARY KEY (type);
ALTER TABLE ONLY evidence.sealed
    ADD CONSTRAINT sealed_batch_once UNIQUE (batch);
ALTER TABLE ONLY evidence.sealed
    ADD CONSTRAINT sealed_pkey PRIMARY KEY (first_index);
ALTER TABLE ONLY evidence.tile
    ADD CONSTRAINT tile_pkey PRIMARY KEY (level, number);
ALTER TABLE ONLY evidence."timestamp"
    ADD CONSTRAINT timestamp_pkey PRIMARY KEY (size);
ALTER TABLE ONLY governance.approval
    ADD CONSTRAINT approval_person_once UNIQUE (request_id, revision, approver_id);
ALTER TABLE ONLY governance.approval
    ADD CONSTRAINT approval_pkey PRIMARY KEY (id);
ALTER TABLE ONLY governance.approval
    ADD CONSTRAINT approval_remote_transaction_once UNIQUE (remote_transaction);
ALTER TABLE ONLY governance.approval_withdrawal
    ADD CONSTRAINT approval_withdrawal_pkey PRIMARY KEY (approval_id);
ALTER TABLE ONLY governance."authorization"
    ADD CONSTRAINT authorization_pkey PRIMARY KEY (id);
ALTER TABLE ONLY governance."authorization"
    ADD CONSTRAINT authorization_request_once UNIQUE (request_id, revision);
ALTER TABLE ONLY governance.break_glass
    ADD CONSTRAINT break_glass_pkey PRIMARY KEY (id);
ALTER TABLE ONLY governance.break_glass
    ADD CONSTRAINT break_glass_request_id_once UNIQUE (request_id);
ALTER TABLE ONLY governance.decision
    ADD CONSTRAINT decision_pkey PRIMARY KEY (id);
ALTER TABLE ONLY governance.delegation
    ADD CONSTRAINT delegation_pkey PRIMARY KEY (id);
ALTER TABLE ONLY governance.embargo
    ADD CONSTRAINT embargo_pkey PRIMARY KEY (subject);
ALTER TABLE ONLY governance.entitlement
    ADD CONSTRAINT entitlement_pkey PRIMARY KEY (target_id, name);
ALTER TABLE ONLY governance.feed_release
    ADD CONSTRAINT feed_release_pkey PRIMARY KEY (feed_id, person_id);
ALTER TABLE ONLY governance.helpdesk_event
    ADD CONSTRAINT helpdesk_event_once UNIQUE (helpdesk, message_id);
ALTER TABLE ONLY governance.helpdesk_event
    ADD CONSTRAINT helpdesk_event_pkey PRIMARY KEY (id);
ALTER TABLE ONLY governance.identity_feed
    ADD CONSTRAINT identity_feed_pkey PRIMARY KEY (id);
ALTER TABLE ONLY governance.identity_feed
    ADD CONSTRAINT identity_feed_sequence_once UNIQUE (source, sequence);
ALTER TABLE ONLY governance.identity
    ADD CONSTRAINT identity_name_unique UNIQUE (target_id, name);
ALTER TABLE ONLY governance.identity
    ADD CONSTRAINT identity_pkey PRIMARY KEY (id);
ALTER TABLE ONLY governance.identity_source
    ADD CONSTRAINT identity_source_pkey PRIMARY KEY (name);
ALTER TABLE ONLY governance.incarnation_adoption
    ADD CONSTRAINT incarnation_adoption_pkey PRIMARY KEY (id);
ALTER TABLE ONLY governance.incarnation
    ADD CONSTRAINT incarnation_pkey PRIMARY KEY (id);
ALTER TABLE ONLY governance.operator_permission
    ADD CONSTRAINT operator_permission_pkey PRIMARY KEY (id);
ALTER TABLE ONLY governance.owed_tickets
    ADD CONSTRAINT owed_tickets_pkey PRIMARY KEY (id);
ALTER TABLE ONLY governance.permit
    ADD CONSTRAINT permit_pkey PRIMARY KEY (id);
ALTER TABLE ONLY governance.person_account
    ADD CONSTRAINT person_account_pkey PRIMARY KEY (realm, login);
ALTER TABLE ONLY governance.person
    ADD CONSTRAINT person_external_id_unique UNIQUE (external_id);
ALTER TABLE ONLY governance.person
    ADD CONSTRAINT person_pkey PRIMARY KEY (id);
ALTER TABLE ONLY governance.policy_decision
    ADD CONSTRAINT policy_decision_pkey PRIMARY KEY (policy, version, person_id);
ALTER TABLE ONLY governance.policy
    ADD CONSTRAINT policy_name_unique UNIQUE (name);
ALTER TABLE ONLY governance.policy
    ADD CONSTRAINT policy_pkey PRIMARY KEY (id);
ALTER TABLE ONLY governance.policy_version
    ADD CONSTRAINT policy_version_pkey PRIMARY KEY (policy, version);
ALTER TABLE ONLY governance.reapproval
    ADD CONSTRAINT reapproval_pkey PRIMARY KEY (id);
ALTER TABLE ONLY governance.recheck
    ADD CONSTRAINT recheck_pkey PRIMARY KEY (id);
ALTER TABLE ONLY governance.request
    ADD CONSTRAINT request_digest_unique UNIQUE (id, revision, digest);
ALTER TABLE ONLY governance.request
    ADD CONSTRAINT request_pkey PRIMARY KEY (id, revision);
ALTER TABLE ONLY governance.request_withdrawal
    ADD CONSTRAINT request_withdrawal_pkey PRIMARY KEY (request_id);
ALTER TABLE ONLY governance.role_assignment
    ADD CONSTRAINT role_assignment_pkey PRIMARY KEY (id);
ALTER TABLE ONLY governance.scim_client
    ADD CONSTRAINT scim_client_pkey PRIMARY KEY (id);
ALTER TABLE ONLY governance.scim_resource
    ADD CONSTRAINT scim_resource_pkey PRIMARY KEY (id);
ALTER TABLE ONLY governance.signing_key
    ADD CONSTRAINT signing_key_pkey PRIMARY KEY (public_key);
ALTER TABLE ONLY governance.target
    ADD CONSTRAINT target_name_unique UNIQUE (name);
ALTER TABLE ONLY governance.target
    ADD CONSTRAINT target_pkey PRIMARY KEY (id);
ALTER TABLE ONLY governance.ticket_note
    ADD CONSTRAINT ticket_note_pkey PRIMARY KEY (id);
ALTER TABLE ONLY governance.ticket
    ADD CONSTRAINT ticket_number_unique UNIQUE (number);
ALTER TABLE ONLY governance.ticket
    ADD CONSTRAINT ticket_pkey PRIMARY KEY (id);
ALTER TABLE ONLY governance.toxic_pair
    ADD CONSTRAINT toxic_pair_pkey PRIMARY KEY (target_id, first, second);
ALTER TABLE ONLY governance.vendor
    ADD CONSTRAINT vendor_name_unique UNIQUE (name);
ALTER TABLE ONLY governance.vendor
    ADD CONSTRAINT vendor_pkey PRIMARY KEY (id);
ALTER TABLE ONLY jobs.job
    ADD CONSTRAINT job_pkey PRIMARY KEY (subject, bucket);
ALTER TABLE ONLY jobs.limit_group
    ADD CONSTRAINT limit_group_pkey PRIMARY KEY (id, bucket);
ALTER TABLE ONLY jobs.maintenance
    ADD CONSTRAINT maintenance_pkey PRIMARY KEY (name);
ALTER TABLE ONLY jobs.operator_action
    ADD CONSTRAINT operator_action_pkey PRIMARY KEY (id);
ALTER TABLE ONLY jobs.statistic
    ADD CONSTRAINT statistic_pkey PRIMARY KEY (minute, kind, bucket);
ALTER TABLE ONLY jobs.worker
    ADD CONSTRAINT worker_pkey PRIMARY KEY (id);
ALTER TABLE ONLY keyturn.schema_migration
    ADD CONSTRAINT schema_migration_pkey PRIMARY KEY (version);
ALTER TABLE ONLY lifecycle.alarm
    ADD CONSTRAINT alarm_pkey PRIMARY KEY (id);
ALTER TABLE ONLY lifecycle.consumer
    ADD CONSTRAINT consumer_pkey PRIMARY KEY (id);
ALTER TABLE ONLY lifecycle.consumer_version
    ADD CONSTRAINT consumer_version_pkey PRIMARY KEY (consumer_id, version);
ALTER TABLE ONLY lifecycle.containment_item
    ADD CONSTRAINT containment_item_pkey PRIMARY KEY (containment_target_id, credential_id);
ALTER TABLE ONLY lifecycle.containment
    ADD CONSTRAINT containment_pkey PRIMARY KEY (id);
ALTER TABLE ONLY lifecycle.containment_target
    ADD CONSTRAINT containment_target_once UNIQUE (containment_id, target_id);
ALTER TABLE ONLY lifecycle.containment_target
    ADD CONSTRAINT containment_target_pkey PRIMARY KEY (id);
ALTER TABLE ONLY lifecycle.credential
    ADD CONSTRAINT credential_identity_once UNIQUE (identity_id);
ALTER TABLE ONLY lifecycle.credential
    ADD CONSTRAINT credential_pkey PRIMARY KEY (id);
ALTER TABLE ONLY lifecycle.delivery
    ADD CONSTRAINT delivery_once UNIQUE (consumer_id, version);
ALTER TABLE ONLY lifecycle.delivery
    ADD CONSTRAINT delivery_pkey PRIMARY KEY (id);
ALTER TABLE ONLY lifecycle.discovery
    ADD CONSTRAINT discovery_pkey PRIMARY KEY (target_id);
ALTER TABLE ONLY lifecycle.effect
    ADD CONSTRAINT effect_permit_id_once UNIQUE (permit_id);
ALTER TABLE ONLY lifecycle.effect
    ADD CONSTRAINT effect_pkey PRIMARY KEY (rotation_id, id);
ALTER TABLE ONLY lifecycle.finding
    ADD CONSTRAINT finding_once UNIQUE (target_id, kind, name);
ALTER TABLE ONLY lifecycle.finding
    ADD CONSTRAINT finding_pkey PRIMARY KEY (id);
ALTER TABLE ONLY lifecycle.login_try
    ADD CONSTRAINT login_try_pkey PRIMARY KEY (credential_id, login);
ALTER TABLE ONLY lifecycle.lost_authority
    ADD CONSTRAINT lost_authority_once UNIQUE (rotation_id, authorization_id);
ALTER TABLE ONLY lifecycle.lost_authority
    ADD CONSTRAINT lost_authority_pkey PRIMARY KEY (id);
ALTER TABLE ONLY lifecycle.rotation_commit
    ADD CONSTRAINT rotation_commit_pkey PRIMARY KEY (rotation_id, id);
ALTER TABLE ONLY lifecycle.rotation
    ADD CONSTRAINT rotation_pkey PRIMARY KEY (id, credential_id);
ALTER TABLE ONLY lifecycle.standby_admin
    ADD CONSTRAINT standby_admin_pkey PRIMARY KEY (target_id);
ALTER TABLE ONLY lifecycle.target_trial
    ADD CONSTRAINT target_trial_pkey PRIMARY KEY (id);
ALTER TABLE ONLY lifecycle.verification
    ADD CONSTRAINT verification_pkey PRIMARY KEY (credential_id, id);
ALTER TABLE ONLY lifecycle.version
    ADD CONSTRAINT version_pkey PRIMARY KEY (credential_id, number);
ALTER TABLE ONLY lifecycle.waiver
    ADD CONSTRAINT waiver_pkey PRIMARY KEY (id);
ALTER TABLE ONLY lifecycle.waiver
    ADD CONSTRAINT waiver_rotation_id_once UNIQUE (rotation_id);
CREATE INDEX event_opened ON evidence.event USING btree (at) WHERE (type = 'rotation.opened'::text);
CREATE UNIQUE INDEX hold_case_once ON evidence.hold USING btree (case_id) WHERE ((lifted_at IS NULL) AND (case_id IS NOT NULL));
CREATE UNIQUE INDEX hold_person_once ON evidence.hold USING btree (person_id) WHERE ((lifted_at IS NULL) AND (person_id IS NOT NULL));
CREATE INDEX opening_person ON evidence.opening USING btree (person_id) WHERE (person_id IS NOT NULL);
CREATE INDEX approval_acting_for ON governance.approval USING btree (acting_for_id) WHERE (acting_for_id IS NOT NULL);
CREATE INDEX approval_approver ON governance.approval USING btree (approver_id);
CREATE INDEX approval_delegation ON governance.approval USING btree (delegation_id) WHERE (delegation_id IS NOT NULL);
CREATE INDEX authorization_end ON governance."authorization" USING btree (valid_until) WHERE (voided_at IS NULL);
CREATE INDEX authorization_identity ON governance."authorization" USING btree (identity_id) WHERE (voided_at IS NULL);
CREATE INDEX break_glass_review_open ON governance.break_glass USING btree (review_due_at) WHERE (reviewed_at IS NULL);
CREATE INDEX decision_request ON governance.decision USING btree (request_id, decided_at);
CREATE INDEX delegation_delegate ON governance.delegation USING btree (delegate_id);
CREATE INDEX delegation_delegator ON governance.delegation USING btree (delegator_id);
CREATE INDEX helpdesk_event_ticket ON governance.helpdesk_event USING btree (ticket_id, sequence);
CREATE INDEX identity_backup_owner ON governance.identity USING btree (backup_owner_id);
CREATE INDEX identity_owner ON governance.identity USING btree (owner_id);
CREATE INDEX identity_policy ON governance.identity USING btree (policy_id);
CREATE INDEX identity_vendor ON governance.identity USING btree (vendor_id) WHERE (vendor_id IS NOT NULL);
CREATE UNIQUE INDEX incarnation_open_once ON governance.incarnation USING btree (((ended_at IS NULL))) WHERE (ended_at IS NULL);
CREATE INDEX operator_permission_person ON governance.operator_permission USING btree (person_id) WHERE (withdrawn_at IS NULL);
CREATE INDEX person_deactivated ON governance.person USING btree (source, deactivated_at) WHERE (deactivated_at IS NOT NULL);
CREATE UNIQUE INDEX person_email_once ON governance.person USING btree (lower(email)) WHERE (state <> 'terminated'::text);
CREATE INDEX person_manager ON governance.person USING btree (manager_id);
CREATE INDEX person_source ON governance.person USING btree (source);
CREATE UNIQUE INDEX policy_version_active_once ON governance.policy_version USING btree (policy) WHERE (state = 'active'::text);
CREATE INDEX reapproval_identity ON governance.reapproval USING btree (identity_id, trigger, at);
CREATE INDEX request_identity ON governance.request USING btree (identity_id);
CREATE INDEX request_requester ON governance.request USING btree (requester_id);
CREATE UNIQUE INDEX role_assignment_open_once ON governance.role_assignment USING btree (person_id, role, COALESCE(target_id, '00000000-0000-0000-0000-000000000000'::uuid)) WHERE (ended_at IS NULL);
CREATE INDEX role_assignment_person ON governance.role_assignment USING btree (person_id);
CREATE INDEX role_assignment_role ON governance.role_assignment USING btree (role);
CREATE UNIQUE INDEX scim_client_name_once ON governance.scim_client USING btree (source, name) WHERE (removed_at IS NULL);
CREATE UNIQUE INDEX scim_resource_name_once ON governance.scim_resource USING btree (kind, lower(name));
CREATE INDEX signing_key_person ON governance.signing_key USING btree (person_id);
CREATE INDEX ticket_note_ticket ON governance.ticket_note USING btree (ticket_id);
CREATE UNIQUE INDEX ticket_open_once ON governance.ticket USING btree (identity_id, kind) WHERE ((state = 'open'::text) AND (kind = ANY (ARRAY['reapproval'::text, 'leaver'::text, 'leak'::text, 'vendor_end'::text, 'expired'::text, 'review'::text])));
CREATE UNIQUE INDEX ticket_remote_id_once ON governance.ticket USING btree (helpdesk, remote_id) WHERE (remote_id IS NOT NULL);
CREATE INDEX ticket_request ON governance.ticket USING btree (request_id) WHERE (request_id IS NOT NULL);
CREATE INDEX job_archive_subject ON ONLY jobs.job_archive USING btree (subject);
CREATE INDEX job_archive_default_subject_idx ON jobs.job_archive_default USING btree (subject);
CREATE INDEX job_arrival ON jobs.job USING btree ((("position" + 0))) WHERE (hold IS NULL);
CREATE INDEX job_line ON jobs.job USING btree (bucket, limit_group, lane, "position") WHERE (hold IS NULL);
CREATE INDEX job_waiting ON jobs.job USING btree (run_at) WHERE (hold = 'waiting'::text);
CREATE INDEX operator_action_at ON jobs.operator_action USING btree (at);
CREATE UNIQUE INDEX alarm_open_once ON lifecycle.alarm USING btree (kind, subject) WHERE (cleared_at IS NULL);
CREATE UNIQUE INDEX consumer_name_once ON lifecycle.consumer USING btree (credential_id, name) WHERE (removed_at IS NULL);
CREATE INDEX containment_item_credential ON lifecycle.containment_item USING btree (credential_id) WHERE (follow_up = 'waiting'::text);
CREATE INDEX containment_requested_at ON lifecycle.containment USING btree (requested_at);
CREATE INDEX containment_target_open ON lifecycle.containment_target USING btree (id) WHERE (ended_at IS NULL);
CREATE INDEX credential_due ON lifecycle.credential USING btree (next_due_at) WHERE (state = 'active'::text);
CREATE INDEX credential_expiry ON lifecycle.credential USING btree (hard_expires_at) WHERE (state = 'active'::text);
CREATE INDEX credential_leaked ON lifecycle.credential USING btree (leaked_at) WHERE (leaked_at IS NOT NULL);
CREATE INDEX credential_verify ON lifecycle.credential USING btree (next_verify_at) WHERE (state = 'active'::text);
CREATE INDEX delivery_open ON lifecycle.delivery USING btree (consumer_id, version) WHERE (state = 'open'::text);
CREATE INDEX lost_authority_open ON lifecycle.lost_authority USING btree (lost_at) WHERE (settled_at IS NULL);
CREATE INDEX rotation_credential ON lifecycle.rotation USING btree (credential_id, created_at);
CREATE UNIQUE INDEX rotation_open_once ON lifecycle.rotation USING btree (credential_id, ((action = 'revoke'::text))) WHERE (finished_at IS NULL);
CREATE INDEX target_trial_target ON lifecycle.target_trial USING btree (target_id, at);
CREATE UNIQUE INDEX version_candidate_once ON lifecycle.version USING btree (credential_id) WHERE (state = 'candidate'::text);
CREATE UNIQUE INDEX version_current_once ON lifecycle.version USING btree (credential_id) WHERE (state = 'current'::text);
CREATE INDEX waiver_credential ON lifecycle.waiver USING btree (credential_id, waived_at);
ALTER INDEX jobs.job_archive_subject ATTACH PARTITION jobs.job_archive_default_subject_idx;
CREATE TRIGGER batch_append_only BEFORE DELETE OR UPDATE ON evidence.batch FOR EACH ROW EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE evidence.batch ENABLE ALWAYS TRIGGER batch_append_only;
CREATE TRIGGER batch_no_truncate BEFORE TRUNCATE ON evidence.batch FOR EACH STATEMENT EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE evidence.batch ENABLE ALWAYS TRIGGER batch_no_truncate;
CREATE TRIGGER event_append_only BEFORE DELETE OR UPDATE ON evidence.event FOR EACH ROW EXECUTE FUNCTION evidence.refuse_event_change();
ALTER TABLE evidence.event ENABLE ALWAYS TRIGGER event_append_only;
CREATE TRIGGER event_no_truncate BEFORE TRUNCATE ON evidence.event FOR EACH STATEMENT EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE evidence.event ENABLE ALWAYS TRIGGER event_no_truncate;
CREATE TRIGGER former_log_append_only BEFORE DELETE OR UPDATE ON evidence.former_log FOR EACH ROW EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE evidence.former_log ENABLE ALWAYS TRIGGER former_log_append_only;
CREATE TRIGGER former_log_no_truncate BEFORE TRUNCATE ON evidence.former_log FOR EACH STATEMENT EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE evidence.former_log ENABLE ALWAYS TRIGGER former_log_no_truncate;
CREATE TRIGGER hold_no_truncate BEFORE TRUNCATE ON evidence.hold FOR EACH STATEMENT EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE evidence.hold ENABLE ALWAYS TRIGGER hold_no_truncate;
CREATE TRIGGER log_no_truncate BEFORE TRUNCATE ON evidence.log FOR EACH STATEMENT EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE evidence.log ENABLE ALWAYS TRIGGER log_no_truncate;
CREATE TRIGGER opening_no_truncate BEFORE TRUNCATE ON evidence.opening FOR EACH STATEMENT EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE evidence.opening ENABLE ALWAYS TRIGGER opening_no_truncate;
CREATE TRIGGER outbox_no_truncate BEFORE TRUNCATE ON evidence.outbox FOR EACH STATEMENT EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE evidence.outbox ENABLE ALWAYS TRIGGER outbox_no_truncate;
CREATE TRIGGER pruned_append_only BEFORE DELETE OR UPDATE ON evidence.pruned FOR EACH ROW EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE evidence.pruned ENABLE ALWAYS TRIGGER pruned_append_only;
CREATE TRIGGER pruned_no_truncate BEFORE TRUNCATE ON evidence.pruned FOR EACH STATEMENT EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE evidence.pruned ENABLE ALWAYS TRIGGER pruned_no_truncate;
CREATE TRIGGER pseudonym_no_truncate BEFORE TRUNCATE ON evidence.pseudonym FOR EACH STATEMENT EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE evidence.pseudonym ENABLE ALWAYS TRIGGER pseudonym_no_truncate;
CREATE TRIGGER refusal_evidence_delete AFTER DELETE ON evidence.refusal REFERENCING OLD TABLE AS before_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'name:is_it', '', '', 'code', 'reason,at', '');
ALTER TABLE evidence.refusal ENABLE ALWAYS TRIGGER refusal_evidence_delete;
CREATE TRIGGER refusal_evidence_insert AFTER INSERT ON evidence.refusal REFERENCING NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'name:is_it', '', '', 'code', 'reason,at', '');
ALTER TABLE evidence.refusal ENABLE ALWAYS TRIGGER refusal_evidence_insert;
CREATE TRIGGER refusal_evidence_update AFTER UPDATE ON evidence.refusal REFERENCING OLD TABLE AS before_changed NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'name:is_it', '', '', 'code', 'reason,at', '');
ALTER TABLE evidence.refusal ENABLE ALWAYS TRIGGER refusal_evidence_update;
CREATE TRIGGER retention_evidence_delete AFTER DELETE ON evidence.retention REFERENCING OLD TABLE AS before_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'name:type', '', '', 'keep,type', '', '');
ALTER TABLE evidence.retention ENABLE ALWAYS TRIGGER retention_evidence_delete;
CREATE TRIGGER retention_evidence_insert AFTER INSERT ON evidence.retention REFERENCING NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'name:type', '', '', 'keep,type', '', '');
ALTER TABLE evidence.retention ENABLE ALWAYS TRIGGER retention_evidence_insert;
CREATE TRIGGER retention_evidence_update AFTER UPDATE ON evidence.retention REFERENCING OLD TABLE AS before_changed NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'name:type', '', '', 'keep,type', '', '');
ALTER TABLE evidence.retention ENABLE ALWAYS TRIGGER retention_evidence_update;
CREATE TRIGGER sealed_append_only BEFORE DELETE OR UPDATE ON evidence.sealed FOR EACH ROW EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE evidence.sealed ENABLE ALWAYS TRIGGER sealed_append_only;
CREATE TRIGGER sealed_no_truncate BEFORE TRUNCATE ON evidence.sealed FOR EACH STATEMENT EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE evidence.sealed ENABLE ALWAYS TRIGGER sealed_no_truncate;
CREATE TRIGGER tile_append_only BEFORE DELETE OR UPDATE ON evidence.tile FOR EACH ROW EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE evidence.tile ENABLE ALWAYS TRIGGER tile_append_only;
CREATE TRIGGER tile_no_truncate BEFORE TRUNCATE ON evidence.tile FOR EACH STATEMENT EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE evidence.tile ENABLE ALWAYS TRIGGER tile_no_truncate;
CREATE TRIGGER timestamp_append_only BEFORE DELETE OR UPDATE ON evidence."timestamp" FOR EACH ROW EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE evidence."timestamp" ENABLE ALWAYS TRIGGER timestamp_append_only;
CREATE TRIGGER timestamp_no_truncate BEFORE TRUNCATE ON evidence."timestamp" FOR EACH STATEMENT EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE evidence."timestamp" ENABLE ALWAYS TRIGGER timestamp_no_truncate;
CREATE TRIGGER approval_append_only BEFORE DELETE OR UPDATE ON governance.approval FOR EACH ROW EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE governance.approval ENABLE ALWAYS TRIGGER approval_append_only;
CREATE TRIGGER approval_evidence_insert AFTER INSERT ON governance.approval REFERENCING NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_approvals();
ALTER TABLE governance.approval ENABLE ALWAYS TRIGGER approval_evidence_insert;
CREATE TRIGGER approval_no_truncate BEFORE TRUNCATE ON governance.approval FOR EACH STATEMENT EXECUTE FUNCTION keyturn.refuse_change();
CREATE TRIGGER approval_withdrawal_append_only BEFORE DELETE OR UPDATE ON governance.approval_withdrawal FOR EACH ROW EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE governance.approval_withdrawal ENABLE ALWAYS TRIGGER approval_withdrawal_append_only;
CREATE TRIGGER approval_withdrawal_evidence_delete AFTER DELETE ON governance.approval_withdrawal REFERENCING OLD TABLE AS before_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'approval:approval_id', '', '', 'approval_id', '', '');
ALTER TABLE governance.approval_withdrawal ENABLE ALWAYS TRIGGER approval_withdrawal_evidence_delete;
CREATE TRIGGER approval_withdrawal_evidence_insert AFTER INSERT ON governance.approval_withdrawal REFERENCING NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'approval:approval_id', '', '', 'approval_id', '', '');
ALTER TABLE governance.approval_withdrawal ENABLE ALWAYS TRIGGER approval_withdrawal_evidence_insert;
CREATE TRIGGER approval_withdrawal_evidence_update AFTER UPDATE ON governance.approval_withdrawal REFERENCING OLD TABLE AS before_changed NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'approval:approval_id', '', '', 'approval_id', '', '');
ALTER TABLE governance.approval_withdrawal ENABLE ALWAYS TRIGGER approval_withdrawal_evidence_update;
CREATE TRIGGER approval_withdrawal_no_truncate BEFORE TRUNCATE ON governance.approval_withdrawal FOR EACH STATEMENT EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE governance.approval_withdrawal ENABLE ALWAYS TRIGGER approval_withdrawal_no_truncate;
CREATE TRIGGER authorization_evidence_insert AFTER INSERT ON governance."authorization" REFERENCING NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_authorizations_granted();
ALTER TABLE governance."authorization" ENABLE ALWAYS TRIGGER authorization_evidence_insert;
CREATE TRIGGER authorization_evidence_update AFTER UPDATE ON governance."authorization" REFERENCING OLD TABLE AS before_changed NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_authorizations_changed();
ALTER TABLE governance."authorization" ENABLE ALWAYS TRIGGER authorization_evidence_update;
CREATE TRIGGER authorization_responsible BEFORE INSERT ON governance."authorization" FOR EACH ROW WHEN ((new.actions <> ARRAY['revoke'::text])) EXECUTE FUNCTION governance.name_responsible();
ALTER TABLE governance."authorization" ENABLE ALWAYS TRIGGER authorization_responsible;
CREATE TRIGGER break_glass_evidence_delete AFTER DELETE ON governance.break_glass REFERENCING OLD TABLE AS before_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'request_id,id', 'opened_by,second_id,reviewed_by', 'opened_by', 'id,identity_id,request_id,second_id,ticket_id', '', 'opened_by,second_id,reviewed_by');
ALTER TABLE governance.break_glass ENABLE ALWAYS TRIGGER break_glass_evidence_delete;
CREATE TRIGGER break_glass_evidence_insert AFTER INSERT ON governance.break_glass REFERENCING NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'request_id,id', 'opened_by,second_id,reviewed_by', 'opened_by', 'id,identity_id,request_id,second_id,ticket_id', '', 'opened_by,second_id,reviewed_by');
ALTER TABLE governance.break_glass ENABLE ALWAYS TRIGGER break_glass_evidence_insert;
CREATE TRIGGER break_glass_evidence_update AFTER UPDATE ON governance.break_glass REFERENCING OLD TABLE AS before_changed NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'request_id,id', 'opened_by,second_id,reviewed_by', 'opened_by', 'id,identity_id,request_id,second_id,ticket_id', '', 'opened_by,second_id,reviewed_by');
ALTER TABLE governance.break_glass ENABLE ALWAYS TRIGGER break_glass_evidence_update;
CREATE TRIGGER decision_append_only BEFORE DELETE OR UPDATE ON governance.decision FOR EACH ROW EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE governance.decision ENABLE ALWAYS TRIGGER decision_append_only;
CREATE TRIGGER decision_evidence_delete AFTER DELETE ON governance.decision REFERENCING OLD TABLE AS before_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('decision.made', 'request_id', '', '', 'digest,moment,outcome,reasons,revision', '', '');
ALTER TABLE governance.decision ENABLE ALWAYS TRIGGER decision_evidence_delete;
CREATE TRIGGER decision_evidence_insert AFTER INSERT ON governance.decision REFERENCING NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('decision.made', 'request_id', '', '', 'digest,moment,outcome,reasons,revision', '', '');
ALTER TABLE governance.decision ENABLE ALWAYS TRIGGER decision_evidence_insert;
CREATE TRIGGER decision_evidence_update AFTER UPDATE ON governance.decision REFERENCING OLD TABLE AS before_changed NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('decision.made', 'request_id', '', '', 'digest,moment,outcome,reasons,revision', '', '');
ALTER TABLE governance.decision ENABLE ALWAYS TRIGGER decision_evidence_update;
CREATE TRIGGER decision_no_truncate BEFORE TRUNCATE ON governance.decision FOR EACH STATEMENT EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE governance.decision ENABLE ALWAYS TRIGGER decision_no_truncate;
CREATE TRIGGER delegation_evidence_delete AFTER DELETE ON governance.delegation REFERENCING OLD TABLE AS before_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'id', 'registered_by', 'delegator_id', 'delegate_id,delegator_id,role,target_id', '', 'delegator_id,delegate_id,registered_by');
ALTER TABLE governance.delegation ENABLE ALWAYS TRIGGER delegation_evidence_delete;
CREATE TRIGGER delegation_evidence_insert AFTER INSERT ON governance.delegation REFERENCING NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'id', 'registered_by', 'delegator_id', 'delegate_id,delegator_id,role,target_id', '', 'delegator_id,delegate_id,registered_by');
ALTER TABLE governance.delegation ENABLE ALWAYS TRIGGER delegation_evidence_insert;
CREATE TRIGGER delegation_evidence_update AFTER UPDATE ON governance.delegation REFERENCING OLD TABLE AS before_changed NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'id', 'registered_by', 'delegator_id', 'delegate_id,delegator_id,role,target_id', '', 'delegator_id,delegate_id,registered_by');
ALTER TABLE governance.delegation ENABLE ALWAYS TRIGGER delegation_evidence_update;
CREATE TRIGGER embargo_evidence_delete AFTER DELETE ON governance.embargo REFERENCING OLD TABLE AS before_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'subject', '', '', 'subject', '', '');
ALTER TABLE governance.embargo ENABLE ALWAYS TRIGGER embargo_evidence_delete;
CREATE TRIGGER embargo_evidence_insert AFTER INSERT ON governance.embargo REFERENCING NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'subject', '', '', 'subject', '', '');
ALTER TABLE governance.embargo ENABLE ALWAYS TRIGGER embargo_evidence_insert;
CREATE TRIGGER embargo_evidence_update AFTER UPDATE ON governance.embargo REFERENCING OLD TABLE AS before_changed NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'subject', '', '', 'subject', '', '');
ALTER TABLE governance.embargo ENABLE ALWAYS TRIGGER embargo_evidence_update;
CREATE TRIGGER entitlement_evidence_delete AFTER DELETE ON governance.entitlement REFERENCING OLD TABLE AS before_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'target_id', '', '', 'risk,target_id', '', '');
ALTER TABLE governance.entitlement ENABLE ALWAYS TRIGGER entitlement_evidence_delete;
CREATE TRIGGER entitlement_evidence_insert AFTER INSERT ON governance.entitlement REFERENCING NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'target_id', '', '', 'risk,target_id', '', '');
ALTER TABLE governance.entitlement ENABLE ALWAYS TRIGGER entitlement_evidence_insert;
CREATE TRIGGER entitlement_evidence_update AFTER UPDATE ON governance.entitlement REFERENCING OLD TABLE AS before_changed NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'target_id', '', '', 'risk,target_id', '', '');
ALTER TABLE governance.entitlement ENABLE ALWAYS TRIGGER entitlement_evidence_update;
CREATE TRIGGER feed_release_append_only BEFORE DELETE OR UPDATE ON governance.feed_release FOR EACH ROW EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE governance.feed_release ENABLE ALWAYS TRIGGER feed_release_append_only;
CREATE TRIGGER feed_release_evidence_delete AFTER DELETE ON governance.feed_release REFERENCING OLD TABLE AS before_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'feed_id', 'person_id', 'person_id', '', '', 'person_id');
ALTER TABLE governance.feed_release ENABLE ALWAYS TRIGGER feed_release_evidence_delete;
CREATE TRIGGER feed_release_evidence_insert AFTER INSERT ON governance.feed_release REFERENCING NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'feed_id', 'person_id', 'person_id', '', '', 'person_id');
ALTER TABLE governance.feed_release ENABLE ALWAYS TRIGGER feed_release_evidence_insert;
CREATE TRIGGER feed_release_evidence_update AFTER UPDATE ON governance.feed_release REFERENCING OLD TABLE AS before_changed NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'feed_id', 'person_id', 'person_id', '', '', 'person_id');
ALTER TABLE governance.feed_release ENABLE ALWAYS TRIGGER feed_release_evidence_update;
CREATE TRIGGER feed_release_no_truncate BEFORE TRUNCATE ON governance.feed_release FOR EACH STATEMENT EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE governance.feed_release ENABLE ALWAYS TRIGGER feed_release_no_truncate;
CREATE TRIGGER helpdesk_event_append_only BEFORE DELETE OR UPDATE ON governance.helpdesk_event FOR EACH ROW EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE governance.helpdesk_event ENABLE ALWAYS TRIGGER helpdesk_event_append_only;
CREATE TRIGGER helpdesk_event_evidence_delete AFTER DELETE ON governance.helpdesk_event REFERENCING OLD TABLE AS before_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'ticket:ticket_id', '', '', 'digest,helpdesk,is_human,kind,request,revision,state,ticket_id', '', '');
ALTER TABLE governance.helpdesk_event ENABLE ALWAYS TRIGGER helpdesk_event_evidence_delete;
CREATE TRIGGER helpdesk_event_evidence_insert AFTER INSERT ON governance.helpdesk_event REFERENCING NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'ticket:ticket_id', '', '', 'digest,helpdesk,is_human,kind,request,revision,state,ticket_id', '', '');
ALTER TABLE governance.helpdesk_event ENABLE ALWAYS TRIGGER helpdesk_event_evidence_insert;
CREATE TRIGGER helpdesk_event_evidence_update AFTER UPDATE ON governance.helpdesk_event REFERENCING OLD TABLE AS before_changed NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'ticket:ticket_id', '', '', 'digest,helpdesk,is_human,kind,request,revision,state,ticket_id', '', '');
ALTER TABLE governance.helpdesk_event ENABLE ALWAYS TRIGGER helpdesk_event_evidence_update;
CREATE TRIGGER helpdesk_event_no_truncate BEFORE TRUNCATE ON governance.helpdesk_event FOR EACH STATEMENT EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE governance.helpdesk_event ENABLE ALWAYS TRIGGER helpdesk_event_no_truncate;
CREATE TRIGGER identity_evidence_insert AFTER INSERT ON governance.identity REFERENCING NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_identities();
ALTER TABLE governance.identity ENABLE ALWAYS TRIGGER identity_evidence_insert;
CREATE TRIGGER identity_evidence_update AFTER UPDATE ON governance.identity REFERENCING OLD TABLE AS before_changed NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_identities();
ALTER TABLE governance.identity ENABLE ALWAYS TRIGGER identity_evidence_update;
CREATE TRIGGER identity_feed_evidence_delete AFTER DELETE ON governance.identity_feed REFERENCING OLD TABLE AS before_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'id', '', '', 'digest,persons,removals,sequence,state', '', '');
ALTER TABLE governance.identity_feed ENABLE ALWAYS TRIGGER identity_feed_evidence_delete;
CREATE TRIGGER identity_feed_evidence_insert AFTER INSERT ON governance.identity_feed REFERENCING NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'id', '', '', 'digest,persons,removals,sequence,state', '', '');
ALTER TABLE governance.identity_feed ENABLE ALWAYS TRIGGER identity_feed_evidence_insert;
CREATE TRIGGER identity_feed_evidence_update AFTER UPDATE ON governance.identity_feed REFERENCING OLD TABLE AS before_changed NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'id', '', '', 'digest,persons,removals,sequence,state', '', '');
ALTER TABLE governance.identity_feed ENABLE ALWAYS TRIGGER identity_feed_evidence_update;
CREATE TRIGGER identity_responsible AFTER UPDATE OF owner_id, backup_owner_id, vendor_id ON governance.identity FOR EACH ROW WHEN ((((old.owner_id IS DISTINCT FROM new.owner_id) OR (old.backup_owner_id IS DISTINCT FROM new.backup_owner_id)) OR (old.vendor_id IS DISTINCT FROM new.vendor_id))) EXECUTE FUNCTION governance.change_responsible();
ALTER TABLE governance.identity ENABLE ALWAYS TRIGGER identity_responsible;
CREATE TRIGGER identity_source_evidence_delete AFTER DELETE ON governance.identity_source REFERENCING OLD TABLE AS before_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'name:name', '', '', 'break_persons,kind,sequence,state', 'as_of', '');
ALTER TABLE governance.identity_source ENABLE ALWAYS TRIGGER identity_source_evidence_delete;
CREATE TRIGGER identity_source_evidence_insert AFTER INSERT ON governance.identity_source REFERENCING NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'name:name', '', '', 'break_persons,kind,sequence,state', 'as_of', '');
ALTER TABLE governance.identity_source ENABLE ALWAYS TRIGGER identity_source_evidence_insert;
CREATE TRIGGER identity_source_evidence_update AFTER UPDATE ON governance.identity_source REFERENCING OLD TABLE AS before_changed NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'name:name', '', '', 'break_persons,kind,sequence,state', 'as_of', '');
ALTER TABLE governance.identity_source ENABLE ALWAYS TRIGGER identity_source_evidence_update;
CREATE TRIGGER incarnation_adoption_evidence_delete AFTER DELETE ON governance.incarnation_adoption REFERENCING OLD TABLE AS before_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'incarnation_id', 'adopted_by', 'adopted_by', '', '', 'adopted_by');
ALTER TABLE governance.incarnation_adoption ENABLE ALWAYS TRIGGER incarnation_adoption_evidence_delete;
CREATE TRIGGER incarnation_adoption_evidence_insert AFTER INSERT ON governance.incarnation_adoption REFERENCING NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'incarnation_id', 'adopted_by', 'adopted_by', '', '', 'adopted_by');
ALTER TABLE governance.incarnation_adoption ENABLE ALWAYS TRIGGER incarnation_adoption_evidence_insert;
CREATE TRIGGER incarnation_adoption_evidence_update AFTER UPDATE ON governance.incarnation_adoption REFERENCING OLD TABLE AS before_changed NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'incarnation_id', 'adopted_by', 'adopted_by', '', '', 'adopted_by');
ALTER TABLE governance.incarnation_adoption ENABLE ALWAYS TRIGGER incarnation_adoption_evidence_update;
CREATE TRIGGER incarnation_evidence_delete AFTER DELETE ON governance.incarnation REFERENCING OLD TABLE AS before_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'id', 'confirmed_by', 'confirmed_by', '', 'mark', 'confirmed_by');
ALTER TABLE governance.incarnation ENABLE ALWAYS TRIGGER incarnation_evidence_delete;
CREATE TRIGGER incarnation_evidence_insert AFTER INSERT ON governance.incarnation REFERENCING NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'id', 'confirmed_by', 'confirmed_by', '', 'mark', 'confirmed_by');
ALTER TABLE governance.incarnation ENABLE ALWAYS TRIGGER incarnation_evidence_insert;
CREATE TRIGGER incarnation_evidence_update AFTER UPDATE ON governance.incarnation REFERENCING OLD TABLE AS before_changed NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'id', 'confirmed_by', 'confirmed_by', '', 'mark', 'confirmed_by');
ALTER TABLE governance.incarnation ENABLE ALWAYS TRIGGER incarnation_evidence_update;
CREATE TRIGGER operator_permission_evidence_delete AFTER DELETE ON governance.operator_permission REFERENCING OLD TABLE AS before_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'id', 'granted_by,withdrawn_by', 'person_id', 'permission,person_id', '', 'person_id,granted_by,withdrawn_by');
ALTER TABLE governance.operator_permission ENABLE ALWAYS TRIGGER operator_permission_evidence_delete;
CREATE TRIGGER operator_permission_evidence_insert AFTER INSERT ON governance.operator_permission REFERENCING NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'id', 'granted_by,withdrawn_by', 'person_id', 'permission,person_id', '', 'person_id,granted_by,withdrawn_by');
ALTER TABLE governance.operator_permission ENABLE ALWAYS TRIGGER operator_permission_evidence_insert;
CREATE TRIGGER operator_permission_evidence_update AFTER UPDATE ON governance.operator_permission REFERENCING OLD TABLE AS before_changed NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'id', 'granted_by,withdrawn_by', 'person_id', 'permission,person_id', '', 'person_id,granted_by,withdrawn_by');
ALTER TABLE governance.operator_permission ENABLE ALWAYS TRIGGER operator_permission_evidence_update;
CREATE TRIGGER permit_append_only BEFORE DELETE OR UPDATE ON governance.permit FOR EACH ROW EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE governance.permit ENABLE ALWAYS TRIGGER permit_append_only;
CREATE TRIGGER permit_incarnation AFTER INSERT ON governance.permit REFERENCING NEW TABLE AS granted FOR EACH STATEMENT EXECUTE FUNCTION governance.require_incarnation();
ALTER TABLE governance.permit ENABLE ALWAYS TRIGGER permit_incarnation;
CREATE TRIGGER permit_no_truncate BEFORE TRUNCATE ON governance.permit FOR EACH STATEMENT EXECUTE FUNCTION keyturn.refuse_change();
CREATE TRIGGER person_account_evidence_delete AFTER DELETE ON governance.person_account REFERENCING OLD TABLE AS before_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'person:person_id', '', 'person_id', '', '', 'person_id');
ALTER TABLE governance.person_account ENABLE ALWAYS TRIGGER person_account_evidence_delete;
CREATE TRIGGER person_account_evidence_insert AFTER INSERT ON governance.person_account REFERENCING NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'person:person_id', '', 'person_id', '', '', 'person_id');
ALTER TABLE governance.person_account ENABLE ALWAYS TRIGGER person_account_evidence_insert;
CREATE TRIGGER person_account_evidence_update AFTER UPDATE ON governance.person_account REFERENCING OLD TABLE AS before_changed NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'person:person_id', '', 'person_id', '', '', 'person_id');
ALTER TABLE governance.person_account ENABLE ALWAYS TRIGGER person_account_evidence_update;
CREATE TRIGGER person_evidence_insert AFTER INSERT ON governance.person REFERENCING NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_people();
ALTER TABLE governance.person ENABLE ALWAYS TRIGGER person_evidence_insert;
CREATE TRIGGER person_evidence_update AFTER UPDATE ON governance.person REFERENCING OLD TABLE AS before_changed NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_people();
ALTER TABLE governance.person ENABLE ALWAYS TRIGGER person_evidence_update;
CREATE TRIGGER person_no_delete BEFORE DELETE ON governance.person FOR EACH ROW EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE governance.person ENABLE ALWAYS TRIGGER person_no_delete;
CREATE TRIGGER policy_decision_append_only BEFORE DELETE OR UPDATE ON governance.policy_decision FOR EACH ROW EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE governance.policy_decision ENABLE ALWAYS TRIGGER policy_decision_append_only;
CREATE TRIGGER policy_decision_evidence_delete AFTER DELETE ON governance.policy_decision REFERENCING OLD TABLE AS before_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'name:policy', 'person_id', 'person_id', 'decision,digest,version', '', 'person_id');
ALTER TABLE governance.policy_decision ENABLE ALWAYS TRIGGER policy_decision_evidence_delete;
CREATE TRIGGER policy_decision_evidence_insert AFTER INSERT ON governance.policy_decision REFERENCING NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'name:policy', 'person_id', 'person_id', 'decision,digest,version', '', 'person_id');
ALTER TABLE governance.policy_decision ENABLE ALWAYS TRIGGER policy_decision_evidence_insert;
CREATE TRIGGER policy_decision_evidence_update AFTER UPDATE ON governance.policy_decision REFERENCING OLD TABLE AS before_changed NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'name:policy', 'person_id', 'person_id', 'decision,digest,version', '', 'person_id');
ALTER TABLE governance.policy_decision ENABLE ALWAYS TRIGGER policy_decision_evidence_update;
CREATE TRIGGER policy_decision_no_truncate BEFORE TRUNCATE ON governance.policy_decision FOR EACH STATEMENT EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE governance.policy_decision ENABLE ALWAYS TRIGGER policy_decision_no_truncate;
CREATE TRIGGER policy_evidence AFTER INSERT OR UPDATE ON governance.policy FOR EACH ROW EXECUTE FUNCTION evidence.on_policy();
ALTER TABLE governance.policy ENABLE ALWAYS TRIGGER policy_evidence;
CREATE TRIGGER policy_version_evidence_delete AFTER DELETE ON governance.policy_version REFERENCING OLD TABLE AS before_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'name:policy', 'proposed_by', 'proposed_by', 'digest,state,version', '', 'proposed_by');
ALTER TABLE governance.policy_version ENABLE ALWAYS TRIGGER policy_version_evidence_delete;
CREATE TRIGGER policy_version_evidence_insert AFTER INSERT ON governance.policy_version REFERENCING NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'name:policy', 'proposed_by', 'proposed_by', 'digest,state,version', '', 'proposed_by');
ALTER TABLE governance.policy_version ENABLE ALWAYS TRIGGER policy_version_evidence_insert;
CREATE TRIGGER policy_version_evidence_update AFTER UPDATE ON governance.policy_version REFERENCING OLD TABLE AS before_changed NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'name:policy', 'proposed_by', 'proposed_by', 'digest,state,version', '', 'proposed_by');
ALTER TABLE governance.policy_version ENABLE ALWAYS TRIGGER policy_version_evidence_update;
CREATE TRIGGER reapproval_append_only BEFORE DELETE OR UPDATE ON governance.reapproval FOR EACH ROW EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE governance.reapproval ENABLE ALWAYS TRIGGER reapproval_append_only;
CREATE TRIGGER reapproval_evidence_delete AFTER DELETE ON governance.reapproval REFERENCING OLD TABLE AS before_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'identity_id', '', '', 'identity_id,trigger', '', '');
ALTER TABLE governance.reapproval ENABLE ALWAYS TRIGGER reapproval_evidence_delete;
CREATE TRIGGER reapproval_evidence_insert AFTER INSERT ON governance.reapproval REFERENCING NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_reapprovals();
ALTER TABLE governance.reapproval ENABLE ALWAYS TRIGGER reapproval_evidence_insert;
CREATE TRIGGER reapproval_evidence_update AFTER UPDATE ON governance.reapproval REFERENCING OLD TABLE AS before_changed NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'identity_id', '', '', 'identity_id,trigger', '', '');
ALTER TABLE governance.reapproval ENABLE ALWAYS TRIGGER reapproval_evidence_update;
CREATE TRIGGER reapproval_no_truncate BEFORE TRUNCATE ON governance.reapproval FOR EACH STATEMENT EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE governance.reapproval ENABLE ALWAYS TRIGGER reapproval_no_truncate;
CREATE TRIGGER request_append_only BEFORE DELETE OR UPDATE ON governance.request FOR EACH ROW EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE governance.request ENABLE ALWAYS TRIGGER request_append_only;
CREATE TRIGGER request_evidence_insert AFTER INSERT ON governance.request REFERENCING NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_requests();
ALTER TABLE governance.request ENABLE ALWAYS TRIGGER request_evidence_insert;
CREATE TRIGGER request_no_truncate BEFORE TRUNCATE ON governance.request FOR EACH STATEMENT EXECUTE FUNCTION keyturn.refuse_change();
CREATE TRIGGER request_withdrawal_append_only BEFORE DELETE OR UPDATE ON governance.request_withdrawal FOR EACH ROW EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE governance.request_withdrawal ENABLE ALWAYS TRIGGER request_withdrawal_append_only;
CREATE TRIGGER request_withdrawal_evidence_delete AFTER DELETE ON governance.request_withdrawal REFERENCING OLD TABLE AS before_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'request_id', 'person_id', 'person_id', '', '', 'person_id');
ALTER TABLE governance.request_withdrawal ENABLE ALWAYS TRIGGER request_withdrawal_evidence_delete;
CREATE TRIGGER request_withdrawal_evidence_insert AFTER INSERT ON governance.request_withdrawal REFERENCING NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'request_id', 'person_id', 'person_id', '', '', 'person_id');
ALTER TABLE governance.request_withdrawal ENABLE ALWAYS TRIGGER request_withdrawal_evidence_insert;
CREATE TRIGGER request_withdrawal_evidence_update AFTER UPDATE ON governance.request_withdrawal REFERENCING OLD TABLE AS before_changed NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'request_id', 'person_id', 'person_id', '', '', 'person_id');
ALTER TABLE governance.request_withdrawal ENABLE ALWAYS TRIGGER request_withdrawal_evidence_update;
CREATE TRIGGER request_withdrawal_no_truncate BEFORE TRUNCATE ON governance.request_withdrawal FOR EACH STATEMENT EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE governance.request_withdrawal ENABLE ALWAYS TRIGGER request_withdrawal_no_truncate;
CREATE TRIGGER role_assignment_evidence_delete AFTER DELETE ON governance.role_assignment REFERENCING OLD TABLE AS before_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'person:person_id', '', 'person_id', 'person_id,role,target_id', '', 'person_id');
ALTER TABLE governance.role_assignment ENABLE ALWAYS TRIGGER role_assignment_evidence_delete;
CREATE TRIGGER role_assignment_evidence_insert AFTER INSERT ON governance.role_assignment REFERENCING NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'person:person_id', '', 'person_id', 'person_id,role,target_id', '', 'person_id');
ALTER TABLE governance.role_assignment ENABLE ALWAYS TRIGGER role_assignment_evidence_insert;
CREATE TRIGGER role_assignment_evidence_update AFTER UPDATE ON governance.role_assignment REFERENCING OLD TABLE AS before_changed NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'person:person_id', '', 'person_id', 'person_id,role,target_id', '', 'person_id');
ALTER TABLE governance.role_assignment ENABLE ALWAYS TRIGGER role_assignment_evidence_update;
CREATE TRIGGER scim_client_evidence_delete AFTER DELETE ON governance.scim_client REFERENCING OLD TABLE AS before_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'id', 'added_by,removed_by', '', '', '', 'added_by,removed_by');
ALTER TABLE governance.scim_client ENABLE ALWAYS TRIGGER scim_client_evidence_delete;
CREATE TRIGGER scim_client_evidence_insert AFTER INSERT ON governance.scim_client REFERENCING NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'id', 'added_by,removed_by', '', '', '', 'added_by,removed_by');
ALTER TABLE governance.scim_client ENABLE ALWAYS TRIGGER scim_client_evidence_insert;
CREATE TRIGGER scim_client_evidence_update AFTER UPDATE ON governance.scim_client REFERENCING OLD TABLE AS before_changed NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'id', 'added_by,removed_by', '', '', '', 'added_by,removed_by');
ALTER TABLE governance.scim_client ENABLE ALWAYS TRIGGER scim_client_evidence_update;
CREATE TRIGGER scim_resource_evidence_delete AFTER DELETE ON governance.scim_resource REFERENCING OLD TABLE AS before_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'person:person_id,id', '', 'person_id', 'kind,version', 'modified_at', 'person_id');
ALTER TABLE governance.scim_resource ENABLE ALWAYS TRIGGER scim_resource_evidence_delete;
CREATE TRIGGER scim_resource_evidence_insert AFTER INSERT ON governance.scim_resource REFERENCING NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'person:person_id,id', '', 'person_id', 'kind,version', 'modified_at', 'person_id');
ALTER TABLE governance.scim_resource ENABLE ALWAYS TRIGGER scim_resource_evidence_insert;
CREATE TRIGGER scim_resource_evidence_update AFTER UPDATE ON governance.scim_resource REFERENCING OLD TABLE AS before_changed NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'person:person_id,id', '', 'person_id', 'kind,version', 'modified_at', 'person_id');
ALTER TABLE governance.scim_resource ENABLE ALWAYS TRIGGER scim_resource_evidence_update;
CREATE TRIGGER signing_key_evidence_delete AFTER DELETE ON governance.signing_key REFERENCING OLD TABLE AS before_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'person:person_id', '', 'person_id', '', '', 'person_id');
ALTER TABLE governance.signing_key ENABLE ALWAYS TRIGGER signing_key_evidence_delete;
CREATE TRIGGER signing_key_evidence_insert AFTER INSERT ON governance.signing_key REFERENCING NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'person:person_id', '', 'person_id', '', '', 'person_id');
ALTER TABLE governance.signing_key ENABLE ALWAYS TRIGGER signing_key_evidence_insert;
CREATE TRIGGER signing_key_evidence_update AFTER UPDATE ON governance.signing_key REFERENCING OLD TABLE AS before_changed NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'person:person_id', '', 'person_id', '', '', 'person_id');
ALTER TABLE governance.signing_key ENABLE ALWAYS TRIGGER signing_key_evidence_update;
CREATE TRIGGER target_evidence AFTER INSERT OR UPDATE ON governance.target FOR EACH ROW EXECUTE FUNCTION evidence.on_target();
ALTER TABLE governance.target ENABLE ALWAYS TRIGGER target_evidence;
CREATE TRIGGER ticket_evidence_delete AFTER DELETE ON governance.ticket REFERENCING OLD TABLE AS before_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('ticket.read', 'request_id,id', 'excused_by', '', 'cause_at,closed_without_control,contained_at,due_at,excused_until,helpdesk,identity_id,kind,number,proven_at,request_digest,request_id,request_revision,resolution,state', '', 'excused_by');
ALTER TABLE governance.ticket ENABLE ALWAYS TRIGGER ticket_evidence_delete;
CREATE TRIGGER ticket_evidence_insert AFTER INSERT ON governance.ticket REFERENCING NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('ticket.read', 'request_id,id', 'excused_by', '', 'cause_at,closed_without_control,contained_at,due_at,excused_until,helpdesk,identity_id,kind,number,proven_at,request_digest,request_id,request_revision,resolution,state', '', 'excused_by');
ALTER TABLE governance.ticket ENABLE ALWAYS TRIGGER ticket_evidence_insert;
CREATE TRIGGER ticket_evidence_update AFTER UPDATE ON governance.ticket REFERENCING OLD TABLE AS before_changed NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('ticket.read', 'request_id,id', 'excused_by', '', 'cause_at,closed_without_control,contained_at,due_at,excused_until,helpdesk,identity_id,kind,number,proven_at,request_digest,request_id,request_revision,resolution,state', '', 'excused_by');
ALTER TABLE governance.ticket ENABLE ALWAYS TRIGGER ticket_evidence_update;
CREATE TRIGGER ticket_note_append_only BEFORE DELETE OR UPDATE ON governance.ticket_note FOR EACH ROW EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE governance.ticket_note ENABLE ALWAYS TRIGGER ticket_note_append_only;
CREATE TRIGGER ticket_note_evidence_delete AFTER DELETE ON governance.ticket_note REFERENCING OLD TABLE AS before_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'ticket:ticket_id', '', '', 'code,ticket_id', '', '');
ALTER TABLE governance.ticket_note ENABLE ALWAYS TRIGGER ticket_note_evidence_delete;
CREATE TRIGGER ticket_note_evidence_insert AFTER INSERT ON governance.ticket_note REFERENCING NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'ticket:ticket_id', '', '', 'code,ticket_id', '', '');
ALTER TABLE governance.ticket_note ENABLE ALWAYS TRIGGER ticket_note_evidence_insert;
CREATE TRIGGER ticket_note_evidence_update AFTER UPDATE ON governance.ticket_note REFERENCING OLD TABLE AS before_changed NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'ticket:ticket_id', '', '', 'code,ticket_id', '', '');
ALTER TABLE governance.ticket_note ENABLE ALWAYS TRIGGER ticket_note_evidence_update;
CREATE TRIGGER ticket_note_no_truncate BEFORE TRUNCATE ON governance.ticket_note FOR EACH STATEMENT EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE governance.ticket_note ENABLE ALWAYS TRIGGER ticket_note_no_truncate;
CREATE TRIGGER toxic_pair_evidence_delete AFTER DELETE ON governance.toxic_pair REFERENCING OLD TABLE AS before_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'target_id', '', '', 'target_id', '', '');
ALTER TABLE governance.toxic_pair ENABLE ALWAYS TRIGGER toxic_pair_evidence_delete;
CREATE TRIGGER toxic_pair_evidence_insert AFTER INSERT ON governance.toxic_pair REFERENCING NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'target_id', '', '', 'target_id', '', '');
ALTER TABLE governance.toxic_pair ENABLE ALWAYS TRIGGER toxic_pair_evidence_insert;
CREATE TRIGGER toxic_pair_evidence_update AFTER UPDATE ON governance.toxic_pair REFERENCING OLD TABLE AS before_changed NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'target_id', '', '', 'target_id', '', '');
ALTER TABLE governance.toxic_pair ENABLE ALWAYS TRIGGER toxic_pair_evidence_update;
CREATE TRIGGER vendor_evidence_delete AFTER DELETE ON governance.vendor REFERENCING OLD TABLE AS before_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'id', '', 'sponsor_id', 'sponsor_id,version', '', 'sponsor_id');
ALTER TABLE governance.vendor ENABLE ALWAYS TRIGGER vendor_evidence_delete;
CREATE TRIGGER vendor_evidence_insert AFTER INSERT ON governance.vendor REFERENCING NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'id', '', 'sponsor_id', 'sponsor_id,version', '', 'sponsor_id');
ALTER TABLE governance.vendor ENABLE ALWAYS TRIGGER vendor_evidence_insert;
CREATE TRIGGER vendor_evidence_update AFTER UPDATE ON governance.vendor REFERENCING OLD TABLE AS before_changed NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'id', '', 'sponsor_id', 'sponsor_id,version', '', 'sponsor_id');
ALTER TABLE governance.vendor ENABLE ALWAYS TRIGGER vendor_evidence_update;
CREATE TRIGGER vendor_responsible AFTER UPDATE OF sponsor_id ON governance.vendor FOR EACH ROW WHEN ((old.sponsor_id IS DISTINCT FROM new.sponsor_id)) EXECUTE FUNCTION governance.change_responsible();
ALTER TABLE governance.vendor ENABLE ALWAYS TRIGGER vendor_responsible;
CREATE TRIGGER operator_action_append_only BEFORE DELETE OR UPDATE ON jobs.operator_action FOR EACH ROW EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE jobs.operator_action ENABLE ALWAYS TRIGGER operator_action_append_only;
CREATE TRIGGER operator_action_evidence AFTER INSERT ON jobs.operator_action FOR EACH ROW EXECUTE FUNCTION evidence.on_operator_action();
ALTER TABLE jobs.operator_action ENABLE ALWAYS TRIGGER operator_action_evidence;
CREATE TRIGGER operator_action_no_truncate BEFORE TRUNCATE ON jobs.operator_action FOR EACH STATEMENT EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE jobs.operator_action ENABLE ALWAYS TRIGGER operator_action_no_truncate;
CREATE TRIGGER schema_migration_evidence AFTER INSERT ON keyturn.schema_migration FOR EACH ROW EXECUTE FUNCTION evidence.on_migration();
ALTER TABLE keyturn.schema_migration ENABLE ALWAYS TRIGGER schema_migration_evidence;
CREATE TRIGGER alarm_evidence_delete AFTER DELETE ON lifecycle.alarm REFERENCING OLD TABLE AS before_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'id', '', '', 'id,kind,subject', '', '');
ALTER TABLE lifecycle.alarm ENABLE ALWAYS TRIGGER alarm_evidence_delete;
CREATE TRIGGER alarm_evidence_insert AFTER INSERT ON lifecycle.alarm REFERENCING NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'id', '', '', 'id,kind,subject', '', '');
ALTER TABLE lifecycle.alarm ENABLE ALWAYS TRIGGER alarm_evidence_insert;
CREATE TRIGGER alarm_evidence_update AFTER UPDATE ON lifecycle.alarm REFERENCING OLD TABLE AS before_changed NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'id', '', '', 'id,kind,subject', '', '');
ALTER TABLE lifecycle.alarm ENABLE ALWAYS TRIGGER alarm_evidence_update;
CREATE TRIGGER consumer_evidence_delete AFTER DELETE ON lifecycle.consumer REFERENCING OLD TABLE AS before_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'credential_id', 'added_by', 'added_by', 'credential_id,id', '', 'added_by');
ALTER TABLE lifecycle.consumer ENABLE ALWAYS TRIGGER consumer_evidence_delete;
CREATE TRIGGER consumer_evidence_insert AFTER INSERT ON lifecycle.consumer REFERENCING NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'credential_id', 'added_by', 'added_by', 'credential_id,id', '', 'added_by');
ALTER TABLE lifecycle.consumer ENABLE ALWAYS TRIGGER consumer_evidence_insert;
CREATE TRIGGER consumer_evidence_update AFTER UPDATE ON lifecycle.consumer REFERENCING OLD TABLE AS before_changed NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'credential_id', 'added_by', 'added_by', 'credential_id,id', '', 'added_by');
ALTER TABLE lifecycle.consumer ENABLE ALWAYS TRIGGER consumer_evidence_update;
CREATE TRIGGER consumer_version_evidence_delete AFTER DELETE ON lifecycle.consumer_version REFERENCING OLD TABLE AS before_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'consumer_id', '', '', 'consumer_id,version', 'reads,last_read_at', '');
ALTER TABLE lifecycle.consumer_version ENABLE ALWAYS TRIGGER consumer_version_evidence_delete;
CREATE TRIGGER consumer_version_evidence_insert AFTER INSERT ON lifecycle.consumer_version REFERENCING NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'consumer_id', '', '', 'consumer_id,version', 'reads,last_read_at', '');
ALTER TABLE lifecycle.consumer_version ENABLE ALWAYS TRIGGER consumer_version_evidence_insert;
CREATE TRIGGER consumer_version_evidence_update AFTER UPDATE ON lifecycle.consumer_version FOR EACH ROW WHEN (((((old.consumer_id IS DISTINCT FROM new.consumer_id) OR (old.version IS DISTINCT FROM new.version)) OR (old.first_read_at IS DISTINCT FROM new.first_read_at)) OR (old.acknowledged_at IS DISTINCT FROM new.acknowledged_at))) EXECUTE FUNCTION evidence.on_change('record.changed', 'consumer_id', '', '', 'consumer_id,version', 'reads,last_read_at', '');
ALTER TABLE lifecycle.consumer_version ENABLE ALWAYS TRIGGER consumer_version_evidence_update;
CREATE TRIGGER containment_evidence_delete AFTER DELETE ON lifecycle.containment REFERENCING OLD TABLE AS before_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'id', 'requested_by', 'requested_by', 'break_glass_id,digest,follow_up,permission_id', '', 'requested_by');
ALTER TABLE lifecycle.containment ENABLE ALWAYS TRIGGER containment_evidence_delete;
CREATE TRIGGER containment_evidence_insert AFTER INSERT ON lifecycle.containment REFERENCING NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'id', 'requested_by', 'requested_by', 'break_glass_id,digest,follow_up,permission_id', '', 'requested_by');
ALTER TABLE lifecycle.containment ENABLE ALWAYS TRIGGER containment_evidence_insert;
CREATE TRIGGER containment_evidence_update AFTER UPDATE ON lifecycle.containment REFERENCING OLD TABLE AS before_changed NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'id', 'requested_by', 'requested_by', 'break_glass_id,digest,follow_up,permission_id', '', 'requested_by');
ALTER TABLE lifecycle.containment ENABLE ALWAYS TRIGGER containment_evidence_update;
CREATE TRIGGER containment_item_evidence_delete AFTER DELETE ON lifecycle.containment_item REFERENCING OLD TABLE AS before_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'containment_target_id', '', '', 'authorization_id,credential_id,follow_up,outcome_code,permit_id,rotation_id,state', 'attempts', '');
ALTER TABLE lifecycle.containment_item ENABLE ALWAYS TRIGGER containment_item_evidence_delete;
CREATE TRIGGER containment_item_evidence_update AFTER UPDATE ON lifecycle.containment_item REFERENCING OLD TABLE AS before_changed NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'containment_target_id', '', '', 'authorization_id,credential_id,follow_up,outcome_code,permit_id,rotation_id,state', 'attempts', '');
ALTER TABLE lifecycle.containment_item ENABLE ALWAYS TRIGGER containment_item_evidence_update;
CREATE TRIGGER containment_target_evidence_delete AFTER DELETE ON lifecycle.containment_target REFERENCING OLD TABLE AS before_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'id', '', '', 'containment_id,target_id', '', '');
ALTER TABLE lifecycle.containment_target ENABLE ALWAYS TRIGGER containment_target_evidence_delete;
CREATE TRIGGER containment_target_evidence_insert AFTER INSERT ON lifecycle.containment_target REFERENCING NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'id', '', '', 'containment_id,target_id', '', '');
ALTER TABLE lifecycle.containment_target ENABLE ALWAYS TRIGGER containment_target_evidence_insert;
CREATE TRIGGER containment_target_evidence_update AFTER UPDATE ON lifecycle.containment_target REFERENCING OLD TABLE AS before_changed NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'id', '', '', 'containment_id,target_id', '', '');
ALTER TABLE lifecycle.containment_target ENABLE ALWAYS TRIGGER containment_target_evidence_update;
CREATE TRIGGER credential_evidence_delete AFTER DELETE ON lifecycle.credential REFERENCING OLD TABLE AS before_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'id', '', '', 'authorization_id,identity_id,state,target_id', 'fence,due_anchor,next_due_at,next_verify_at', '');
ALTER TABLE lifecycle.credential ENABLE ALWAYS TRIGGER credential_evidence_delete;
CREATE TRIGGER credential_evidence_insert AFTER INSERT ON lifecycle.credential REFERENCING NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'id', '', '', 'authorization_id,identity_id,state,target_id', 'fence,due_anchor,next_due_at,next_verify_at', '');
ALTER TABLE lifecycle.credential ENABLE ALWAYS TRIGGER credential_evidence_insert;
CREATE TRIGGER credential_evidence_update AFTER UPDATE ON lifecycle.credential FOR EACH ROW WHEN (((((((old.state IS DISTINCT FROM new.state) OR (old.authorization_id IS DISTINCT FROM new.authorization_id)) OR (old.leaked_at IS DISTINCT FROM new.leaked_at)) OR (old.hard_expires_at IS DISTINCT FROM new.hard_expires_at)) OR (old.identity_id IS DISTINCT FROM new.identity_id)) OR (old.target_id IS DISTINCT FROM new.target_id))) EXECUTE FUNCTION evidence.on_change('record.changed', 'id', '', '', 'authorization_id,identity_id,state,target_id', 'fence,due_anchor,next_due_at,next_verify_at', '');
ALTER TABLE lifecycle.credential ENABLE ALWAYS TRIGGER credential_evidence_update;
CREATE TRIGGER delivery_evidence_delete AFTER DELETE ON lifecycle.delivery REFERENCING OLD TABLE AS before_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'consumer_id', '', '', 'consumer_id,state,version', 'attempts,last_outcome,tried_at', '');
ALTER TABLE lifecycle.delivery ENABLE ALWAYS TRIGGER delivery_evidence_delete;
CREATE TRIGGER delivery_evidence_insert AFTER INSERT ON lifecycle.delivery REFERENCING NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'consumer_id', '', '', 'consumer_id,state,version', 'attempts,last_outcome,tried_at', '');
ALTER TABLE lifecycle.delivery ENABLE ALWAYS TRIGGER delivery_evidence_insert;
CREATE TRIGGER delivery_evidence_update AFTER UPDATE ON lifecycle.delivery REFERENCING OLD TABLE AS before_changed NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'consumer_id', '', '', 'consumer_id,state,version', 'attempts,last_outcome,tried_at', '');
ALTER TABLE lifecycle.delivery ENABLE ALWAYS TRIGGER delivery_evidence_update;
CREATE TRIGGER discovery_evidence_delete AFTER DELETE ON lifecycle.discovery REFERENCING OLD TABLE AS before_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'target_id', '', '', 'governed,logins,target_id', 'next_at,started_at', '');
ALTER TABLE lifecycle.discovery ENABLE ALWAYS TRIGGER discovery_evidence_delete;
CREATE TRIGGER discovery_evidence_insert AFTER INSERT ON lifecycle.discovery REFERENCING NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'target_id', '', '', 'governed,logins,target_id', 'next_at,started_at', '');
ALTER TABLE lifecycle.discovery ENABLE ALWAYS TRIGGER discovery_evidence_insert;
CREATE TRIGGER discovery_evidence_update AFTER UPDATE ON lifecycle.discovery REFERENCING OLD TABLE AS before_changed NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'target_id', '', '', 'governed,logins,target_id', 'next_at,started_at', '');
ALTER TABLE lifecycle.discovery ENABLE ALWAYS TRIGGER discovery_evidence_update;
CREATE TRIGGER effect_evidence_delete AFTER DELETE ON lifecycle.effect REFERENCING OLD TABLE AS before_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'credential_id', '', '', 'credential_id,id,outcome_code,rotation_id,state,verb', '', '');
ALTER TABLE lifecycle.effect ENABLE ALWAYS TRIGGER effect_evidence_delete;
CREATE TRIGGER effect_evidence_update AFTER UPDATE ON lifecycle.effect FOR EACH ROW WHEN ((new.outcome_code = 'repeated'::text)) EXECUTE FUNCTION evidence.on_change('record.changed', 'credential_id', '', '', 'credential_id,id,outcome_code,rotation_id,state,verb', '', '');
ALTER TABLE lifecycle.effect ENABLE ALWAYS TRIGGER effect_evidence_update;
CREATE TRIGGER finding_evidence_delete AFTER DELETE ON lifecycle.finding REFERENCING OLD TABLE AS before_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'target_id', 'explained_by', 'explained_by', 'identity_id,kind,state,target_id', 'last_seen_at', 'explained_by');
ALTER TABLE lifecycle.finding ENABLE ALWAYS TRIGGER finding_evidence_delete;
CREATE TRIGGER finding_evidence_insert AFTER INSERT ON lifecycle.finding REFERENCING NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'target_id', 'explained_by', 'explained_by', 'identity_id,kind,state,target_id', 'last_seen_at', 'explained_by');
ALTER TABLE lifecycle.finding ENABLE ALWAYS TRIGGER finding_evidence_insert;
CREATE TRIGGER finding_evidence_update AFTER UPDATE ON lifecycle.finding REFERENCING OLD TABLE AS before_changed NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'target_id', 'explained_by', 'explained_by', 'identity_id,kind,state,target_id', 'last_seen_at', 'explained_by');
ALTER TABLE lifecycle.finding ENABLE ALWAYS TRIGGER finding_evidence_update;
CREATE TRIGGER lost_authority_evidence_delete AFTER DELETE ON lifecycle.lost_authority REFERENCING OLD TABLE AS before_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'credential_id', '', '', 'action,authorization_id,consequence,credential_id,rotation_id,state', '', '');
ALTER TABLE lifecycle.lost_authority ENABLE ALWAYS TRIGGER lost_authority_evidence_delete;
CREATE TRIGGER lost_authority_evidence_insert AFTER INSERT ON lifecycle.lost_authority REFERENCING NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'credential_id', '', '', 'action,authorization_id,consequence,credential_id,rotation_id,state', '', '');
ALTER TABLE lifecycle.lost_authority ENABLE ALWAYS TRIGGER lost_authority_evidence_insert;
CREATE TRIGGER lost_authority_evidence_update AFTER UPDATE ON lifecycle.lost_authority REFERENCING OLD TABLE AS before_changed NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'credential_id', '', '', 'action,authorization_id,consequence,credential_id,rotation_id,state', '', '');
ALTER TABLE lifecycle.lost_authority ENABLE ALWAYS TRIGGER lost_authority_evidence_update;
CREATE TRIGGER rotation_cancelled_evidence AFTER UPDATE ON lifecycle.rotation FOR EACH ROW WHEN (((new.state = 'cancelled'::text) AND (old.state <> 'cancelled'::text))) EXECUTE FUNCTION evidence.on_rotation_cancelled();
ALTER TABLE lifecycle.rotation ENABLE ALWAYS TRIGGER rotation_cancelled_evidence;
CREATE TRIGGER rotation_commit_append_only BEFORE DELETE OR UPDATE ON lifecycle.rotation_commit FOR EACH ROW EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE lifecycle.rotation_commit ENABLE ALWAYS TRIGGER rotation_commit_append_only;
CREATE TRIGGER rotation_commit_no_truncate BEFORE TRUNCATE ON lifecycle.rotation_commit FOR EACH STATEMENT EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE lifecycle.rotation_commit ENABLE ALWAYS TRIGGER rotation_commit_no_truncate;
CREATE TRIGGER rotation_evidence_delete AFTER DELETE ON lifecycle.rotation REFERENCING OLD TABLE AS before_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'credential_id', 'requested_by', 'requested_by', 'authorization_id,credential_id,id,resume_state,state,trigger', '', 'requested_by');
ALTER TABLE lifecycle.rotation ENABLE ALWAYS TRIGGER rotation_evidence_delete;
CREATE TRIGGER rotation_evidence_update AFTER UPDATE ON lifecycle.rotation FOR EACH ROW WHEN (((old.steps = new.steps) AND (new.state <> 'cancelled'::text) AND (((((((old.state IS DISTINCT FROM new.state) OR (old.trigger IS DISTINCT FROM new.trigger)) OR (old.requested_by IS DISTINCT FROM new.requested_by)) OR (old.ticket IS DISTINCT FROM new.ticket)) OR (old.authorization_id IS DISTINCT FROM new.authorization_id)) OR (old.resume_state IS DISTINCT FROM new.resume_state)) OR (old.action IS DISTINCT FROM new.action)))) EXECUTE FUNCTION evidence.on_change('record.changed', 'credential_id', 'requested_by', 'requested_by', 'authorization_id,credential_id,id,resume_state,state,trigger', '', 'requested_by');
ALTER TABLE lifecycle.rotation ENABLE ALWAYS TRIGGER rotation_evidence_update;
CREATE TRIGGER rotation_opened_evidence AFTER INSERT ON lifecycle.rotation REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_rotations_opened();
ALTER TABLE lifecycle.rotation ENABLE ALWAYS TRIGGER rotation_opened_evidence;
CREATE TRIGGER standby_admin_evidence_delete AFTER DELETE ON lifecycle.standby_admin REFERENCING OLD TABLE AS before_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'target_id', '', '', 'candidate_version,phase,target_id,version', 'fence,wait_until', '');
ALTER TABLE lifecycle.standby_admin ENABLE ALWAYS TRIGGER standby_admin_evidence_delete;
CREATE TRIGGER standby_admin_evidence_insert AFTER INSERT ON lifecycle.standby_admin REFERENCING NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'target_id', '', '', 'candidate_version,phase,target_id,version', 'fence,wait_until', '');
ALTER TABLE lifecycle.standby_admin ENABLE ALWAYS TRIGGER standby_admin_evidence_insert;
CREATE TRIGGER standby_admin_evidence_update AFTER UPDATE ON lifecycle.standby_admin REFERENCING OLD TABLE AS before_changed NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'target_id', '', '', 'candidate_version,phase,target_id,version', 'fence,wait_until', '');
ALTER TABLE lifecycle.standby_admin ENABLE ALWAYS TRIGGER standby_admin_evidence_update;
CREATE TRIGGER target_trial_append_only BEFORE DELETE OR UPDATE ON lifecycle.target_trial FOR EACH ROW EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE lifecycle.target_trial ENABLE ALWAYS TRIGGER target_trial_append_only;
CREATE TRIGGER target_trial_evidence_delete AFTER DELETE ON lifecycle.target_trial REFERENCING OLD TABLE AS before_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'target_id,id', '', '', 'passed,steps,target_id', '', '');
ALTER TABLE lifecycle.target_trial ENABLE ALWAYS TRIGGER target_trial_evidence_delete;
CREATE TRIGGER target_trial_evidence_insert AFTER INSERT ON lifecycle.target_trial REFERENCING NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'target_id,id', '', '', 'passed,steps,target_id', '', '');
ALTER TABLE lifecycle.target_trial ENABLE ALWAYS TRIGGER target_trial_evidence_insert;
CREATE TRIGGER target_trial_evidence_update AFTER UPDATE ON lifecycle.target_trial REFERENCING OLD TABLE AS before_changed NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'target_id,id', '', '', 'passed,steps,target_id', '', '');
ALTER TABLE lifecycle.target_trial ENABLE ALWAYS TRIGGER target_trial_evidence_update;
CREATE TRIGGER target_trial_no_truncate BEFORE TRUNCATE ON lifecycle.target_trial FOR EACH STATEMENT EXECUTE FUNCTION keyturn.refuse_change();
CREATE TRIGGER verification_append_only BEFORE DELETE OR UPDATE ON lifecycle.verification FOR EACH ROW EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE lifecycle.verification ENABLE ALWAYS TRIGGER verification_append_only;
CREATE TRIGGER verification_evidence_delete AFTER DELETE ON lifecycle.verification REFERENCING OLD TABLE AS before_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('proof.observed', 'credential_id', '', '', 'credential_id,drifts,fence,result,version', '', '');
ALTER TABLE lifecycle.verification ENABLE ALWAYS TRIGGER verification_evidence_delete;
CREATE TRIGGER verification_evidence_insert AFTER INSERT ON lifecycle.verification REFERENCING NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('proof.observed', 'credential_id', '', '', 'credential_id,drifts,fence,result,version', '', '');
ALTER TABLE lifecycle.verification ENABLE ALWAYS TRIGGER verification_evidence_insert;
CREATE TRIGGER verification_evidence_update AFTER UPDATE ON lifecycle.verification REFERENCING OLD TABLE AS before_changed NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('proof.observed', 'credential_id', '', '', 'credential_id,drifts,fence,result,version', '', '');
ALTER TABLE lifecycle.verification ENABLE ALWAYS TRIGGER verification_evidence_update;
CREATE TRIGGER verification_no_truncate BEFORE TRUNCATE ON lifecycle.verification FOR EACH STATEMENT EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE lifecycle.verification ENABLE ALWAYS TRIGGER verification_no_truncate;
CREATE TRIGGER version_evidence_delete AFTER DELETE ON lifecycle.version REFERENCING OLD TABLE AS before_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'credential_id', '', '', 'credential_id,number,state', '', '');
ALTER TABLE lifecycle.version ENABLE ALWAYS TRIGGER version_evidence_delete;
CREATE TRIGGER version_evidence_update AFTER UPDATE ON lifecycle.version FOR EACH ROW WHEN ((old.key_id IS DISTINCT FROM new.key_id)) EXECUTE FUNCTION evidence.on_change('record.changed', 'credential_id', '', '', 'credential_id,number,state', '', '');
ALTER TABLE lifecycle.version ENABLE ALWAYS TRIGGER version_evidence_update;
CREATE TRIGGER waiver_append_only BEFORE DELETE OR UPDATE ON lifecycle.waiver FOR EACH ROW EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE lifecycle.waiver ENABLE ALWAYS TRIGGER waiver_append_only;
CREATE TRIGGER waiver_evidence_delete AFTER DELETE ON lifecycle.waiver REFERENCING OLD TABLE AS before_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'credential_id', 'waived_by', 'waived_by', 'credential_id,digest,permission_id,rotation_id', '', 'waived_by');
ALTER TABLE lifecycle.waiver ENABLE ALWAYS TRIGGER waiver_evidence_delete;
CREATE TRIGGER waiver_evidence_insert AFTER INSERT ON lifecycle.waiver REFERENCING NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'credential_id', 'waived_by', 'waived_by', 'credential_id,digest,permission_id,rotation_id', '', 'waived_by');
ALTER TABLE lifecycle.waiver ENABLE ALWAYS TRIGGER waiver_evidence_insert;
CREATE TRIGGER waiver_evidence_update AFTER UPDATE ON lifecycle.waiver REFERENCING OLD TABLE AS before_changed NEW TABLE AS now_changed FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_changes('record.changed', 'credential_id', 'waived_by', 'waived_by', 'credential_id,digest,permission_id,rotation_id', '', 'waived_by');
ALTER TABLE lifecycle.waiver ENABLE ALWAYS TRIGGER waiver_evidence_update;
CREATE TRIGGER waiver_no_truncate BEFORE TRUNCATE ON lifecycle.waiver FOR EACH STATEMENT EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE lifecycle.waiver ENABLE ALWAYS TRIGGER waiver_no_truncate;
ALTER TABLE ONLY evidence.sealed
    ADD CONSTRAINT sealed_batch_known FOREIGN KEY (batch) REFERENCES evidence.batch(id);
ALTER TABLE ONLY governance.approval
    ADD CONSTRAINT approval_acting_for_id_known FOREIGN KEY (acting_for_id) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.approval
    ADD CONSTRAINT approval_approver_id_known FOREIGN KEY (approver_id) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.approval
    ADD CONSTRAINT approval_delegation_id_known FOREIGN KEY (delegation_id) REFERENCES governance.delegation(id);
ALTER TABLE ONLY governance.approval
    ADD CONSTRAINT approval_digest_known FOREIGN KEY (request_id, revision, digest) REFERENCES governance.request(id, revision, digest);
ALTER TABLE ONLY governance.approval_withdrawal
    ADD CONSTRAINT approval_withdrawal_approval_id_known FOREIGN KEY (approval_id) REFERENCES governance.approval(id);
ALTER TABLE ONLY governance."authorization"
    ADD CONSTRAINT authorization_approval_id_known FOREIGN KEY (approval_id) REFERENCES governance.approval(id);
ALTER TABLE ONLY governance."authorization"
    ADD CONSTRAINT authorization_decision_id_known FOREIGN KEY (decision_id) REFERENCES governance.decision(id);
ALTER TABLE ONLY governance."authorization"
    ADD CONSTRAINT authorization_digest_known FOREIGN KEY (request_id, revision, digest) REFERENCES governance.request(id, revision, digest);
ALTER TABLE ONLY governance."authorization"
    ADD CONSTRAINT authorization_identity_id_known FOREIGN KEY (identity_id) REFERENCES governance.identity(id);
ALTER TABLE ONLY governance.break_glass
    ADD CONSTRAINT break_glass_identity_id_known FOREIGN KEY (identity_id) REFERENCES governance.identity(id);
ALTER TABLE ONLY governance.break_glass
    ADD CONSTRAINT break_glass_opened_by_known FOREIGN KEY (opened_by) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.break_glass
    ADD CONSTRAINT break_glass_reviewed_by_known FOREIGN KEY (reviewed_by) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.break_glass
    ADD CONSTRAINT break_glass_second_id_known FOREIGN KEY (second_id) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.break_glass
    ADD CONSTRAINT break_glass_ticket_id_known FOREIGN KEY (ticket_id) REFERENCES governance.ticket(id);
ALTER TABLE ONLY governance.delegation
    ADD CONSTRAINT delegation_delegate_id_known FOREIGN KEY (delegate_id) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.delegation
    ADD CONSTRAINT delegation_delegator_id_known FOREIGN KEY (delegator_id) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.delegation
    ADD CONSTRAINT delegation_registered_by_known FOREIGN KEY (registered_by) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.delegation
    ADD CONSTRAINT delegation_target_id_known FOREIGN KEY (target_id) REFERENCES governance.target(id);
ALTER TABLE ONLY governance.entitlement
    ADD CONSTRAINT entitlement_target_id_known FOREIGN KEY (target_id) REFERENCES governance.target(id);
ALTER TABLE ONLY governance.feed_release
    ADD CONSTRAINT feed_release_feed_id_known FOREIGN KEY (feed_id) REFERENCES governance.identity_feed(id);
ALTER TABLE ONLY governance.feed_release
    ADD CONSTRAINT feed_release_person_id_known FOREIGN KEY (person_id) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.helpdesk_event
    ADD CONSTRAINT helpdesk_event_ticket_id_known FOREIGN KEY (ticket_id) REFERENCES governance.ticket(id);
ALTER TABLE ONLY governance.identity
    ADD CONSTRAINT identity_backup_owner_id_known FOREIGN KEY (backup_owner_id) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.identity_feed
    ADD CONSTRAINT identity_feed_source_known FOREIGN KEY (source) REFERENCES governance.identity_source(name);
ALTER TABLE ONLY governance.identity
    ADD CONSTRAINT identity_owner_id_known FOREIGN KEY (owner_id) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.identity
    ADD CONSTRAINT identity_policy_id_known FOREIGN KEY (policy_id) REFERENCES governance.policy(id);
ALTER TABLE ONLY governance.identity
    ADD CONSTRAINT identity_target_id_known FOREIGN KEY (target_id) REFERENCES governance.target(id);
ALTER TABLE ONLY governance.identity
    ADD CONSTRAINT identity_vendor_id_known FOREIGN KEY (vendor_id) REFERENCES governance.vendor(id);
ALTER TABLE ONLY governance.incarnation_adoption
    ADD CONSTRAINT incarnation_adoption_adopted_by_known FOREIGN KEY (adopted_by) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.incarnation_adoption
    ADD CONSTRAINT incarnation_adoption_incarnation_id_known FOREIGN KEY (incarnation_id) REFERENCES governance.incarnation(id);
ALTER TABLE ONLY governance.incarnation
    ADD CONSTRAINT incarnation_confirmed_by_known FOREIGN KEY (confirmed_by) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.operator_permission
    ADD CONSTRAINT operator_permission_granted_by_known FOREIGN KEY (granted_by) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.operator_permission
    ADD CONSTRAINT operator_permission_person_id_known FOREIGN KEY (person_id) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.operator_permission
    ADD CONSTRAINT operator_permission_withdrawn_by_known FOREIGN KEY (withdrawn_by) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.permit
    ADD CONSTRAINT permit_authorization_id_known FOREIGN KEY (authorization_id) REFERENCES governance."authorization"(id);
ALTER TABLE ONLY governance.person_account
    ADD CONSTRAINT person_account_person_id_known FOREIGN KEY (person_id) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.person
    ADD CONSTRAINT person_manager_id_known FOREIGN KEY (manager_id) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.person
    ADD CONSTRAINT person_source_known FOREIGN KEY (source) REFERENCES governance.identity_source(name);
ALTER TABLE ONLY governance.policy_decision
    ADD CONSTRAINT policy_decision_person_id_known FOREIGN KEY (person_id) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.policy_decision
    ADD CONSTRAINT policy_decision_version_known FOREIGN KEY (policy, version) REFERENCES governance.policy_version(policy, version);
ALTER TABLE ONLY governance.policy_version
    ADD CONSTRAINT policy_version_proposed_by_known FOREIGN KEY (proposed_by) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.reapproval
    ADD CONSTRAINT reapproval_identity_id_known FOREIGN KEY (identity_id) REFERENCES governance.identity(id);
ALTER TABLE ONLY governance.request
    ADD CONSTRAINT request_beneficiary_id_known FOREIGN KEY (beneficiary_id) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.request
    ADD CONSTRAINT request_delegated_approver_id_known FOREIGN KEY (delegated_approver_id) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.request
    ADD CONSTRAINT request_identity_id_known FOREIGN KEY (identity_id) REFERENCES governance.identity(id);
ALTER TABLE ONLY governance.request
    ADD CONSTRAINT request_requester_id_known FOREIGN KEY (requester_id) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.request_withdrawal
    ADD CONSTRAINT request_withdrawal_person_id_known FOREIGN KEY (person_id) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.role_assignment
    ADD CONSTRAINT role_assignment_person_id_known FOREIGN KEY (person_id) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.role_assignment
    ADD CONSTRAINT role_assignment_target_id_known FOREIGN KEY (target_id) REFERENCES governance.target(id);
ALTER TABLE ONLY governance.scim_client
    ADD CONSTRAINT scim_client_added_by_known FOREIGN KEY (added_by) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.scim_client
    ADD CONSTRAINT scim_client_removed_by_known FOREIGN KEY (removed_by) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.scim_client
    ADD CONSTRAINT scim_client_source_known FOREIGN KEY (source) REFERENCES governance.identity_source(name);
ALTER TABLE ONLY governance.scim_resource
    ADD CONSTRAINT scim_resource_person_id_known FOREIGN KEY (person_id) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.scim_resource
    ADD CONSTRAINT scim_resource_source_known FOREIGN KEY (source) REFERENCES governance.identity_source(name);
ALTER TABLE ONLY governance.signing_key
    ADD CONSTRAINT signing_key_person_id_known FOREIGN KEY (person_id) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.target
    ADD CONSTRAINT target_owner_id_known FOREIGN KEY (owner_id) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.ticket
    ADD CONSTRAINT ticket_excused_by_known FOREIGN KEY (excused_by) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.ticket
    ADD CONSTRAINT ticket_identity_id_known FOREIGN KEY (identity_id) REFERENCES governance.identity(id);
ALTER TABLE ONLY governance.ticket_note
    ADD CONSTRAINT ticket_note_ticket_id_known FOREIGN KEY (ticket_id) REFERENCES governance.ticket(id);
ALTER TABLE ONLY governance.toxic_pair
    ADD CONSTRAINT toxic_pair_target_id_known FOREIGN KEY (target_id) REFERENCES governance.target(id);
ALTER TABLE ONLY governance.vendor
    ADD CONSTRAINT vendor_sponsor_id_known FOREIGN KEY (sponsor_id) REFERENCES governance.person(id);
ALTER TABLE ONLY lifecycle.consumer
    ADD CONSTRAINT consumer_added_by_known FOREIGN KEY (added_by) REFERENCES governance.person(id);
ALTER TABLE ONLY lifecycle.consumer
    ADD CONSTRAINT consumer_credential_id_known FOREIGN KEY (credential_id) REFERENCES lifecycle.credential(id);
ALTER TABLE ONLY lifecycle.consumer_version
    ADD CONSTRAINT consumer_version_consumer_id_known FOREIGN KEY (consumer_id) REFERENCES lifecycle.consumer(id);
ALTER TABLE ONLY lifecycle.containment
    ADD CONSTRAINT containment_break_glass_id_known FOREIGN KEY (break_glass_id) REFERENCES governance.break_glass(id);
ALTER TABLE ONLY lifecycle.containment_item
    ADD CONSTRAINT containment_item_authorization_id_known FOREIGN KEY (authorization_id) REFERENCES governance."authorization"(id);
ALTER TABLE ONLY lifecycle.containment_item
    ADD CONSTRAINT containment_item_containment_target_id_known FOREIGN KEY (containment_target_id) REFERENCES lifecycle.containment_target(id);
ALTER TABLE ONLY lifecycle.containment_item
    ADD CONSTRAINT containment_item_credential_id_known FOREIGN KEY (credential_id) REFERENCES lifecycle.credential(id);
ALTER TABLE ONLY lifecycle.containment_item
    ADD CONSTRAINT containment_item_permit_id_known FOREIGN KEY (permit_id) REFERENCES governance.permit(id);
ALTER TABLE ONLY lifecycle.containment
    ADD CONSTRAINT containment_permission_id_known FOREIGN KEY (permission_id) REFERENCES governance.operator_permission(id);
ALTER TABLE ONLY lifecycle.containment
    ADD CONSTRAINT containment_requested_by_known FOREIGN KEY (requested_by) REFERENCES governance.person(id);
ALTER TABLE ONLY lifecycle.containment_target
    ADD CONSTRAINT containment_target_containment_id_known FOREIGN KEY (containment_id) REFERENCES lifecycle.containment(id);
ALTER TABLE ONLY lifecycle.containment_target
    ADD CONSTRAINT containment_target_target_id_known FOREIGN KEY (target_id) REFERENCES governance.target(id);
ALTER TABLE ONLY lifecycle.credential
    ADD CONSTRAINT credential_authorization_id_known FOREIGN KEY (authorization_id) REFERENCES governance."authorization"(id);
ALTER TABLE ONLY lifecycle.credential
    ADD CONSTRAINT credential_identity_id_known FOREIGN KEY (identity_id) REFERENCES governance.identity(id);
ALTER TABLE ONLY lifecycle.credential
    ADD CONSTRAINT credential_target_id_known FOREIGN KEY (target_id) REFERENCES governance.target(id);
ALTER TABLE ONLY lifecycle.delivery
    ADD CONSTRAINT delivery_consumer_id_known FOREIGN KEY (consumer_id) REFERENCES lifecycle.consumer(id);
ALTER TABLE ONLY lifecycle.discovery
    ADD CONSTRAINT discovery_target_id_known FOREIGN KEY (target_id) REFERENCES governance.target(id);
ALTER TABLE ONLY lifecycle.effect
    ADD CONSTRAINT effect_permit_id_known FOREIGN KEY (permit_id) REFERENCES governance.permit(id);
ALTER TABLE ONLY lifecycle.effect
    ADD CONSTRAINT effect_rotation_id_known FOREIGN KEY (rotation_id, credential_id) REFERENCES lifecycle.rotation(id, credential_id);
ALTER TABLE ONLY lifecycle.finding
    ADD CONSTRAINT finding_explained_by_known FOREIGN KEY (explained_by) REFERENCES governance.person(id);
ALTER TABLE ONLY lifecycle.finding
    ADD CONSTRAINT finding_identity_id_known FOREIGN KEY (identity_id) REFERENCES governance.identity(id);
ALTER TABLE ONLY lifecycle.finding
    ADD CONSTRAINT finding_target_id_known FOREIGN KEY (target_id) REFERENCES governance.target(id);
ALTER TABLE ONLY lifecycle.login_try
    ADD CONSTRAINT login_try_credential_id_known FOREIGN KEY (credential_id) REFERENCES lifecycle.credential(id);
ALTER TABLE ONLY lifecycle.lost_authority
    ADD CONSTRAINT lost_authority_authorization_id_known FOREIGN KEY (authorization_id) REFERENCES governance."authorization"(id);
ALTER TABLE ONLY lifecycle.lost_authority
    ADD CONSTRAINT lost_authority_credential_id_known FOREIGN KEY (credential_id) REFERENCES lifecycle.credential(id);
ALTER TABLE ONLY lifecycle.lost_authority
    ADD CONSTRAINT lost_authority_rotation_id_known FOREIGN KEY (rotation_id, credential_id) REFERENCES lifecycle.rotation(id, credential_id);
ALTER TABLE ONLY lifecycle.rotation
    ADD CONSTRAINT rotation_authorization_id_known FOREIGN KEY (authorization_id) REFERENCES governance."authorization"(id);
ALTER TABLE ONLY lifecycle.rotation_commit
    ADD CONSTRAINT rotation_commit_rotation_id_known FOREIGN KEY (rotation_id, credential_id) REFERENCES lifecycle.rotation(id, credential_id);
ALTER TABLE ONLY lifecycle.rotation
    ADD CONSTRAINT rotation_credential_id_known FOREIGN KEY (credential_id) REFERENCES lifecycle.credential(id);
ALTER TABLE ONLY lifecycle.rotation
    ADD CONSTRAINT rotation_requested_by_known FOREIGN KEY (requested_by) REFERENCES governance.person(id);
ALTER TABLE ONLY lifecycle.standby_admin
    ADD CONSTRAINT standby_admin_target_id_known FOREIGN KEY (target_id) REFERENCES governance.target(id);
ALTER TABLE ONLY lifecycle.verification
    ADD CONSTRAINT verification_credential_id_known FOREIGN KEY (credential_id) REFERENCES lifecycle.credential(id);
ALTER TABLE ONLY lifecycle.version
    ADD CONSTRAINT version_credential_id_known FOREIGN KEY (credential_id) REFERENCES lifecycle.credential(id);
ALTER TABLE ONLY lifecycle.waiver
    ADD CONSTRAINT waiver_credential_id_known FOREIGN KEY (credential_id) REFERENCES lifecycle.credential(id);
ALTER TABLE ONLY lifecycle.waiver
    ADD CONSTRAINT waiver_permission_id_known FOREIGN KEY (permission_id) REFERENCES governance.operator_permission(id);
ALTER TABLE ONLY lifecycle.waiver
    ADD CONSTRAINT waiver_rotation_id_known FOREIGN KEY (rotation_id, credential_id) REFERENCES lifecycle.rotation(id, credential_id);
ALTER TABLE ONLY lifecycle.waiver
    ADD CONSTRAINT waiver_waived_by_known FOREIGN KEY (waived_by) REFERENCES governance.person(id);
GRANT USAGE ON SCHEMA evidence TO keyturn_engine;
GRANT USAGE ON SCHEMA evidence TO keyturn_auditor;
GRANT USAGE ON SCHEMA governance TO keyturn_engine;
GRANT USAGE ON SCHEMA governance TO keyturn_auditor;
GRANT USAGE ON SCHEMA jobs TO keyturn_engine;
GRANT USAGE ON SCHEMA jobs TO keyturn_auditor;
GRANT USAGE ON SCHEMA keyturn TO keyturn_engine;
GRANT USAGE ON SCHEMA keyturn TO keyturn_auditor;
GRANT USAGE ON SCHEMA keyturn TO keyturn_dashboard;
GRANT USAGE ON SCHEMA lifecycle TO keyturn_engine;
GRANT USAGE ON SCHEMA lifecycle TO keyturn_auditor;
REVOKE ALL ON FUNCTION evidence.accept(in_epoch bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION evidence.accept(in_epoch bigint) TO keyturn_engine;
REVOKE ALL ON FUNCTION evidence.begin_anew(new_origin text, new_vkey text, last_size bigint, last_root bytea, last_note text, actor uuid, why text) FROM PUBLIC;
GRANT ALL ON FUNCTION evidence.begin_anew(new_origin text, new_vkey text, last_size bigint, last_root bytea, last_note text, actor uuid, why text) TO keyturn_engine;
REVOKE ALL ON FUNCTION evidence.begin_log(new_origin text, new_vkey text) FROM PUBLIC;
GRANT ALL ON FUNCTION evidence.begin_log(new_origin text, new_vkey text) TO keyturn_engine;
REVOKE ALL ON FUNCTION evidence.erase(person uuid, actor uuid, reason text, OUT erased bigint, OUT held bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION evidence.erase(person uuid, actor uuid, reason text, OUT erased bigint, OUT held bigint) TO keyturn_engine;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.identity TO keyturn_engine;
GRANT SELECT ON TABLE governance.identity TO keyturn_auditor;
GRANT SELECT ON TABLE evidence.hold TO keyturn_engine;
GRANT SELECT ON TABLE evidence.hold TO keyturn_auditor;
GRANT SELECT ON TABLE evidence.refusal TO keyturn_engine;
GRANT SELECT ON TABLE evidence.refusal TO keyturn_auditor;
REVOKE ALL ON FUNCTION evidence.keep(of_type text, days integer, actor uuid, why text) FROM PUBLIC;
GRANT ALL ON FUNCTION evidence.keep(of_type text, days integer, actor uuid, why text) TO keyturn_engine;
REVOKE ALL ON FUNCTION evidence.keep_lead(in_epoch bigint, seconds double precision) FROM PUBLIC;
GRANT ALL ON FUNCTION evidence.keep_lead(in_epoch bigint, seconds double precision) TO keyturn_engine;
REVOKE ALL ON FUNCTION evidence.lead(name text, seconds double precision) FROM PUBLIC;
GRANT ALL ON FUNCTION evidence.lead(name text, seconds double precision) TO keyturn_engine;
REVOKE ALL ON FUNCTION evidence.leave_lead(in_epoch bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION evidence.leave_lead(in_epoch bigint) TO keyturn_engine;
REVOKE ALL ON FUNCTION evidence.lift_hold(on_case uuid, on_person uuid, actor uuid, reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION evidence.lift_hold(on_case uuid, on_person uuid, actor uuid, reason text) TO keyturn_engine;
REVOKE ALL ON FUNCTION evidence.place_hold(on_case uuid, on_person uuid, actor uuid, reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION evidence.place_hold(on_case uuid, on_person uuid, actor uuid, reason text) TO keyturn_engine;
REVOKE ALL ON FUNCTION evidence.prune(most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION evidence.prune(most integer) TO keyturn_engine;
REVOKE ALL ON FUNCTION evidence.refuse(in_epoch bigint, why_code text, why text) FROM PUBLIC;
GRANT ALL ON FUNCTION evidence.refuse(in_epoch bigint, why_code text, why text) TO keyturn_engine;
REVOKE ALL ON FUNCTION evidence.repair(run_firsts bigint[], run_counts integer[], cases uuid[], sequences integer[], hashes bytea[], types text[], times timestamp with time zone[], bodies bytea[], levels smallint[], numbers bigint[], tiles bytea[], roots bytea[], marks bigint[], old_size bigint, old_root bytea, new_size bigint, new_root bytea, new_note text, actor uuid, why text, detail text) FROM PUBLIC;
REVOKE ALL ON FUNCTION evidence.seal(in_epoch bigint, old_size bigint, batches bigint[], levels smallint[], numbers bigint[], tiles bytea[], roots bytea[], new_size bigint, new_root bytea, new_note text, seconds double precision) FROM PUBLIC;
GRANT ALL ON FUNCTION evidence.seal(in_epoch bigint, old_size bigint, batches bigint[], levels smallint[], numbers bigint[], tiles bytea[], roots bytea[], new_size bigint, new_root bytea, new_note text, seconds double precision) TO keyturn_engine;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.here TO keyturn_engine;
GRANT SELECT ON TABLE governance.here TO keyturn_auditor;
REVOKE ALL ON FUNCTION jobs.drop_archive_partitions(keep integer) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.drop_archive_partitions(keep integer) TO keyturn_engine;
REVOKE ALL ON FUNCTION jobs.make_archive_partitions(ahead integer) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.make_archive_partitions(ahead integer) TO keyturn_engine;
GRANT SELECT,USAGE ON SEQUENCE jobs.job_position TO keyturn_engine;
GRANT SELECT,INSERT ON TABLE evidence.batch TO keyturn_engine;
GRANT SELECT ON TABLE evidence.batch TO keyturn_auditor;
GRANT USAGE ON SEQUENCE evidence.batch_id TO keyturn_engine;
GRANT SELECT,INSERT ON TABLE evidence.event TO keyturn_engine;
GRANT SELECT ON TABLE evidence.event TO keyturn_auditor;
GRANT SELECT ON TABLE evidence.former_log TO keyturn_engine;
GRANT SELECT ON TABLE evidence.former_log TO keyturn_auditor;
GRANT SELECT ON TABLE evidence.log TO keyturn_engine;
GRANT SELECT ON TABLE evidence.log TO keyturn_auditor;
GRANT SELECT,INSERT ON TABLE evidence.opening TO keyturn_engine;
GRANT SELECT ON TABLE evidence.opening TO keyturn_auditor;
GRANT SELECT,INSERT ON TABLE evidence.outbox TO keyturn_engine;
GRANT SELECT ON TABLE evidence.outbox TO keyturn_auditor;
GRANT SELECT ON TABLE evidence.pruned TO keyturn_engine;
GRANT SELECT ON TABLE evidence.pruned TO keyturn_auditor;
GRANT SELECT,INSERT ON TABLE evidence.pseudonym TO keyturn_engine;
GRANT SELECT ON TABLE evidence.pseudonym TO keyturn_auditor;
GRANT SELECT ON TABLE evidence.retention TO keyturn_engine;
GRANT SELECT ON TABLE evidence.retention TO keyturn_auditor;
GRANT SELECT ON TABLE evidence.sealed TO keyturn_engine;
GRANT SELECT ON TABLE evidence.sealed TO keyturn_auditor;
GRANT SELECT ON TABLE evidence.tile TO keyturn_engine;
GRANT SELECT ON TABLE evidence.tile TO keyturn_auditor;
GRANT SELECT,INSERT ON TABLE evidence."timestamp" TO keyturn_engine;
GRANT SELECT ON TABLE evidence."timestamp" TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.approval TO keyturn_engine;
GRANT SELECT ON TABLE governance.approval TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.approval_withdrawal TO keyturn_engine;
GRANT SELECT ON TABLE governance.approval_withdrawal TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance."authorization" TO keyturn_engine;
GRANT SELECT ON TABLE governance."authorization" TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.break_glass TO keyturn_engine;
GRANT SELECT ON TABLE governance.break_glass TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.decision TO keyturn_engine;
GRANT SELECT ON TABLE governance.decision TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.delegation TO keyturn_engine;
GRANT SELECT ON TABLE governance.delegation TO keyturn_auditor;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE governance.embargo TO keyturn_engine;
GRANT SELECT ON TABLE governance.embargo TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.entitlement TO keyturn_engine;
GRANT SELECT ON TABLE governance.entitlement TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.feed_release TO keyturn_engine;
GRANT SELECT ON TABLE governance.feed_release TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.helpdesk_event TO keyturn_engine;
GRANT SELECT ON TABLE governance.helpdesk_event TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.identity_feed TO keyturn_engine;
GRANT SELECT ON TABLE governance.identity_feed TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.identity_source TO keyturn_engine;
GRANT SELECT ON TABLE governance.identity_source TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.incarnation TO keyturn_engine;
GRANT SELECT ON TABLE governance.incarnation TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.incarnation_adoption TO keyturn_engine;
GRANT SELECT ON TABLE governance.incarnation_adoption TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.live_incarnation TO keyturn_engine;
GRANT SELECT ON TABLE governance.live_incarnation TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.operator_permission TO keyturn_engine;
GRANT SELECT ON TABLE governance.operator_permission TO keyturn_auditor;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE governance.owed_tickets TO keyturn_engine;
GRANT SELECT ON TABLE governance.owed_tickets TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.permit TO keyturn_engine;
GRANT SELECT ON TABLE governance.permit TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.person TO keyturn_engine;
GRANT SELECT ON TABLE governance.person TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.person_account TO keyturn_engine;
GRANT SELECT ON TABLE governance.person_account TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.policy TO keyturn_engine;
GRANT SELECT ON TABLE governance.policy TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.policy_decision TO keyturn_engine;
GRANT SELECT ON TABLE governance.policy_decision TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.policy_version TO keyturn_engine;
GRANT SELECT ON TABLE governance.policy_version TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.reapproval TO keyturn_engine;
GRANT SELECT ON TABLE governance.reapproval TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.recheck TO keyturn_engine;
GRANT SELECT ON TABLE governance.recheck TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.request TO keyturn_engine;
GRANT SELECT ON TABLE governance.request TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.request_withdrawal TO keyturn_engine;
GRANT SELECT ON TABLE governance.request_withdrawal TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.role_assignment TO keyturn_engine;
GRANT SELECT ON TABLE governance.role_assignment TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.scim_client TO keyturn_engine;
GRANT SELECT(id) ON TABLE governance.scim_client TO keyturn_auditor;
GRANT SELECT(source) ON TABLE governance.scim_client TO keyturn_auditor;
GRANT SELECT(name) ON TABLE governance.scim_client TO keyturn_auditor;
GRANT SELECT(added_by) ON TABLE governance.scim_client TO keyturn_auditor;
GRANT SELECT(reason) ON TABLE governance.scim_client TO keyturn_auditor;
GRANT SELECT(created_at) ON TABLE governance.scim_client TO keyturn_auditor;
GRANT SELECT(expires_at) ON TABLE governance.scim_client TO keyturn_auditor;
GRANT SELECT(removed_at) ON TABLE governance.scim_client TO keyturn_auditor;
GRANT SELECT(removed_by) ON TABLE governance.scim_client TO keyturn_auditor;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE governance.scim_resource TO keyturn_engine;
GRANT SELECT ON TABLE governance.scim_resource TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.signing_key TO keyturn_engine;
GRANT SELECT ON TABLE governance.signing_key TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.target TO keyturn_engine;
GRANT SELECT(id) ON TABLE governance.target TO keyturn_auditor;
GRANT SELECT(bucket) ON TABLE governance.target TO keyturn_auditor;
GRANT SELECT(name) ON TABLE governance.target TO keyturn_auditor;
GRANT SELECT(kind) ON TABLE governance.target TO keyturn_auditor;
GRANT SELECT(environment) ON TABLE governance.target TO keyturn_auditor;
GRANT SELECT(settings) ON TABLE governance.target TO keyturn_auditor;
GRANT SELECT(admin_version) ON TABLE governance.target TO keyturn_auditor;
GRANT SELECT(examined_at) ON TABLE governance.target TO keyturn_auditor;
GRANT SELECT(created_at) ON TABLE governance.target TO keyturn_auditor;
GRANT SELECT(owner_id) ON TABLE governance.target TO keyturn_auditor;
GRANT SELECT(criticality) ON TABLE governance.target TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.ticket TO keyturn_engine;
GRANT SELECT ON TABLE governance.ticket TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.ticket_note TO keyturn_engine;
GRANT SELECT ON TABLE governance.ticket_note TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.toxic_pair TO keyturn_engine;
GRANT SELECT ON TABLE governance.toxic_pair TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.vendor TO keyturn_engine;
GRANT SELECT ON TABLE governance.vendor TO keyturn_auditor;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobs.job TO keyturn_engine;
GRANT SELECT ON TABLE jobs.job TO keyturn_auditor;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobs.job_archive TO keyturn_engine;
GRANT SELECT ON TABLE jobs.job_archive TO keyturn_auditor;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobs.job_archive_default TO keyturn_engine;
GRANT SELECT ON TABLE jobs.job_archive_default TO keyturn_auditor;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobs.limit_group TO keyturn_engine;
GRANT SELECT ON TABLE jobs.limit_group TO keyturn_auditor;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobs.maintenance TO keyturn_engine;
GRANT SELECT ON TABLE jobs.maintenance TO keyturn_auditor;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobs.operator_action TO keyturn_engine;
GRANT SELECT ON TABLE jobs.operator_action TO keyturn_auditor;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobs.statistic TO keyturn_engine;
GRANT SELECT ON TABLE jobs.statistic TO keyturn_auditor;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobs.worker TO keyturn_engine;
GRANT SELECT ON TABLE jobs.worker TO keyturn_auditor;
GRANT SELECT ON TABLE keyturn.schema_migration TO keyturn_engine;
GRANT SELECT ON TABLE keyturn.schema_migration TO keyturn_auditor;
GRANT SELECT ON TABLE keyturn.schema_migration TO keyturn_dashboard;
GRANT SELECT,INSERT,UPDATE ON TABLE lifecycle.alarm TO keyturn_engine;
GRANT SELECT ON TABLE lifecycle.alarm TO keyturn_auditor;
GRANT SELECT ON TABLE keyturn.v_alarm TO keyturn_engine;
GRANT SELECT ON TABLE keyturn.v_alarm TO keyturn_auditor;
GRANT SELECT ON TABLE keyturn.v_alarm TO keyturn_dashboard;
GRANT SELECT ON TABLE keyturn.v_break_glass TO keyturn_engine;
GRANT SELECT ON TABLE keyturn.v_break_glass TO keyturn_auditor;
GRANT SELECT ON TABLE keyturn.v_break_glass TO keyturn_dashboard;
GRANT SELECT,INSERT,UPDATE ON TABLE lifecycle.consumer TO keyturn_engine;
GRANT SELECT(id) ON TABLE lifecycle.consumer TO keyturn_auditor;
GRANT SELECT(credential_id) ON TABLE lifecycle.consumer TO keyturn_auditor;
GRANT SELECT(name) ON TABLE lifecycle.consumer TO keyturn_auditor;
GRANT SELECT(added_by) ON TABLE lifecycle.consumer TO keyturn_auditor;
GRANT SELECT(created_at) ON TABLE lifecycle.consumer TO keyturn_auditor;
GRANT SELECT(expires_at) ON TABLE lifecycle.consumer TO keyturn_auditor;
GRANT SELECT(removed_at) ON TABLE lifecycle.consumer TO keyturn_auditor;
GRANT SELECT(webhook_url) ON TABLE lifecycle.consumer TO keyturn_auditor;
GRANT SELECT(webhook_key_id) ON TABLE lifecycle.consumer TO keyturn_auditor;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE lifecycle.consumer_version TO keyturn_engine;
GRANT SELECT ON TABLE lifecycle.consumer_version TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE lifecycle.credential TO keyturn_engine;
GRANT SELECT ON TABLE lifecycle.credential TO keyturn_auditor;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE lifecycle.delivery TO keyturn_engine;
GRANT SELECT ON TABLE lifecycle.delivery TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE lifecycle.version TO keyturn_engine;
GRANT SELECT(credential_id) ON TABLE lifecycle.version TO keyturn_auditor;
GRANT SELECT(number) ON TABLE lifecycle.version TO keyturn_auditor;
GRANT SELECT(state) ON TABLE lifecycle.version TO keyturn_auditor;
GRANT SELECT(login) ON TABLE lifecycle.version TO keyturn_auditor;
GRANT SELECT(key_id) ON TABLE lifecycle.version TO keyturn_auditor;
GRANT SELECT(created_at) ON TABLE lifecycle.version TO keyturn_auditor;
GRANT SELECT(published_at) ON TABLE lifecycle.version TO keyturn_auditor;
GRANT SELECT(ended_at) ON TABLE lifecycle.version TO keyturn_auditor;
GRANT SELECT ON TABLE keyturn.v_consumer TO keyturn_engine;
GRANT SELECT ON TABLE keyturn.v_consumer TO keyturn_auditor;
GRANT SELECT ON TABLE keyturn.v_consumer TO keyturn_dashboard;
GRANT SELECT,INSERT,UPDATE ON TABLE lifecycle.containment TO keyturn_engine;
GRANT SELECT ON TABLE lifecycle.containment TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE lifecycle.containment_item TO keyturn_engine;
GRANT SELECT ON TABLE lifecycle.containment_item TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE lifecycle.containment_target TO keyturn_engine;
GRANT SELECT ON TABLE lifecycle.containment_target TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE lifecycle.rotation TO keyturn_engine;
GRANT SELECT ON TABLE lifecycle.rotation TO keyturn_auditor;
GRANT SELECT ON TABLE keyturn.v_containment TO keyturn_engine;
GRANT SELECT ON TABLE keyturn.v_containment TO keyturn_auditor;
GRANT SELECT ON TABLE keyturn.v_containment TO keyturn_dashboard;
GRANT SELECT,INSERT,UPDATE ON TABLE lifecycle.verification TO keyturn_engine;
GRANT SELECT ON TABLE lifecycle.verification TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE lifecycle.waiver TO keyturn_engine;
GRANT SELECT ON TABLE lifecycle.waiver TO keyturn_auditor;
GRANT SELECT ON TABLE keyturn.v_credential TO keyturn_engine;
GRANT SELECT ON TABLE keyturn.v_credential TO keyturn_auditor;
GRANT SELECT ON TABLE keyturn.v_credential TO keyturn_dashboard;
GRANT SELECT,INSERT,UPDATE ON TABLE lifecycle.discovery TO keyturn_engine;
GRANT SELECT ON TABLE lifecycle.discovery TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE lifecycle.finding TO keyturn_engine;
GRANT SELECT ON TABLE lifecycle.finding TO keyturn_auditor;
GRANT SELECT ON TABLE keyturn.v_discovery TO keyturn_engine;
GRANT SELECT ON TABLE keyturn.v_discovery TO keyturn_auditor;
GRANT SELECT ON TABLE keyturn.v_discovery TO keyturn_dashboard;
GRANT SELECT ON TABLE keyturn.v_evidence TO keyturn_engine;
GRANT SELECT ON TABLE keyturn.v_evidence TO keyturn_auditor;
GRANT SELECT ON TABLE keyturn.v_evidence TO keyturn_dashboard;
GRANT SELECT ON TABLE keyturn.v_finding TO keyturn_engine;
GRANT SELECT ON TABLE keyturn.v_finding TO keyturn_auditor;
GRANT SELECT ON TABLE keyturn.v_finding TO keyturn_dashboard;
GRANT SELECT ON TABLE keyturn.v_finished_job TO keyturn_engine;
GRANT SELECT ON TABLE keyturn.v_finished_job TO keyturn_auditor;
GRANT SELECT ON TABLE keyturn.v_finished_job TO keyturn_dashboard;
GRANT SELECT ON TABLE keyturn.v_job TO keyturn_engine;
GRANT SELECT ON TABLE keyturn.v_job TO keyturn_auditor;
GRANT SELECT ON TABLE keyturn.v_job TO keyturn_dashboard;
GRANT SELECT ON TABLE keyturn.v_operator_action TO keyturn_engine;
GRANT SELECT ON TABLE keyturn.v_operator_action TO keyturn_auditor;
GRANT SELECT ON TABLE keyturn.v_operator_action TO keyturn_dashboard;
GRANT SELECT ON TABLE keyturn.v_queue_minute TO keyturn_engine;
GRANT SELECT ON TABLE keyturn.v_queue_minute TO keyturn_auditor;
GRANT SELECT ON TABLE keyturn.v_queue_minute TO keyturn_dashboard;
GRANT SELECT,INSERT,UPDATE ON TABLE lifecycle.effect TO keyturn_engine;
GRANT SELECT ON TABLE lifecycle.effect TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE lifecycle.rotation_commit TO keyturn_engine;
GRANT SELECT ON TABLE lifecycle.rotation_commit TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE lifecycle.proof TO keyturn_engine;
GRANT SELECT ON TABLE lifecycle.proof TO keyturn_auditor;
GRANT SELECT ON TABLE keyturn.v_rotation TO keyturn_engine;
GRANT SELECT ON TABLE keyturn.v_rotation TO keyturn_auditor;
GRANT SELECT ON TABLE keyturn.v_rotation TO keyturn_dashboard;
GRANT SELECT ON TABLE keyturn.v_sla TO keyturn_engine;
GRANT SELECT ON TABLE keyturn.v_sla TO keyturn_auditor;
GRANT SELECT ON TABLE keyturn.v_sla TO keyturn_dashboard;
GRANT SELECT ON TABLE keyturn.v_target TO keyturn_engine;
GRANT SELECT ON TABLE keyturn.v_target TO keyturn_auditor;
GRANT SELECT ON TABLE keyturn.v_target TO keyturn_dashboard;
GRANT SELECT,INSERT,UPDATE ON TABLE lifecycle.target_trial TO keyturn_engine;
GRANT SELECT ON TABLE lifecycle.target_trial TO keyturn_auditor;
GRANT SELECT ON TABLE keyturn.v_target_trial TO keyturn_engine;
GRANT SELECT ON TABLE keyturn.v_target_trial TO keyturn_auditor;
GRANT SELECT ON TABLE keyturn.v_target_trial TO keyturn_dashboard;
GRANT SELECT ON TABLE keyturn.v_ticket TO keyturn_engine;
GRANT SELECT ON TABLE keyturn.v_ticket TO keyturn_auditor;
GRANT SELECT ON TABLE keyturn.v_ticket TO keyturn_dashboard;
GRANT SELECT ON TABLE keyturn.v_worker TO keyturn_engine;
GRANT SELECT ON TABLE keyturn.v_worker TO keyturn_auditor;
GRANT SELECT ON TABLE keyturn.v_worker TO keyturn_dashboard;
GRANT SELECT,INSERT,UPDATE ON TABLE lifecycle.login_try TO keyturn_engine;
GRANT SELECT ON TABLE lifecycle.login_try TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE lifecycle.lost_authority TO keyturn_engine;
GRANT SELECT ON TABLE lifecycle.lost_authority TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE lifecycle.rotation_step TO keyturn_engine;
GRANT SELECT ON TABLE lifecycle.rotation_step TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE lifecycle.standby_admin TO keyturn_engine;
GRANT SELECT(target_id) ON TABLE lifecycle.standby_admin TO keyturn_auditor;
GRANT SELECT(login) ON TABLE lifecycle.standby_admin TO keyturn_auditor;
GRANT SELECT(version) ON TABLE lifecycle.standby_admin TO keyturn_auditor;
GRANT SELECT(candidate_version) ON TABLE lifecycle.standby_admin TO keyturn_auditor;
GRANT SELECT(phase) ON TABLE lifecycle.standby_admin TO keyturn_auditor;
GRANT SELECT(wait_until) ON TABLE lifecycle.standby_admin TO keyturn_auditor;
GRANT SELECT(overlap) ON TABLE lifecycle.standby_admin TO keyturn_auditor;
GRANT SELECT(rotate_every) ON TABLE lifecycle.standby_admin TO keyturn_auditor;
GRANT SELECT(fence) ON TABLE lifecycle.standby_admin TO keyturn_auditor;
GRANT SELECT(requested_by) ON TABLE lifecycle.standby_admin TO keyturn_auditor;
GRANT SELECT(reason) ON TABLE lifecycle.standby_admin TO keyturn_auditor;
GRANT SELECT(rotated_at) ON TABLE lifecycle.standby_admin TO keyturn_auditor;
ALTER DEFAULT PRIVILEGES FOR ROLE keyturn_owner IN SCHEMA evidence GRANT SELECT,INSERT ON TABLES  TO keyturn_engine;
ALTER DEFAULT PRIVILEGES FOR ROLE keyturn_owner IN SCHEMA evidence GRANT SELECT ON TABLES  TO keyturn_auditor;
ALTER DEFAULT PRIVILEGES FOR ROLE keyturn_owner IN SCHEMA governance GRANT SELECT,INSERT,UPDATE ON TABLES  TO keyturn_engine;
ALTER DEFAULT PRIVILEGES FOR ROLE keyturn_owner IN SCHEMA governance GRANT SELECT ON TABLES  TO keyturn_auditor;
ALTER DEFAULT PRIVILEGES FOR ROLE keyturn_owner IN SCHEMA jobs GRANT SELECT,INSERT,DELETE,UPDATE ON TABLES  TO keyturn_engine;
ALTER DEFAULT PRIVILEGES FOR ROLE keyturn_owner IN SCHEMA jobs GRANT SELECT ON TABLES  TO keyturn_auditor;
ALTER DEFAULT PRIVILEGES FOR ROLE keyturn_owner IN SCHEMA keyturn GRANT SELECT ON TABLES  TO keyturn_engine;
ALTER DEFAULT PRIVILEGES FOR ROLE keyturn_owner IN SCHEMA keyturn GRANT SELECT ON TABLES  TO keyturn_auditor;
ALTER DEFAULT PRIVILEGES FOR ROLE keyturn_owner IN SCHEMA keyturn GRANT SELECT ON TABLES  TO keyturn_dashboard;
ALTER DEFAULT PRIVILEGES FOR ROLE keyturn_owner IN SCHEMA lifecycle GRANT SELECT,INSERT,UPDATE ON TABLES  TO keyturn_engine;
