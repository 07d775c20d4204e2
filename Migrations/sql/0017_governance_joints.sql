-- breaking: yes
-- reason: authority lost while an effect was under way; one kind of emergency access; leaves of many voidings in one statement

SET LOCAL ROLE keyturn_owner;

-- MARK: authority that fell away under a saga

-- Written in the transaction that takes the authority away: the saga had begun to change the target, so that it was permitted
-- before and is not after. What follows from it ends the row.
CREATE TABLE lifecycle.lost_authority (
  id uuid CONSTRAINT lost_authority_pkey PRIMARY KEY,
  rotation_id uuid NOT NULL,
  credential_id uuid NOT NULL CONSTRAINT lost_authority_credential_id_known REFERENCES lifecycle.credential (id),
  authorization_id uuid NOT NULL
    CONSTRAINT lost_authority_authorization_id_known REFERENCES governance.authorization (id),
  -- Of the saga, at that moment.
  action text NOT NULL CONSTRAINT lost_authority_action_known CHECK (action IN ('issue', 'rotate')),
  state text NOT NULL CONSTRAINT lost_authority_state_length CHECK (length(state) BETWEEN 1 AND 40),
  lost_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- A ticket stands open for it.
  reviewed_from timestamptz,
  settled_at timestamptz,
  consequence text CONSTRAINT lost_authority_consequence_known CHECK (consequence IN ('revoked', 'rotated_again')),
  CONSTRAINT lost_authority_rotation_id_known FOREIGN KEY (rotation_id, credential_id)
    REFERENCES lifecycle.rotation (id, credential_id),
  CONSTRAINT lost_authority_once UNIQUE (rotation_id, authorization_id),
  CONSTRAINT lost_authority_settled_whole CHECK ((settled_at IS NULL) = (consequence IS NULL))
);
CREATE INDEX lost_authority_open ON lifecycle.lost_authority (lost_at) WHERE settled_at IS NULL;
-- In the credential's case: the rotation's has one writer, which is its worker.
CALL evidence.watch('lifecycle.lost_authority', 'record.changed', 'credential_id',
  plain => 'action,authorization_id,consequence,credential_id,rotation_id,state');
GRANT SELECT ON lifecycle.lost_authority TO keyturn_auditor;

-- MARK: what ends by time, and what is told once

ALTER TABLE lifecycle.alarm ADD COLUMN ticket_opened_at timestamptz;
-- The helpdesk's own ticket was ended after the proof.
ALTER TABLE governance.ticket ADD COLUMN ended_remotely_at timestamptz;
-- The end of the contract that a ticket was opened for.
ALTER TABLE governance.vendor ADD COLUMN end_told_for timestamptz;
CREATE INDEX authorization_end ON governance.authorization (valid_until) WHERE voided_at IS NULL;

-- What leaked must be cut off and what a leaver had must be disabled by then; everything else must be proven.
CREATE OR REPLACE VIEW keyturn.v_ticket AS
SELECT t.number, t.helpdesk, t.remote_id, t.kind, t.state, t.resolution, i.name AS identity, t.subject, t.cause_at,
  t.opened_at, t.due_at, t.contained_at, t.proven_at, t.resolved_at, t.closed_without_control, t.excused_until,
  t.due_at IS NOT NULL AND COALESCE(CASE WHEN t.kind IN ('leak', 'leaver') THEN t.contained_at END, t.proven_at, now())
    > t.due_at AS is_late
FROM governance.ticket AS t
LEFT JOIN governance.identity AS i ON i.id = t.identity_id;

CREATE OR REPLACE VIEW keyturn.v_sla AS
SELECT t.kind, count(*) AS tickets, count(*) FILTER (WHERE t.proven_at IS NOT NULL) AS proven,
  count(*) FILTER (WHERE t.due_at
    < COALESCE(CASE WHEN t.kind IN ('leak', 'leaver') THEN t.contained_at END, t.proven_at, now())) AS late,
  percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM t.opened_at - t.cause_at)::float8) AS to_ticket_p50,
  percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM t.opened_at - t.cause_at)::float8) AS to_ticket_p95,
  percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM t.contained_at - t.cause_at)::float8) AS to_contained_p50,
  percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM t.contained_at - t.cause_at)::float8) AS to_contained_p95,
  percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM t.proven_at - t.cause_at)::float8) AS to_proven_p50,
  percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM t.proven_at - t.cause_at)::float8) AS to_proven_p95
