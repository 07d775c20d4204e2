-- breaking: yes
-- reason: the evidence log: events, sealing, personal data, and the triggers that record every decision and change

SET LOCAL ROLE keyturn_owner;

CREATE SCHEMA evidence;
GRANT USAGE ON SCHEMA evidence TO keyturn_engine, keyturn_auditor;
ALTER DEFAULT PRIVILEGES IN SCHEMA evidence GRANT SELECT, INSERT ON TABLES TO keyturn_engine;
ALTER DEFAULT PRIVILEGES IN SCHEMA evidence GRANT SELECT ON TABLES TO keyturn_auditor;

-- One leaf each. `body` is what is hashed, to the byte. Within a case `cs` has no gap: only who holds the case's lock (a
-- rotation's job row, or the advisory lock that evidence.record takes) appends to it, and the key refuses what is wrong.
CREATE TABLE evidence.event (
  at timestamptz NOT NULL,
  case_id uuid NOT NULL,
  batch bigint NOT NULL,
  cs integer NOT NULL CONSTRAINT event_cs_positive CHECK (cs >= 1),
  -- The place in the batch, from 0.
  n integer NOT NULL CONSTRAINT event_n_positive CHECK (n >= 0),
  type text NOT NULL CONSTRAINT event_type_length CHECK (length(type) BETWEEN 3 AND 40),
  body bytea NOT NULL CONSTRAINT event_body_length CHECK (length(body) <= 16384),
  CONSTRAINT event_pkey PRIMARY KEY (case_id, cs)
);
-- Populations for samples.
CREATE INDEX event_opened ON evidence.event (at) WHERE type = 'rotation.opened';

-- What one commit recorded: the unit of sealing. `hashes` are the leaves' hashes, 32 bytes each.
CREATE TABLE evidence.batch (
  id bigint CONSTRAINT batch_pkey PRIMARY KEY,
  count integer NOT NULL CONSTRAINT batch_count_positive CHECK (count >= 1),
  cases uuid[] NOT NULL CONSTRAINT batch_cases_whole CHECK (cardinality(cases) = count),
  sequences integer[] NOT NULL CONSTRAINT batch_sequences_whole CHECK (cardinality(sequences) = count),
  hashes bytea NOT NULL CONSTRAINT batch_hashes_whole CHECK (length(hashes) = 32 * count)
);
-- Random bytes: trying to compress them costs time and saves nothing.
ALTER TABLE evidence.batch ALTER COLUMN hashes SET STORAGE EXTERNAL;
CREATE SEQUENCE evidence.batch_id;
GRANT USAGE ON SEQUENCE evidence.batch_id TO keyturn_engine;

-- What is committed and not sealed. A row that is not visible yet is simply not there: no watermark to fall behind.
CREATE TABLE evidence.outbox (batch bigint CONSTRAINT outbox_pkey PRIMARY KEY)
  WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);

