-- breaking: yes
-- reason: incarnations and embargoes that permits obey, operator permissions, emergencies, containments, consumers

SET LOCAL ROLE keyturn_owner;

-- Where this database is. A copy of it, or what was restored from a dump of it, is somewhere else.
CREATE FUNCTION governance.place() RETURNS text
LANGUAGE sql STABLE
RETURN (SELECT system_identifier::text FROM pg_control_system()) || '/' ||
  (SELECT oid::text FROM pg_database WHERE datname = current_database());

-- One life of this database, from a person's word to the next. Processes keep its id and its latest mark outside of the
-- database; one that was set back has a lower mark than they, and one that is a copy is in another place.
CREATE TABLE governance.incarnation (
  id uuid CONSTRAINT incarnation_pkey PRIMARY KEY,
  place text NOT NULL CONSTRAINT incarnation_place_length CHECK (length(place) BETWEEN 1 AND 100),
  -- Grows every few seconds while a process runs.
  mark bigint NOT NULL DEFAULT 1 CONSTRAINT incarnation_mark_positive CHECK (mark >= 1),
  began_at timestamptz NOT NULL DEFAULT now(),
  -- Null: the first one, which began with the database.
  confirmed_by uuid CONSTRAINT incarnation_confirmed_by_known REFERENCES governance.person (id),
  reason text CONSTRAINT incarnation_reason_length CHECK (length(reason) BETWEEN 1 AND 500),
  ended_at timestamptz,
  CONSTRAINT incarnation_confirmed_whole CHECK ((confirmed_by IS NULL) = (reason IS NULL))
) WITH (fillfactor = 50);
CREATE UNIQUE INDEX incarnation_open_once ON governance.incarnation ((ended_at IS NULL)) WHERE ended_at IS NULL;

-- Which process may say that it knows this life, and who said so.
CREATE TABLE governance.incarnation_adoption (
  id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT incarnation_adoption_pkey PRIMARY KEY,
  incarnation_id uuid NOT NULL CONSTRAINT incarnation_adoption_incarnation_id_known REFERENCES governance.incarnation (id),
  host text NOT NULL CONSTRAINT incarnation_adoption_host_length CHECK (length(host) BETWEEN 1 AND 300),
  adopted_by uuid NOT NULL CONSTRAINT incarnation_adoption_adopted_by_known REFERENCES governance.person (id),
  reason text NOT NULL CONSTRAINT incarnation_adoption_reason_length CHECK (length(reason) BETWEEN 1 AND 500),
  at timestamptz NOT NULL DEFAULT now()
);

-- Nothing may be done about the subject now, but to contain it.
CREATE TABLE governance.embargo (
  subject uuid CONSTRAINT embargo_pkey PRIMARY KEY,
  reason text NOT NULL CONSTRAINT embargo_reason_length CHECK (length(reason) BETWEEN 1 AND 200),
  since timestamptz NOT NULL DEFAULT now()
);
GRANT DELETE ON governance.embargo TO keyturn_engine;

-- Who granted it knew this incarnation. Rows from before have none.
ALTER TABLE governance.permit
  ADD COLUMN incarnation uuid,
  ADD COLUMN mark bigint;

-- Whoever writes permits, by whatever statement: the incarnation must be the one that lives here, and not be set back.
CREATE FUNCTION governance.require_incarnation() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF EXISTS (
    SELECT FROM granted AS g
    WHERE NOT EXISTS (
      SELECT FROM governance.incarnation AS i
      WHERE i.ended_at IS NULL AND i.id = g.incarnation AND i.mark >= g.mark AND i.place = governance.place()))
  THEN
    RAISE EXCEPTION 'observe-only: this database is restored, copied or unknown to the process; see keyturn incarnation'
      USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER permit_incarnation AFTER INSERT ON governance.permit REFERENCING NEW TABLE AS granted
  FOR EACH STATEMENT EXECUTE FUNCTION governance.require_incarnation();
ALTER TABLE governance.permit ENABLE ALWAYS TRIGGER permit_incarnation;