FROM governance.ticket AS t
GROUP BY t.kind;

-- MARK: one kind of emergency access

DROP VIEW keyturn.v_emergency;

ALTER TABLE governance.break_glass
  ADD COLUMN id uuid,
  ADD COLUMN reason text,
  ADD COLUMN confirmed_at timestamptz;
UPDATE governance.break_glass AS b
SET id = b.request_id, confirmed_at = b.opened_at,
  reason = COALESCE((SELECT NULLIF(left(k.body, 500), '') FROM governance.ticket AS k WHERE k.id = b.ticket_id), 'not recorded');
ALTER TABLE governance.break_glass
  DROP CONSTRAINT break_glass_pkey,
  ALTER COLUMN id SET NOT NULL,
  ADD CONSTRAINT break_glass_pkey PRIMARY KEY (id),
  ALTER COLUMN request_id DROP NOT NULL,
  ADD CONSTRAINT break_glass_request_id_once UNIQUE (request_id),
  -- Null: to contain a leak, wherever it is.
  ALTER COLUMN identity_id DROP NOT NULL,
  ADD CONSTRAINT break_glass_scope_whole CHECK ((request_id IS NULL) = (identity_id IS NULL)),
  ALTER COLUMN reason SET NOT NULL,
  ADD CONSTRAINT break_glass_reason_length CHECK (length(reason) BETWEEN 1 AND 500),
  -- Null until a second person confirms it.
  ALTER COLUMN second_id DROP NOT NULL,
  ALTER COLUMN valid_until DROP NOT NULL,
  ALTER COLUMN review_due_at DROP NOT NULL,
  DROP CONSTRAINT break_glass_valid_until_range,
  ADD CONSTRAINT break_glass_confirmed_whole CHECK (
    (confirmed_at IS NULL) = (second_id IS NULL) AND (confirmed_at IS NULL) = (valid_until IS NULL)
    AND (confirmed_at IS NULL) = (review_due_at IS NULL)),
  ADD CONSTRAINT break_glass_valid_until_range
    CHECK (valid_until > confirmed_at AND valid_until <= confirmed_at + interval '4 hours'),
  ADD CONSTRAINT break_glass_confirmed_at_after CHECK (confirmed_at >= opened_at),
  ADD CONSTRAINT break_glass_review_due_at_after CHECK (review_due_at > confirmed_at),
  ADD CONSTRAINT break_glass_reviewed_confirmed CHECK (reviewed_at IS NULL OR confirmed_at IS NOT NULL);

-- What was opened under the other name gets the ticket that it lacked.
WITH old AS MATERIALIZED (
  SELECT e.*, gen_random_uuid() AS ticket_id FROM governance.emergency AS e
), ticketed AS (
  INSERT INTO governance.ticket (id, kind, subject, body, cause_at, opened_at)
  SELECT o.ticket_id, 'break_glass', 'emergency access to contain a leak', o.reason, o.opened_at, o.opened_at FROM old AS o
)
INSERT INTO governance.break_glass
  (id, opened_by, second_id, ticket_id, reason, opened_at, confirmed_at, valid_until, review_due_at, reviewed_at, reviewed_by,
    verdict)
SELECT o.id, o.opened_by, o.second_id, o.ticket_id, o.reason, o.opened_at, o.opened_at, o.valid_until, o.review_due_at,
  o.reviewed_at, o.reviewed_by, o.finding
FROM old AS o;