-- Where in the log a batch is: leaf index = first_index + n.
CREATE TABLE evidence.sealed (
  first_index bigint CONSTRAINT sealed_pkey PRIMARY KEY,
  count integer NOT NULL,
  batch bigint NOT NULL CONSTRAINT sealed_batch_once UNIQUE CONSTRAINT sealed_batch_known REFERENCES evidence.batch (id),
  at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Full tiles only; `root` is one hash of the level above.
CREATE TABLE evidence.tile (
  level smallint NOT NULL CONSTRAINT tile_level_range CHECK (level BETWEEN 0 AND 7),
  number bigint NOT NULL CONSTRAINT tile_number_positive CHECK (number >= 0),
  hashes bytea NOT NULL CONSTRAINT tile_hashes_whole CHECK (length(hashes) = 8192),
  root bytea NOT NULL CONSTRAINT tile_root_whole CHECK (length(root) = 32),
  CONSTRAINT tile_pkey PRIMARY KEY (level, number)
);
ALTER TABLE evidence.tile ALTER COLUMN hashes SET STORAGE EXTERNAL;

-- The log's head, and who seals. One row.
CREATE TABLE evidence.log (
  is_it boolean DEFAULT true CONSTRAINT log_pkey PRIMARY KEY CONSTRAINT log_once CHECK (is_it),
  origin text NOT NULL CONSTRAINT log_origin_length CHECK (length(origin) BETWEEN 1 AND 255),
  vkey text NOT NULL CONSTRAINT log_vkey_length CHECK (length(vkey) BETWEEN 1 AND 400),
  size bigint NOT NULL DEFAULT 0,
  root bytea NOT NULL DEFAULT sha256('') CONSTRAINT log_root_whole CHECK (length(root) = 32),
  -- The signed checkpoint of that size; null before the first.
  note text,
  sealed_at timestamptz,
  -- Grows with every change of the one who seals; guards every sealing.
  epoch bigint NOT NULL DEFAULT 0,
  sealer text,
  lease_until timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 50);
REVOKE INSERT ON evidence.log FROM keyturn_engine;
REVOKE INSERT ON evidence.sealed, evidence.tile FROM keyturn_engine;

-- Who a pseudonym stands for. Rows are deleted by erasure.
CREATE TABLE evidence.pseudonym (
  person_id uuid NOT NULL,
  year smallint NOT NULL,
  name uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT pseudonym_name_unique UNIQUE,
  CONSTRAINT pseudonym_pkey PRIMARY KEY (person_id, year)
);

-- What commitments stand for. Rows are deleted by erasure; the leaves stay whole.
CREATE TABLE evidence.opening (
  case_id uuid NOT NULL,
  cs integer NOT NULL,
  field text NOT NULL CONSTRAINT opening_field_length CHECK (length(field) BETWEEN 1 AND 40),
  nonce bytea NOT NULL CONSTRAINT opening_nonce_length CHECK (length(nonce) = 32),
  value text NOT NULL CONSTRAINT opening_value_length CHECK (length(value) <= 65536),
  -- Whom it is about.
  person_id uuid,
  CONSTRAINT opening_pkey PRIMARY KEY (case_id, cs, field)
);
CREATE INDEX opening_person ON evidence.opening (person_id) WHERE person_id IS NOT NULL;

-- A legal hold on a case or on what is about a person.
CREATE TABLE evidence.hold (
  id uuid CONSTRAINT hold_pkey PRIMARY KEY,
  case_id uuid,
  person_id uuid,
  placed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  lifted_at timestamptz,
  CONSTRAINT hold_subject_one CHECK ((case_id IS NULL) <> (person_id IS NULL))
);
CREATE UNIQUE INDEX hold_case_once ON evidence.hold (case_id) WHERE lifted_at IS NULL AND case_id IS NOT NULL;
CREATE UNIQUE INDEX hold_person_once ON evidence.hold (person_id) WHERE lifted_at IS NULL AND person_id IS NOT NULL;
REVOKE INSERT ON evidence.hold FROM keyturn_engine;

-- How long leaves of a type are kept; types that are not here: for ever.
CREATE TABLE evidence.retention (
  type text CONSTRAINT retention_pkey PRIMARY KEY,
  keep interval NOT NULL CONSTRAINT retention_keep_range CHECK (keep >= interval '1 day')
);
REVOKE INSERT ON evidence.retention FROM keyturn_engine;
INSERT INTO evidence.retention (type, keep)
SELECT type, interval '7 years'
FROM unnest(ARRAY['rotation.opened', 'rotation.step', 'rotation.cancelled', 'operator.action', 'request.submitted',
  'approval.decided', 'authorization.granted', 'authorization.voided', 'ticket.read', 'person.added', 'person.changed',
  'identity.added', 'identity.changed', 'target.added', 'target.changed', 'policy.added', 'policy.changed',
  'record.changed', 'evidence.exported', 'sample.drawn', 'population.fixed']) AS type;

-- Tiles of level 0 whose leaves are gone; their hashes stay.
CREATE TABLE evidence.pruned (
  tile bigint CONSTRAINT pruned_pkey PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT clock_timestamp()
);
REVOKE INSERT ON evidence.pruned FROM keyturn_engine;

-- MARK: append-only

-- As keyturn.refuse_change, but leaves of a tile that was pruned may go.
CREATE FUNCTION evidence.refuse_event_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
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

CREATE TRIGGER event_append_only BEFORE UPDATE OR DELETE ON evidence.event
  FOR EACH ROW EXECUTE FUNCTION evidence.refuse_event_change();
ALTER TABLE evidence.event ENABLE ALWAYS TRIGGER event_append_only;
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['batch', 'sealed', 'tile', 'pruned'] LOOP
    EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OR DELETE ON evidence.%I FOR EACH ROW
      EXECUTE FUNCTION keyturn.refuse_change()', name || '_append_only', name);
    EXECUTE format('ALTER TABLE evidence.%I ENABLE ALWAYS TRIGGER %I', name, name || '_append_only');
  END LOOP;
  FOREACH name IN ARRAY ARRAY['event', 'batch', 'outbox', 'sealed', 'tile', 'log', 'pruned', 'opening', 'pseudonym', 'hold'] LOOP
    EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON evidence.%I EXECUTE FUNCTION keyturn.refuse_change()',
      name || '_no_truncate', name);
    EXECUTE format('ALTER TABLE evidence.%I ENABLE ALWAYS TRIGGER %I', name, name || '_no_truncate');
  END LOOP;