-- What a person may do besides asking and approving.
CREATE TABLE governance.operator_permission (
  id uuid CONSTRAINT operator_permission_pkey PRIMARY KEY,
  person_id uuid NOT NULL CONSTRAINT operator_permission_person_id_known REFERENCES governance.person (id),
  permission text NOT NULL CONSTRAINT operator_permission_permission_known CHECK (permission IN ('contain')),
  -- Of the targets; null: all.
  environment text CONSTRAINT operator_permission_environment_length CHECK (length(environment) BETWEEN 1 AND 40),
  granted_by uuid NOT NULL CONSTRAINT operator_permission_granted_by_known REFERENCES governance.person (id),
  reason text NOT NULL CONSTRAINT operator_permission_reason_length CHECK (length(reason) BETWEEN 1 AND 500),
  granted_at timestamptz NOT NULL DEFAULT now(),
  valid_until timestamptz NOT NULL DEFAULT 'infinity',
  withdrawn_at timestamptz,
  withdrawn_by uuid CONSTRAINT operator_permission_withdrawn_by_known REFERENCES governance.person (id),
  CONSTRAINT operator_permission_granted_by_other CHECK (granted_by <> person_id),
  CONSTRAINT operator_permission_valid_until_after CHECK (valid_until > granted_at),
  CONSTRAINT operator_permission_withdrawn_whole CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL))
);
CREATE INDEX operator_permission_person ON governance.operator_permission (person_id) WHERE withdrawn_at IS NULL;

-- Breaking the glass: authority for hours that two people take, and a third reviews.
CREATE TABLE governance.emergency (
  id uuid CONSTRAINT emergency_pkey PRIMARY KEY,
  opened_by uuid NOT NULL CONSTRAINT emergency_opened_by_known REFERENCES governance.person (id),
  second_id uuid NOT NULL CONSTRAINT emergency_second_id_known REFERENCES governance.person (id),
  reason text NOT NULL CONSTRAINT emergency_reason_length CHECK (length(reason) BETWEEN 1 AND 500),
  opened_at timestamptz NOT NULL DEFAULT now(),
  valid_until timestamptz NOT NULL,
  review_due_at timestamptz NOT NULL,
  reviewed_at timestamptz,
  reviewed_by uuid CONSTRAINT emergency_reviewed_by_known REFERENCES governance.person (id),
  finding text CONSTRAINT emergency_finding_length CHECK (length(finding) BETWEEN 1 AND 500),
  CONSTRAINT emergency_second_id_differs CHECK (second_id <> opened_by),
  CONSTRAINT emergency_valid_until_range CHECK (valid_until > opened_at AND valid_until <= opened_at + interval '4 hours'),
  CONSTRAINT emergency_review_due_at_after CHECK (review_due_at > opened_at),
  CONSTRAINT emergency_reviewed_by_other CHECK (reviewed_by <> opened_by AND reviewed_by <> second_id),
  CONSTRAINT emergency_reviewed_whole CHECK (
    (reviewed_at IS NULL) = (reviewed_by IS NULL) AND (reviewed_at IS NULL) = (finding IS NULL))
);
CREATE INDEX emergency_review_open ON governance.emergency (review_due_at) WHERE reviewed_at IS NULL;

-- A mass action on what is known to others: everything is cut off first, and then rotated or revoked.
CREATE TABLE lifecycle.containment (
  id uuid CONSTRAINT containment_pkey PRIMARY KEY,
  selector text NOT NULL CONSTRAINT containment_selector_length CHECK (length(selector) BETWEEN 1 AND 500),
  digest text NOT NULL CONSTRAINT containment_digest_form CHECK (digest ~ '^[0-9a-f]{12}$'),
  follow_up text NOT NULL CONSTRAINT containment_follow_up_known CHECK (follow_up IN ('rotate', 'revoke')),
  requested_by uuid NOT NULL CONSTRAINT containment_requested_by_known REFERENCES governance.person (id),
  ticket text NOT NULL CONSTRAINT containment_ticket_length CHECK (length(ticket) BETWEEN 1 AND 200),
  reason text NOT NULL CONSTRAINT containment_reason_length CHECK (length(reason) BETWEEN 1 AND 500),
  permission_id uuid CONSTRAINT containment_permission_id_known REFERENCES governance.operator_permission (id),
  emergency_id uuid CONSTRAINT containment_emergency_id_known REFERENCES governance.emergency (id),
  requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT containment_authority_one CHECK (num_nonnulls(permission_id, emergency_id) = 1)
);
CREATE INDEX containment_requested_at ON lifecycle.containment (requested_at);

