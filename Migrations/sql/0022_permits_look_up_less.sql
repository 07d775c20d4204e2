-- breaking: no
-- reason: permits and mass changes do less: the people who answer for an identity stand on its authorization

SET LOCAL ROLE keyturn_owner;

-- MARK: place

-- Views, because a function with a query inside is planned anew in every statement that calls it.
CREATE VIEW governance.here AS
SELECT s.system_identifier || '/' || d.oid AS place
FROM pg_control_system() AS s
CROSS JOIN pg_database AS d
WHERE d.datname = current_database();

-- The incarnation that may have effects, where it lives: none in a database that was restored or copied. The place is asked
-- for once in a statement, not joined to each of its rows.
CREATE VIEW governance.live_incarnation AS
SELECT i.id, i.mark
FROM governance.incarnation AS i
WHERE i.ended_at IS NULL AND i.place = (SELECT h.place FROM governance.here AS h);

GRANT SELECT ON governance.here, governance.live_incarnation TO keyturn_engine, keyturn_auditor;

CREATE OR REPLACE FUNCTION governance.place() RETURNS text LANGUAGE sql STABLE
RETURN (SELECT h.place FROM governance.here AS h);

CREATE OR REPLACE FUNCTION governance.require_incarnation() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
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

-- MARK: who answers for the identity

-- The identity's owner, its backup owner and its vendor's sponsor, in this order, as they are now; empty where there is only
-- revocation. Changed in the transaction that changes one of them.
ALTER TABLE governance.authorization ADD COLUMN responsible uuid[] NOT NULL DEFAULT '{}';

-- Whoever changes one of them meanwhile waits, or is waited for. Lock order: the identity, then the vendor.
CREATE FUNCTION governance.responsible_for(identity uuid) RETURNS uuid[]
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
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
UPDATE governance.authorization AS a
SET responsible = governance.responsible_for(a.identity_id)
WHERE a.voided_at IS NULL AND a.actions <> ARRAY['revoke'];

CREATE FUNCTION governance.name_responsible() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  NEW.responsible := governance.responsible_for(NEW.identity_id);
  RETURN NEW;
END
$$;
CREATE TRIGGER authorization_responsible BEFORE INSERT ON governance.authorization
FOR EACH ROW WHEN (NEW.actions <> ARRAY['revoke']) EXECUTE FUNCTION governance.name_responsible();
ALTER TABLE governance.authorization ENABLE ALWAYS TRIGGER authorization_responsible;

CREATE FUNCTION governance.change_responsible() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
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
CREATE TRIGGER identity_responsible AFTER UPDATE OF owner_id, backup_owner_id, vendor_id ON governance.identity
FOR EACH ROW WHEN (ROW(OLD.owner_id, OLD.backup_owner_id, OLD.vendor_id)
  IS DISTINCT FROM ROW(NEW.owner_id, NEW.backup_owner_id, NEW.vendor_id))
EXECUTE FUNCTION governance.change_responsible();
ALTER TABLE governance.identity ENABLE ALWAYS TRIGGER identity_responsible;
CREATE TRIGGER vendor_responsible AFTER UPDATE OF sponsor_id ON governance.vendor
FOR EACH ROW WHEN (OLD.sponsor_id IS DISTINCT FROM NEW.sponsor_id) EXECUTE FUNCTION governance.change_responsible();
ALTER TABLE governance.vendor ENABLE ALWAYS TRIGGER vendor_responsible;

-- MARK: many leaves

-- As before; a window's aggregate is computed for every row, asked for or not, unless a filter keeps it away.
CREATE OR REPLACE FUNCTION evidence.record_all(
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