END
$$;

-- MARK: canonical JSON

-- RFC 8785: to_json escapes what must be and nothing else.
CREATE FUNCTION evidence.quoted(value text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN to_json(normalize(value, NFC))::text;

CREATE FUNCTION evidence.micros(value timestamptz) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN isfinite(value) THEN ((extract(epoch FROM value) * 1000000)::bigint)::text END;

-- Values are JSON already; those that are null are left out.
CREATE FUNCTION evidence.object(keys text[], vals text[]) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
  SELECT '{' || coalesce(string_agg(to_json(m.k)::text || ':' || m.v, ',' ORDER BY m.k COLLATE "C"), '') || '}'
  FROM unnest(keys, vals) AS m (k, v)
  WHERE m.v IS NOT NULL);

CREATE FUNCTION evidence.array_of(vals text[]) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (SELECT '[' || coalesce(string_agg(evidence.quoted(v), ',' ORDER BY n), '') || ']'
  FROM unnest(vals) WITH ORDINALITY AS m (v, n));

CREATE FUNCTION evidence.hex(value bytea) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN '"' || encode(value, 'hex') || '"';

-- RFC 9562, version 7.
CREATE FUNCTION evidence.ordered_id() RETURNS uuid
LANGUAGE sql VOLATILE PARALLEL SAFE
RETURN encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
  PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6), 52, 1), 53, 1),
  'hex')::uuid;

-- The same as Commitment.make in Swift.
CREATE FUNCTION evidence.commitment(type text, nonce bytea, value text) RETURNS bytea
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN sha256(convert_to('keyturn-evidence/commit/v1', 'UTF8') || '\x00'::bytea || convert_to(type, 'UTF8') || '\x00'::bytea
  || nonce || int4send(octet_length(convert_to(value, 'UTF8'))) || convert_to(value, 'UTF8'));

-- MARK: recording

-- Adds a leaf to each case; a case at most once per call. The caller holds the cases' locks. A leaf's text is
-- head ‖ at ‖ ,"case":"…","cs": ‖ cs ‖ middle ‖ prev ‖ tail.
CREATE FUNCTION evidence.append(cases uuid[], types text[], heads text[], middles text[], tails text[]) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off
  SET plan_cache_mode = force_generic_plan AS $$
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

-- One leaf, under the case's lock until the transaction ends. `detail` and `subject` are canonical JSON. The values of
-- `fields` that are not null become commitments with openings; `about` says whom each is about. Returns the leaf's cs.
CREATE FUNCTION evidence.record(
  of_case uuid, of_type text, actor text, detail text, subject text DEFAULT '{}', fields text[] DEFAULT '{}',
  vals text[] DEFAULT '{}', about uuid[] DEFAULT '{}') RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
  hidden text := '';
  made bigint;
  place integer;
  nonces bytea[];
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('keyturn evidence ' || of_case, 0));
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