ALTER TABLE lifecycle.containment RENAME COLUMN emergency_id TO break_glass_id;
ALTER TABLE lifecycle.containment
  DROP CONSTRAINT containment_emergency_id_known,
  ADD CONSTRAINT containment_break_glass_id_known FOREIGN KEY (break_glass_id) REFERENCES governance.break_glass (id);
DROP TABLE governance.emergency;

CREATE INDEX break_glass_review_open ON governance.break_glass (review_due_at) WHERE reviewed_at IS NULL;
CALL evidence.watch('governance.break_glass', 'record.changed', 'request_id,id', 'opened_by,second_id,reviewed_by', 'opened_by',
  'id,identity_id,request_id,second_id,ticket_id');
CALL evidence.watch('lifecycle.containment', 'record.changed', 'id', 'requested_by', 'requested_by',
  'break_glass_id,digest,follow_up,permission_id');

CREATE OR REPLACE VIEW keyturn.v_containment AS
SELECT c.id AS containment_id, c.selector, c.follow_up, p.external_id AS requested_by, c.ticket, c.reason,
  CASE WHEN c.permission_id IS NULL THEN 'break_glass' ELSE 'permission' END AS authority, c.requested_at,
  s.targets, s.credentials, s.contained, s.refused, s.remaining, s.follow_ups_open, s.follow_ups_done, s.follow_ups_not_allowed,
  CASE WHEN s.remaining = 0 THEN s.last_settled_at END AS contained_at,
  CASE WHEN s.remaining = 0 THEN EXTRACT(epoch FROM s.last_settled_at - c.requested_at)::float8 END AS seconds_to_contain
FROM lifecycle.containment AS c
JOIN governance.person AS p ON p.id = c.requested_by
CROSS JOIN LATERAL (
  SELECT count(DISTINCT t.id) AS targets, count(i.credential_id) AS credentials,
    count(*) FILTER (WHERE i.state = 'contained') AS contained,
    count(*) FILTER (WHERE i.state = 'refused') AS refused,
    count(*) FILTER (WHERE i.state IN ('waiting', 'intended')) AS remaining,
    count(*) FILTER (WHERE i.follow_up = 'waiting' OR (i.follow_up = 'opened' AND r.finished_at IS NULL)) AS follow_ups_open,
    count(*) FILTER (WHERE i.follow_up = 'opened' AND r.finished_at IS NOT NULL) AS follow_ups_done,
    count(*) FILTER (WHERE i.follow_up = 'not_allowed') AS follow_ups_not_allowed,
    max(i.settled_at) AS last_settled_at
  FROM lifecycle.containment_target AS t
  LEFT JOIN lifecycle.containment_item AS i ON i.containment_target_id = t.id
  LEFT JOIN lifecycle.rotation AS r ON r.id = i.rotation_id AND r.credential_id = i.credential_id
  WHERE t.containment_id = c.id
) AS s;
COMMENT ON COLUMN keyturn.v_containment.authority IS 'permission: recorded before; break_glass: two people, reviewed after';

CREATE VIEW keyturn.v_break_glass AS
SELECT b.id AS break_glass_id, i.name AS identity, o.external_id AS opened_by, s.external_id AS second,
  'KT-' || k.number AS ticket, b.reason, b.opened_at, b.confirmed_at, b.valid_until, b.review_due_at, b.reviewed_at,
  r.external_id AS reviewed_by, b.verdict, b.reviewed_at IS NULL AND b.review_due_at < now() AS review_overdue
FROM governance.break_glass AS b
JOIN governance.person AS o ON o.id = b.opened_by
JOIN governance.ticket AS k ON k.id = b.ticket_id
LEFT JOIN governance.identity AS i ON i.id = b.identity_id
LEFT JOIN governance.person AS s ON s.id = b.second_id
LEFT JOIN governance.person AS r ON r.id = b.reviewed_by;
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
GRANT SELECT ON keyturn.v_break_glass TO keyturn_engine, keyturn_auditor, keyturn_dashboard;

-- MARK: leaves of voidings