-- The part of it on one target; `id` is the subject of its job.
CREATE TABLE lifecycle.containment_target (
  id uuid CONSTRAINT containment_target_pkey PRIMARY KEY,
  containment_id uuid NOT NULL CONSTRAINT containment_target_containment_id_known REFERENCES lifecycle.containment (id),
  target_id uuid NOT NULL CONSTRAINT containment_target_target_id_known REFERENCES governance.target (id),
  bucket smallint NOT NULL CONSTRAINT containment_target_bucket_range CHECK (bucket = jobs.bucket_of(target_id)),
  -- When every one of its credentials was tried at least once.
  tried_at timestamptz,
  -- When all follow-ups of it had begun, or it was known that they may not.
  ended_at timestamptz,
  CONSTRAINT containment_target_once UNIQUE (containment_id, target_id)
);
CREATE INDEX containment_target_open ON lifecycle.containment_target (id) WHERE ended_at IS NULL;

-- One credential of it: the intent before the target is touched, and what came of it.
CREATE TABLE lifecycle.containment_item (
  containment_target_id uuid NOT NULL CONSTRAINT containment_item_containment_target_id_known
    REFERENCES lifecycle.containment_target (id),
  credential_id uuid NOT NULL CONSTRAINT containment_item_credential_id_known REFERENCES lifecycle.credential (id),
  authorization_id uuid NOT NULL CONSTRAINT containment_item_authorization_id_known
    REFERENCES governance.authorization (id),
  state text NOT NULL CONSTRAINT containment_item_state_known
    CHECK (state IN ('waiting', 'intended', 'contained', 'refused')),
  attempts integer NOT NULL DEFAULT 0,
  fence bigint NOT NULL,
  permit_id uuid CONSTRAINT containment_item_permit_id_known REFERENCES governance.permit (id),
  outcome_code text CONSTRAINT containment_item_outcome_code_length CHECK (length(outcome_code) <= 200),
  intended_at timestamptz,
  settled_at timestamptz,
  follow_up text NOT NULL DEFAULT 'waiting' CONSTRAINT containment_item_follow_up_known
    CHECK (follow_up IN ('waiting', 'opened', 'not_allowed', 'none')),
  follow_up_detail text CONSTRAINT containment_item_follow_up_detail_length CHECK (length(follow_up_detail) <= 200),
  rotation_id uuid,
  CONSTRAINT containment_item_pkey PRIMARY KEY (containment_target_id, credential_id),
  CONSTRAINT containment_item_permit_needed CHECK (state = 'waiting' OR permit_id IS NOT NULL)
) WITH (fillfactor = 50);
CREATE INDEX containment_item_credential ON lifecycle.containment_item (credential_id) WHERE follow_up = 'waiting';

-- A registered reader of one credential. Its token is kept as a hash, its webhook's secret sealed.
CREATE TABLE lifecycle.consumer (
  id uuid CONSTRAINT consumer_pkey PRIMARY KEY,
  credential_id uuid NOT NULL CONSTRAINT consumer_credential_id_known REFERENCES lifecycle.credential (id),
  name text NOT NULL CONSTRAINT consumer_name_length CHECK (length(name) BETWEEN 1 AND 100),
  token_hash bytea NOT NULL CONSTRAINT consumer_token_hash_length CHECK (length(token_hash) = 32),
  added_by uuid NOT NULL CONSTRAINT consumer_added_by_known REFERENCES governance.person (id),
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL DEFAULT 'infinity',
  removed_at timestamptz,
  webhook_url text CONSTRAINT consumer_webhook_url_length CHECK (length(webhook_url) BETWEEN 1 AND 1000),
  webhook_envelope bytea CONSTRAINT consumer_webhook_envelope_length CHECK (length(webhook_envelope) <= 65536),
  webhook_key_id text CONSTRAINT consumer_webhook_key_id_length CHECK (length(webhook_key_id) BETWEEN 1 AND 200),
  CONSTRAINT consumer_webhook_whole CHECK (num_nonnulls(webhook_url, webhook_envelope, webhook_key_id) IN (0, 3))
);
CREATE UNIQUE INDEX consumer_name_once ON lifecycle.consumer (credential_id, name) WHERE removed_at IS NULL;