-- A person's pseudonym of this year. Null stays null.
CREATE FUNCTION evidence.pseudonym_of(person uuid) RETURNS uuid
LANGUAGE plpgsql STRICT SET search_path = pg_catalog, pg_temp AS $$
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

-- Whoever acts when no person is known: by role, because a login's name may be a person's.
CREATE FUNCTION evidence.actor_of(person uuid) RETURNS text
LANGUAGE sql VOLATILE
RETURN coalesce(evidence.pseudonym_of(person)::text,
  CASE current_user WHEN 'keyturn_engine' THEN 'engine' WHEN 'keyturn_owner' THEN 'owner' ELSE 'other' END);

-- MARK: what is recorded by itself

CREATE FUNCTION evidence.identity_subject(id uuid) RETURNS text
LANGUAGE sql STABLE STRICT
RETURN (SELECT evidence.object(ARRAY['identity', 'target'], ARRAY[evidence.quoted(i.id::text), evidence.quoted(i.target_id::text)])
  FROM governance.identity AS i WHERE i.id = identity_subject.id);

CREATE FUNCTION evidence.on_request() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM evidence.record(NEW.id, 'request.submitted', evidence.actor_of(NEW.requester_id),
    evidence.object(
      ARRAY['actions', 'beneficiary', 'digest', 'origin', 'revision'],
      ARRAY[evidence.array_of(NEW.actions), evidence.quoted(evidence.pseudonym_of(NEW.beneficiary_id)::text),
        evidence.hex(NEW.digest), evidence.quoted(NEW.origin), NEW.revision::text]),
    evidence.identity_subject(NEW.identity_id),
    -- The request itself names people: the digest alone is in the leaf, the text can be erased.
    ARRAY['core', 'ticket'], ARRAY[convert_from(NEW.core, 'UTF8'), NEW.ticket], ARRAY[NEW.requester_id, NULL]);
  RETURN NULL;
END
$$;
CREATE TRIGGER request_evidence AFTER INSERT ON governance.request FOR EACH ROW EXECUTE FUNCTION evidence.on_request();

CREATE FUNCTION evidence.on_approval() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  asked record;
BEGIN
  SELECT r.requester_id, r.beneficiary_id, r.identity_id INTO asked
  FROM governance.request AS r WHERE r.id = NEW.request_id AND r.revision = NEW.revision;
  -- Requester and beneficiary again: pseudonyms of one leaf are of one year and can be compared.
  PERFORM evidence.record(NEW.request_id, 'approval.decided', evidence.actor_of(NEW.approver_id),
    evidence.object(
      ARRAY['approval', 'beneficiary', 'decision', 'digest', 'requester', 'revision'],
      ARRAY[evidence.quoted(NEW.id::text), evidence.quoted(evidence.pseudonym_of(asked.beneficiary_id)::text),
        evidence.quoted(NEW.decision), evidence.hex(NEW.digest),
        evidence.quoted(evidence.pseudonym_of(asked.requester_id)::text), NEW.revision::text]),
    evidence.identity_subject(asked.identity_id));
  RETURN NULL;
END
$$;
CREATE TRIGGER approval_evidence AFTER INSERT ON governance.approval FOR EACH ROW EXECUTE FUNCTION evidence.on_approval();

CREATE FUNCTION evidence.on_authorization() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    PERFORM evidence.record(NEW.request_id, 'authorization.granted', evidence.actor_of(NULL),
      evidence.object(
        ARRAY['actions', 'approval', 'authorization', 'digest', 'from', 'revision', 'until'],
        ARRAY[evidence.array_of(NEW.actions), evidence.quoted(NEW.approval_id::text), evidence.quoted(NEW.id::text),
          evidence.hex(NEW.digest), evidence.micros(NEW.valid_from), NEW.revision::text, evidence.micros(NEW.valid_until)]),
      evidence.identity_subject(NEW.identity_id));
  ELSE
    PERFORM evidence.record(NEW.request_id,
      CASE WHEN OLD.voided_at IS NULL AND NEW.voided_at IS NOT NULL THEN 'authorization.voided' ELSE 'record.changed' END,
      evidence.actor_of(NULL),
      evidence.object(ARRAY['authorization', 'voided'],
        ARRAY[evidence.quoted(NEW.id::text), evidence.micros(NEW.voided_at)]),
      evidence.identity_subject(NEW.identity_id), ARRAY['reason'], ARRAY[NEW.void_reason], ARRAY[NULL::uuid]);
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER authorization_evidence AFTER INSERT OR UPDATE ON governance.authorization
  FOR EACH ROW EXECUTE FUNCTION evidence.on_authorization();