-- Thousands of authorizations end together when an owner leaves: one batch of leaves for a statement, and not one for each row.
-- The leaves are the same. Rows of one request follow each other in its case.
--
-- Many of them take the lock that everybody's recording waits for at once, as evidence.lock_case would in the end: two that
-- both hold it shared could not.
CREATE FUNCTION evidence.on_authorizations_changed() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
  actor text := evidence.quoted(evidence.actor_of(NULL));
  -- Known to nobody after this call: the nonces that come of it tell nothing of one another.
  seed bytea := uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid());
  total bigint := (SELECT count(*) FROM now_changed);
  done bigint := 0;
  round integer := 1;
  made bigint;
  cases uuid[];
  types text[];
  heads text[];
  middles text[];
  tails text[];
  reasons text[];
  nonces bytea[];
BEGIN
  IF total > 256 THEN
    PERFORM pg_advisory_xact_lock(hashtextextended('keyturn evidence', 1));
    PERFORM set_config('keyturn.evidence_cases', '-1', true);
  ELSE
    PERFORM evidence.lock_case(m.request_id)
    FROM (SELECT DISTINCT n.request_id FROM now_changed AS n ORDER BY n.request_id) AS m;
  END IF;
  WHILE done < total LOOP
    -- All arrays of one pass, so that the same place in each is the same row.
    SELECT array_agg(m.request_id), array_agg(m.type), array_agg('{"actor":' || actor || ',"at":'),
      array_agg(',"d":{"authorization":"' || m.id || '"' || COALESCE(',"voided":' || evidence.micros(m.voided_at), '')
        || '},"eid":"' || evidence.ordered_id() || '",'
        || COALESCE('"pd":{"reason":' || evidence.hex(evidence.commitment('reason', m.nonce, m.void_reason)) || '},', '')
        || '"prev":"'),
      array_agg('","sub":' || COALESCE('{"identity":"' || m.identity_id || '","target":"' || m.target_id || '"}', '{}')
        || ',"t":"' || m.type || '","v":1}'),
      array_agg(m.void_reason), array_agg(m.nonce)
    INTO cases, types, heads, middles, tails, reasons, nonces
    FROM (
      SELECT n.id, n.request_id, n.identity_id, n.voided_at, n.void_reason, i.target_id,
        CASE WHEN o.id IS NOT NULL AND o.voided_at IS NULL AND n.voided_at IS NOT NULL THEN 'authorization.voided' ELSE 'record.changed' END AS type,
        sha256(seed || uuid_send(n.id)) AS nonce,
        row_number() OVER (PARTITION BY n.request_id ORDER BY n.revision) AS place
      FROM now_changed AS n
      LEFT JOIN before_changed AS o ON o.id = n.id
      LEFT JOIN governance.identity AS i ON i.id = n.identity_id
    ) AS m
    WHERE m.place = round;
    made := evidence.append(cases, types, heads, middles, tails);
    INSERT INTO evidence.opening (case_id, cs, field, nonce, value)
    SELECT m.case_id, m.cs, 'reason', m.nonce, m.reason
    FROM evidence.batch AS b
    CROSS JOIN unnest(b.cases, b.sequences, nonces, reasons) AS m (case_id, cs, nonce, reason)
    WHERE b.id = made AND m.reason IS NOT NULL;
    round := round + 1;
    done := done + cardinality(cases);
  END LOOP;
  RETURN NULL;
END
$$;
DROP TRIGGER authorization_evidence ON governance.authorization;
CREATE TRIGGER authorization_evidence AFTER INSERT ON governance.authorization
  FOR EACH ROW EXECUTE FUNCTION evidence.on_authorization();
ALTER TABLE governance.authorization ENABLE ALWAYS TRIGGER authorization_evidence;
CREATE TRIGGER authorization_changed_evidence AFTER UPDATE ON governance.authorization
  REFERENCING OLD TABLE AS before_changed NEW TABLE AS now_changed
  FOR EACH STATEMENT EXECUTE FUNCTION evidence.on_authorizations_changed();
ALTER TABLE governance.authorization ENABLE ALWAYS TRIGGER authorization_changed_evidence;