-- Who read which version when, and who has it in use: one row each, however often it is read.
CREATE TABLE lifecycle.consumer_version (
  consumer_id uuid NOT NULL CONSTRAINT consumer_version_consumer_id_known REFERENCES lifecycle.consumer (id),
  version integer NOT NULL,
  reads bigint NOT NULL DEFAULT 0,
  first_read_at timestamptz,
  last_read_at timestamptz,
  acknowledged_at timestamptz,
  CONSTRAINT consumer_version_pkey PRIMARY KEY (consumer_id, version)
) WITH (fillfactor = 60);

-- What a webhook must be told, written with the publishing. Given out at least once.
CREATE TABLE lifecycle.delivery (
  id uuid CONSTRAINT delivery_pkey PRIMARY KEY DEFAULT gen_random_uuid(),
  consumer_id uuid NOT NULL CONSTRAINT delivery_consumer_id_known REFERENCES lifecycle.consumer (id),
  version integer NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  attempts integer NOT NULL DEFAULT 0,
  last_outcome text CONSTRAINT delivery_last_outcome_length CHECK (length(last_outcome) <= 200),
  tried_at timestamptz,
  settled_at timestamptz,
  state text NOT NULL DEFAULT 'open' CONSTRAINT delivery_state_known CHECK (state IN ('open', 'delivered', 'expired')),
  CONSTRAINT delivery_settled_whole CHECK ((state = 'open') = (settled_at IS NULL)),
  CONSTRAINT delivery_once UNIQUE (consumer_id, version)
) WITH (fillfactor = 60);
CREATE INDEX delivery_open ON lifecycle.delivery (consumer_id, version) WHERE state = 'open';
GRANT DELETE ON lifecycle.consumer_version, lifecycle.delivery TO keyturn_engine;

-- What the policy does when the overlap is over and a consumer still uses the old version.
ALTER TABLE governance.policy
  ADD COLUMN on_unacknowledged text NOT NULL DEFAULT 'retire'
    CONSTRAINT policy_on_unacknowledged_known CHECK (on_unacknowledged IN ('retire', 'extend'));

-- What a person must hear of. One open row per kind and subject.
CREATE TABLE lifecycle.alarm (
  id uuid CONSTRAINT alarm_pkey PRIMARY KEY DEFAULT gen_random_uuid(),
  kind text NOT NULL CONSTRAINT alarm_kind_known CHECK (kind IN ('overlap_exceeded', 'delivery_expired')),
  subject uuid NOT NULL,
  detail text NOT NULL CONSTRAINT alarm_detail_length CHECK (length(detail) <= 500),
  raised_at timestamptz NOT NULL DEFAULT now(),
  cleared_at timestamptz
);
CREATE UNIQUE INDEX alarm_open_once ON lifecycle.alarm (kind, subject) WHERE cleared_at IS NULL;

GRANT SELECT ON lifecycle.containment, lifecycle.containment_target, lifecycle.containment_item,
  lifecycle.consumer_version, lifecycle.delivery, lifecycle.alarm TO keyturn_auditor;
GRANT SELECT (id, credential_id, name, added_by, created_at, expires_at, removed_at, webhook_url, webhook_key_id)
  ON lifecycle.consumer TO keyturn_auditor;

CREATE VIEW keyturn.v_containment AS
SELECT c.id AS containment_id, c.selector, c.follow_up, p.external_id AS requested_by, c.ticket, c.reason,
  CASE WHEN c.permission_id IS NULL THEN 'emergency' ELSE 'permission' END AS authority, c.requested_at,
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
COMMENT ON VIEW keyturn.v_containment IS 'Mass actions on leaks: what was cut off, how long it took, what follows.';
COMMENT ON COLUMN keyturn.v_containment.containment_id IS 'id, as `keyturn contain status` takes it';
COMMENT ON COLUMN keyturn.v_containment.selector IS 'what was named';
COMMENT ON COLUMN keyturn.v_containment.follow_up IS 'what comes after the cut: rotate or revoke';
COMMENT ON COLUMN keyturn.v_containment.requested_by IS 'who ordered it';
COMMENT ON COLUMN keyturn.v_containment.ticket IS 'the helpdesk''s ticket';
COMMENT ON COLUMN keyturn.v_containment.reason IS 'why, in the operator''s words';
COMMENT ON COLUMN keyturn.v_containment.authority IS 'permission: recorded before; emergency: two people, reviewed after';
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