-- A person's case is this year's pseudonym, so that the leaf does not hold the key of the person's row.
CREATE FUNCTION evidence.on_person() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM evidence.record(evidence.pseudonym_of(NEW.id), CASE TG_OP WHEN 'INSERT' THEN 'person.added' ELSE 'person.changed' END,
    evidence.actor_of(NULL),
    evidence.object(ARRAY['person', 'state', 'version'],
      ARRAY[evidence.quoted(evidence.pseudonym_of(NEW.id)::text), evidence.quoted(NEW.state), NEW.version::text]),
    '{}', ARRAY['external_id'], ARRAY[CASE WHEN TG_OP = 'INSERT' THEN NEW.external_id END], ARRAY[NEW.id]);
  RETURN NULL;
END
$$;
CREATE TRIGGER person_evidence AFTER INSERT OR UPDATE ON governance.person FOR EACH ROW EXECUTE FUNCTION evidence.on_person();

CREATE FUNCTION evidence.on_policy() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM evidence.record(NEW.id, CASE TG_OP WHEN 'INSERT' THEN 'policy.added' ELSE 'policy.changed' END,
    evidence.actor_of(NULL),
    evidence.object(ARRAY['digest', 'policy'],
      ARRAY[evidence.hex(sha256(convert_to(to_jsonb(NEW)::text, 'UTF8'))), evidence.quoted(NEW.id::text)]),
    '{}', ARRAY['policy'], ARRAY[to_jsonb(NEW)::text], ARRAY[NULL::uuid]);
  RETURN NULL;
END
$$;
CREATE TRIGGER policy_evidence AFTER INSERT OR UPDATE ON governance.policy FOR EACH ROW EXECUTE FUNCTION evidence.on_policy();

CREATE FUNCTION evidence.on_target() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM evidence.record(NEW.id, CASE TG_OP WHEN 'INSERT' THEN 'target.added' ELSE 'target.changed' END,
    evidence.actor_of(NULL),
    evidence.object(ARRAY['admin_version', 'examined', 'kind'],
      ARRAY[NEW.admin_version::text, evidence.micros(NEW.examined_at), evidence.quoted(NEW.kind)]),
    evidence.object(ARRAY['target'], ARRAY[evidence.quoted(NEW.id::text)]),
    ARRAY['environment', 'name', 'settings'], ARRAY[NEW.environment, NEW.name, NEW.settings::text],
    ARRAY[NULL, NULL, NULL]::uuid[]);
  RETURN NULL;
END
$$;
CREATE TRIGGER target_evidence AFTER INSERT OR UPDATE ON governance.target FOR EACH ROW EXECUTE FUNCTION evidence.on_target();

CREATE FUNCTION evidence.on_identity() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM evidence.record(NEW.id, CASE TG_OP WHEN 'INSERT' THEN 'identity.added' ELSE 'identity.changed' END,
    evidence.actor_of(NULL),
    evidence.object(ARRAY['backup', 'expires', 'mode', 'owner', 'policy', 'rights'],
      ARRAY[evidence.quoted(evidence.pseudonym_of(NEW.backup_owner_id)::text), evidence.micros(NEW.expires_at),
        evidence.quoted(NEW.login_mode), evidence.quoted(evidence.pseudonym_of(NEW.owner_id)::text),
        evidence.quoted(NEW.policy_id::text), evidence.hex(sha256(convert_to(array_to_string(NEW.rights, E'\n'), 'UTF8')))]),
    evidence.object(ARRAY['identity', 'target'],
      ARRAY[evidence.quoted(NEW.id::text), evidence.quoted(NEW.target_id::text)]),
    ARRAY['environment', 'name', 'purpose', 'workload'], ARRAY[NEW.environment, NEW.name, NEW.purpose, NEW.workload],
    ARRAY[NULL, NULL, NULL, NULL]::uuid[]);
  RETURN NULL;
END
$$;
CREATE TRIGGER identity_evidence AFTER INSERT OR UPDATE ON governance.identity
  FOR EACH ROW EXECUTE FUNCTION evidence.on_identity();

-- By statement: many are opened at once. A new rotation is a new case, which nobody else can write to.
CREATE FUNCTION evidence.on_rotations_opened() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
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
CREATE TRIGGER rotation_opened_evidence AFTER INSERT ON lifecycle.rotation REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_rotations_opened();

-- A rotation that is cancelled is not carried by a worker; whoever cancels holds its job's row.
CREATE FUNCTION evidence.on_rotation_cancelled() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM evidence.record(NEW.id, 'rotation.cancelled', evidence.actor_of(NULL),
    evidence.object(ARRAY['fence', 'from'], ARRAY[NEW.fence::text, evidence.quoted(OLD.state)]),
    (SELECT evidence.identity_subject(c.identity_id) FROM lifecycle.credential AS c WHERE c.id = NEW.credential_id),
    ARRAY['reason'], ARRAY[NEW.state_reason], ARRAY[NULL::uuid]);
  RETURN NULL;
END
$$;
CREATE TRIGGER rotation_cancelled_evidence AFTER UPDATE ON lifecycle.rotation
  FOR EACH ROW WHEN (NEW.state = 'cancelled' AND OLD.state <> 'cancelled')
  EXECUTE FUNCTION evidence.on_rotation_cancelled();

-- In the case of the subject, else of the target, else of all operators.
CREATE FUNCTION evidence.on_operator_action() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
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
CREATE TRIGGER operator_action_evidence AFTER INSERT ON jobs.operator_action
  FOR EACH ROW EXECUTE FUNCTION evidence.on_operator_action();

-- Any other record: its table, ids and words of closed lists, and a commitment to the row without what is sealed. The
-- argument names the column that is its case.
CREATE FUNCTION evidence.on_record() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  kept jsonb := (SELECT jsonb_object_agg(r.key, r.value) FROM jsonb_each(to_jsonb(NEW)) AS r
    WHERE r.key !~ '(envelope|hash|token|secret)');
BEGIN
  PERFORM evidence.record(coalesce((kept ->> TG_ARGV[0])::uuid, (kept ->> 'id')::uuid), 'record.changed',
    evidence.actor_of(NULL),
    evidence.object(ARRAY['credential', 'follow_up', 'operation', 'permit', 'record', 'state'],
      ARRAY[evidence.quoted(kept ->> 'credential_id'), evidence.quoted(kept ->> 'follow_up'), evidence.quoted(lower(TG_OP)),
        evidence.quoted(kept ->> 'permit_id'), evidence.quoted(TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME),
        evidence.quoted(kept ->> 'state')]),
    '{}', ARRAY['row'], ARRAY[kept::text], ARRAY[NULL::uuid]);
  RETURN NULL;
END
$$;
DO $$
DECLARE
  named text[];
BEGIN
  -- Table, column that is the case, events. What only beats or counts leaves no leaf.
  FOREACH named SLICE 1 IN ARRAY ARRAY[
    ['lifecycle.standby_admin', 'target_id', 'INSERT OR UPDATE OF phase, version'],
    ['lifecycle.target_trial', 'target_id', 'INSERT'],
    ['lifecycle.finding', 'target_id', 'INSERT OR UPDATE OF state, explained_by'],
    ['governance.incarnation', 'id', 'INSERT OR UPDATE OF ended_at'],
    ['governance.incarnation_adoption', 'incarnation_id', 'INSERT'],
    ['governance.embargo', 'subject', 'INSERT OR UPDATE'],
    ['governance.operator_permission', 'id', 'INSERT OR UPDATE'],
    ['governance.emergency', 'id', 'INSERT OR UPDATE'],
    ['lifecycle.containment', 'id', 'INSERT'],
    ['lifecycle.containment_target', 'id', 'INSERT OR UPDATE OF tried_at, ended_at'],
    ['lifecycle.containment_item', 'containment_target_id', 'UPDATE OF state, follow_up'],
    ['lifecycle.consumer', 'credential_id', 'INSERT OR UPDATE OF removed_at, expires_at']] LOOP
    EXECUTE format('CREATE TRIGGER %I AFTER %s ON %s FOR EACH ROW EXECUTE FUNCTION evidence.on_record(%L)',
      split_part(named[1], '.', 2) || '_evidence', named[3], named[1], named[2]);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', named[1], split_part(named[1], '.', 2) || '_evidence');
  END LOOP;