CREATE VIEW keyturn.v_consumer AS
SELECT c.id AS consumer_id, c.name, c.credential_id, i.name AS identity, t.name AS target, c.created_at,
  NULLIF(c.expires_at, 'infinity') AS expires_at, c.webhook_url, cur.number AS current_version,
  a.version AS acknowledged_version, a.acknowledged_at, l.version AS last_read_version, l.last_read_at, l.reads,
  (SELECT count(*) FROM lifecycle.delivery AS d WHERE d.consumer_id = c.id AND d.state = 'open') AS open_deliveries
FROM lifecycle.consumer AS c
JOIN lifecycle.credential AS k ON k.id = c.credential_id
JOIN governance.identity AS i ON i.id = k.identity_id
JOIN governance.target AS t ON t.id = k.target_id
LEFT JOIN lifecycle.version AS cur ON cur.credential_id = c.credential_id AND cur.state = 'current'
LEFT JOIN LATERAL (
  SELECT v.version, v.acknowledged_at FROM lifecycle.consumer_version AS v
  WHERE v.consumer_id = c.id AND v.acknowledged_at IS NOT NULL ORDER BY v.version DESC LIMIT 1) AS a ON true
LEFT JOIN LATERAL (
  SELECT v.version, v.last_read_at, v.reads FROM lifecycle.consumer_version AS v
  WHERE v.consumer_id = c.id AND v.last_read_at IS NOT NULL ORDER BY v.version DESC LIMIT 1) AS l ON true
WHERE c.removed_at IS NULL;
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

CREATE VIEW keyturn.v_alarm AS
SELECT a.id AS alarm_id, a.kind, a.subject, a.detail, a.raised_at, a.cleared_at
FROM lifecycle.alarm AS a;
COMMENT ON VIEW keyturn.v_alarm IS 'What a person must hear of.';
COMMENT ON COLUMN keyturn.v_alarm.alarm_id IS 'id of the alarm';
COMMENT ON COLUMN keyturn.v_alarm.kind IS 'overlap_exceeded: a consumer did not move in time; delivery_expired: a webhook could not be told';
COMMENT ON COLUMN keyturn.v_alarm.subject IS 'the rotation, or the consumer';
COMMENT ON COLUMN keyturn.v_alarm.detail IS 'what happened';
COMMENT ON COLUMN keyturn.v_alarm.raised_at IS 'since when';
COMMENT ON COLUMN keyturn.v_alarm.cleared_at IS 'when it was over; null: it is not';

CREATE VIEW keyturn.v_emergency AS
SELECT e.id AS emergency_id, o.external_id AS opened_by, s.external_id AS second, e.reason, e.opened_at, e.valid_until,
  e.review_due_at, e.reviewed_at, r.external_id AS reviewed_by, e.finding,
  e.reviewed_at IS NULL AND e.review_due_at < now() AS review_overdue
FROM governance.emergency AS e
JOIN governance.person AS o ON o.id = e.opened_by
JOIN governance.person AS s ON s.id = e.second_id
LEFT JOIN governance.person AS r ON r.id = e.reviewed_by;
COMMENT ON VIEW keyturn.v_emergency IS 'Broken glass and its reviews.';
COMMENT ON COLUMN keyturn.v_emergency.emergency_id IS 'id of the emergency';
COMMENT ON COLUMN keyturn.v_emergency.opened_by IS 'who broke the glass';
COMMENT ON COLUMN keyturn.v_emergency.second IS 'who stood beside';
COMMENT ON COLUMN keyturn.v_emergency.reason IS 'why, in their words';
COMMENT ON COLUMN keyturn.v_emergency.opened_at IS 'since when it gave authority';
COMMENT ON COLUMN keyturn.v_emergency.valid_until IS 'until when it gave authority';
COMMENT ON COLUMN keyturn.v_emergency.review_due_at IS 'when somebody else must have looked at it';
COMMENT ON COLUMN keyturn.v_emergency.reviewed_at IS 'when somebody did; null: it is open';
COMMENT ON COLUMN keyturn.v_emergency.reviewed_by IS 'who did';
COMMENT ON COLUMN keyturn.v_emergency.finding IS 'what they found';
COMMENT ON COLUMN keyturn.v_emergency.review_overdue IS 'open after it was due';

GRANT SELECT ON keyturn.v_containment, keyturn.v_consumer, keyturn.v_alarm, keyturn.v_emergency
  TO keyturn_engine, keyturn_auditor, keyturn_dashboard;