END
$$;

ALTER TABLE governance.request ENABLE ALWAYS TRIGGER request_evidence;
ALTER TABLE governance.approval ENABLE ALWAYS TRIGGER approval_evidence;
ALTER TABLE governance.authorization ENABLE ALWAYS TRIGGER authorization_evidence;
ALTER TABLE governance.person ENABLE ALWAYS TRIGGER person_evidence;
ALTER TABLE governance.policy ENABLE ALWAYS TRIGGER policy_evidence;
ALTER TABLE governance.target ENABLE ALWAYS TRIGGER target_evidence;
ALTER TABLE governance.identity ENABLE ALWAYS TRIGGER identity_evidence;
ALTER TABLE lifecycle.rotation ENABLE ALWAYS TRIGGER rotation_opened_evidence;
ALTER TABLE lifecycle.rotation ENABLE ALWAYS TRIGGER rotation_cancelled_evidence;
ALTER TABLE jobs.operator_action ENABLE ALWAYS TRIGGER operator_action_evidence;

-- MARK: sealing; the only ways to write the log's head, and the outbox's only way out

-- Makes the log when there is none. Returns its key, which may be another one.
CREATE FUNCTION evidence.begin_log(new_origin text, new_vkey text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO evidence.log (origin, vkey) VALUES (new_origin, new_vkey) ON CONFLICT DO NOTHING;
  RETURN (SELECT l.vkey FROM evidence.log AS l);
END
$$;

-- The epoch under which `name` seals from now on; null while somebody else does.
CREATE FUNCTION evidence.lead(name text, seconds float8) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  UPDATE evidence.log
  SET epoch = epoch + 1, sealer = name, lease_until = clock_timestamp() + make_interval(secs => seconds)
  WHERE lease_until < clock_timestamp()
  RETURNING epoch
$$;

CREATE FUNCTION evidence.keep_lead(in_epoch bigint, seconds float8) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH kept AS (
    UPDATE evidence.log
    SET lease_until = clock_timestamp() + make_interval(secs => seconds)
    WHERE epoch = in_epoch
    RETURNING 1
  )
  SELECT EXISTS (SELECT FROM kept)
$$;

-- Gives the lead up, so that another need not wait.
CREATE FUNCTION evidence.leave_lead(in_epoch bigint) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  UPDATE evidence.log SET lease_until = '-infinity' WHERE epoch = in_epoch
$$;

-- Puts batches at the end of the log, in this order. False: somebody else seals, or the log is not what the caller believes.
CREATE FUNCTION evidence.seal(
  in_epoch bigint, old_size bigint, batches bigint[], levels smallint[], numbers bigint[], tiles bytea[], roots bytea[],
  new_size bigint, new_root bytea, new_note text, seconds float8) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off
  SET plan_cache_mode = force_generic_plan AS $$
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

-- MARK: personal data

CREATE FUNCTION evidence.is_held(of_case uuid, person uuid) RETURNS boolean
LANGUAGE sql STABLE
RETURN EXISTS (
  SELECT FROM evidence.hold AS h
  WHERE h.lifted_at IS NULL AND (h.case_id = of_case OR h.person_id = person));

-- Returns the hold's id; null when there is one already.
CREATE FUNCTION evidence.place_hold(on_case uuid, on_person uuid, actor uuid, reason text) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
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

CREATE FUNCTION evidence.lift_hold(on_case uuid, on_person uuid, actor uuid, reason text) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
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

-- Forgets whom pseudonyms stand for and what commitments about the person hide, except in cases on hold. Returns how many
-- openings went and how many are held; nothing at all goes while the person is on hold.
CREATE FUNCTION evidence.erase(person uuid, actor uuid, reason text, OUT erased bigint, OUT held bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
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

-- Deletes the leaves of whole tiles whose retention is over, oldest first, at most `most` tiles. A tile with one leaf that
-- is kept, or whose case is on hold, stays whole. The hashes stay: proofs of other leaves go on working.
CREATE FUNCTION evidence.prune(most integer) RETURNS bigint[]
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  chosen bigint[];
BEGIN
  -- Tiles from the first that was not pruned; stops at the first that must stay, because later ones are younger.
  WITH head AS (
    SELECT coalesce((SELECT max(p.tile) + 1 FROM evidence.pruned AS p), 0) AS first, (SELECT l.size / 256 FROM evidence.log AS l) AS last
  ), candidate AS (
    SELECT t AS tile, (
      SELECT bool_and(e.at < clock_timestamp() - r.keep AND NOT evidence.is_held(e.case_id, NULL))
      FROM evidence.sealed AS s
      JOIN evidence.batch AS b ON b.id = s.batch
      CROSS JOIN LATERAL unnest(b.cases, b.sequences) WITH ORDINALITY AS m (case_id, cs, n)
      JOIN evidence.event AS e ON e.case_id = m.case_id AND e.cs = m.cs
      LEFT JOIN evidence.retention AS r ON r.type = e.type
      WHERE s.first_index < (t + 1) * 256 AND s.first_index + s.count > t * 256
        AND s.first_index + m.n - 1 BETWEEN t * 256 AND t * 256 + 255) AS over
    FROM head, generate_series(head.first, least(head.last, head.first + most) - 1) AS t
  )
  SELECT array_agg(c.tile ORDER BY c.tile) INTO chosen
  FROM candidate AS c
  WHERE c.tile < coalesce((SELECT min(x.tile) FROM candidate AS x WHERE x.over IS NOT TRUE), 9223372036854775807);
  IF chosen IS NULL THEN
    RETURN '{}';
  END IF;
  INSERT INTO evidence.pruned (tile) SELECT unnest(chosen);
  DELETE FROM evidence.opening AS o USING evidence.event AS e, evidence.sealed AS s
  WHERE e.case_id = o.case_id AND e.cs = o.cs AND s.batch = e.batch AND (s.first_index + e.n) / 256 = ANY (chosen);
  DELETE FROM evidence.event AS e USING evidence.sealed AS s
  WHERE s.batch = e.batch AND (s.first_index + e.n) / 256 = ANY (chosen);
  PERFORM evidence.record('00000000-0000-4000-8000-0000000000e2', 'tiles.pruned', evidence.actor_of(NULL),
    evidence.object(ARRAY['count', 'first'], ARRAY[cardinality(chosen)::text, chosen[1]::text]));
  RETURN chosen;
END
$$;

CREATE VIEW keyturn.v_evidence AS
SELECT l.origin, l.size AS leaves, l.sealed_at, l.sealer, l.lease_until > now() AS sealing,
  (SELECT count(*) FROM evidence.outbox) AS batches_waiting,
  (SELECT e.at FROM evidence.outbox AS o JOIN evidence.batch AS b ON b.id = o.batch
    JOIN evidence.event AS e ON e.case_id = b.cases[1] AND e.cs = b.sequences[1] ORDER BY o.batch LIMIT 1) AS waiting_since
FROM evidence.log AS l;
COMMENT ON VIEW keyturn.v_evidence IS 'The evidence log: leaves sealed, and what waits to be.';

-- What acts with the owner's rights is for the engine alone.
REVOKE EXECUTE ON FUNCTION evidence.begin_log, evidence.lead, evidence.keep_lead, evidence.leave_lead, evidence.seal,
  evidence.place_hold, evidence.lift_hold, evidence.erase, evidence.prune FROM PUBLIC;
GRANT EXECUTE ON FUNCTION evidence.begin_log, evidence.lead, evidence.keep_lead, evidence.leave_lead, evidence.seal,
  evidence.place_hold, evidence.lift_hold, evidence.erase, evidence.prune TO keyturn_engine;
