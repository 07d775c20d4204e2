-- breaking: no
-- reason: a second admin per target, trials of targets, what discovery found

SET LOCAL ROLE keyturn_owner;

-- The engine's second admin login on a target. The first one's name and secret are the target's own; they change places when
-- a secret is rotated, so that the one in use is never the one that is being changed.
CREATE TABLE lifecycle.standby_admin (
  target_id uuid CONSTRAINT standby_admin_pkey PRIMARY KEY
    CONSTRAINT standby_admin_target_id_known REFERENCES governance.target (id),
  login text NOT NULL CONSTRAINT standby_admin_login_length CHECK (length(login) BETWEEN 1 AND 63),
  version integer NOT NULL CONSTRAINT standby_admin_version_positive CHECK (version >= 1),
  envelope bytea NOT NULL CONSTRAINT standby_admin_envelope_length CHECK (length(envelope) <= 65536),
  -- The next secret of this login, sealed and stored before the target sees it.
  candidate_version integer CONSTRAINT standby_admin_candidate_version_positive CHECK (candidate_version >= 1),
  candidate_envelope bytea CONSTRAINT standby_admin_candidate_envelope_length CHECK (length(candidate_envelope) <= 65536),
  -- idle; first: this login's secret changes; second: they changed places, and the other's secret changes.
  phase text NOT NULL DEFAULT 'idle' CONSTRAINT standby_admin_phase_known CHECK (phase IN ('idle', 'first', 'second')),
  -- Until then whoever began with the other login may still need it.
  wait_until timestamptz,
  -- How long both logins' secrets stay as they are after they changed places.
  overlap interval NOT NULL DEFAULT interval '1 minute' CONSTRAINT standby_admin_overlap_range
    CHECK (overlap BETWEEN interval '0' AND interval '1 day'),
  rotate_every interval CONSTRAINT standby_admin_rotate_every_range
    CHECK (rotate_every BETWEEN interval '1 minute' AND interval '10 years'),
  -- The highest fencing number that any job of this target's admins has used.
  fence bigint NOT NULL DEFAULT 0,
  requested_by text CONSTRAINT standby_admin_requested_by_length CHECK (length(requested_by) <= 200),
  reason text CONSTRAINT standby_admin_reason_length CHECK (length(reason) <= 500),
  rotated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT standby_admin_candidate_whole CHECK ((candidate_version IS NULL) = (candidate_envelope IS NULL))
);

-- Every trial of a target with an identity of its own, passed or not; a target that failed has no id.
CREATE TABLE lifecycle.target_trial (
  id uuid CONSTRAINT target_trial_pkey PRIMARY KEY,
  target_id uuid,
  target_name text NOT NULL CONSTRAINT target_trial_target_name_length CHECK (length(target_name) BETWEEN 1 AND 100),
  passed boolean NOT NULL,
  failed_step text CONSTRAINT target_trial_failed_step_length CHECK (length(failed_step) <= 100),
  reason text CONSTRAINT target_trial_reason_length CHECK (length(reason) <= 1000),
  steps integer NOT NULL CONSTRAINT target_trial_steps_positive CHECK (steps >= 0),
  seconds double precision NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT target_trial_whole CHECK (passed = (failed_step IS NULL) AND passed = (reason IS NULL))
);
CREATE INDEX target_trial_target ON lifecycle.target_trial (target_id, at);
CREATE TRIGGER target_trial_append_only BEFORE UPDATE OR DELETE ON lifecycle.target_trial
  FOR EACH ROW EXECUTE FUNCTION keyturn.refuse_change();
CREATE TRIGGER target_trial_no_truncate BEFORE TRUNCATE ON lifecycle.target_trial
  EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE lifecycle.target_trial ENABLE ALWAYS TRIGGER target_trial_append_only;

-- When each target was last looked over. Lock order: before its findings.
CREATE TABLE lifecycle.discovery (
  target_id uuid CONSTRAINT discovery_pkey PRIMARY KEY
    CONSTRAINT discovery_target_id_known REFERENCES governance.target (id),
  next_at timestamptz NOT NULL,
  started_at timestamptz,
  finished_at timestamptz,
  logins integer,
  governed integer,
  result text CONSTRAINT discovery_result_length CHECK (length(result) <= 500)
);

-- What a target has and no case explains, or lacks though a case says it should.
CREATE TABLE lifecycle.finding (
  id uuid CONSTRAINT finding_pkey PRIMARY KEY,
  target_id uuid NOT NULL CONSTRAINT finding_target_id_known REFERENCES governance.target (id),
  kind text NOT NULL CONSTRAINT finding_kind_known CHECK (kind IN (
    'unexplained_login', 'unknown_mark', 'mark_lost', 'renamed', 'vanished', 'disabled', 'left_behind', 'shared',
    'stale_trial')),
  name text NOT NULL CONSTRAINT finding_name_length CHECK (length(name) BETWEEN 1 AND 63),
  identity_id uuid CONSTRAINT finding_identity_id_known REFERENCES governance.identity (id),
  detail text NOT NULL CONSTRAINT finding_detail_length CHECK (length(detail) <= 1000),
  state text NOT NULL DEFAULT 'open' CONSTRAINT finding_state_known CHECK (state IN ('open', 'explained', 'gone')),
  first_seen_at timestamptz NOT NULL DEFAULT now(),
  last_seen_at timestamptz NOT NULL DEFAULT now(),
  gone_at timestamptz,
  explained_by uuid CONSTRAINT finding_explained_by_known REFERENCES governance.person (id),
  explained_at timestamptz,
  explanation text CONSTRAINT finding_explanation_length CHECK (length(explanation) BETWEEN 1 AND 500),
  CONSTRAINT finding_once UNIQUE (target_id, kind, name),
  CONSTRAINT finding_explanation_whole
    CHECK ((explained_by IS NULL) = (explanation IS NULL) AND (explained_by IS NULL) = (explained_at IS NULL)),
  CONSTRAINT finding_explained_by_somebody CHECK (state <> 'explained' OR explained_by IS NOT NULL),
  CONSTRAINT finding_gone_whole CHECK ((state = 'gone') = (gone_at IS NOT NULL))
);

GRANT SELECT ON lifecycle.target_trial, lifecycle.discovery, lifecycle.finding TO keyturn_auditor;
GRANT SELECT (target_id, login, version, candidate_version, phase, wait_until, overlap, rotate_every, fence, requested_by, reason,
  rotated_at) ON lifecycle.standby_admin TO keyturn_auditor;

CREATE VIEW keyturn.v_finding AS
SELECT f.id AS finding_id, t.name AS target, t.environment, f.kind, f.name, i.name AS identity, f.detail, f.state,
  f.first_seen_at, f.last_seen_at, f.gone_at, p.external_id AS explained_by, f.explained_at, f.explanation
FROM lifecycle.finding AS f
JOIN governance.target AS t ON t.id = f.target_id
LEFT JOIN governance.identity AS i ON i.id = f.identity_id
LEFT JOIN governance.person AS p ON p.id = f.explained_by;
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

CREATE VIEW keyturn.v_discovery AS
SELECT t.name AS target, t.environment, d.finished_at AS looked_at, d.next_at, d.logins, d.governed, d.result,
  (SELECT count(*) FROM lifecycle.finding AS f WHERE f.target_id = t.id AND f.state = 'open') AS open_findings
FROM governance.target AS t
LEFT JOIN lifecycle.discovery AS d ON d.target_id = t.id;
COMMENT ON VIEW keyturn.v_discovery IS 'When each target was looked over, and how many of its logins are governed.';
COMMENT ON COLUMN keyturn.v_discovery.target IS 'name of the target';
COMMENT ON COLUMN keyturn.v_discovery.environment IS 'production, staging, …';
COMMENT ON COLUMN keyturn.v_discovery.looked_at IS 'when it was last looked over';
COMMENT ON COLUMN keyturn.v_discovery.next_at IS 'when it is due again';
COMMENT ON COLUMN keyturn.v_discovery.logins IS 'logins on the target then';
COMMENT ON COLUMN keyturn.v_discovery.governed IS 'of these, logins of identities';
COMMENT ON COLUMN keyturn.v_discovery.result IS 'what was done, or why it could not be';
COMMENT ON COLUMN keyturn.v_discovery.open_findings IS 'findings that nobody has explained';

CREATE VIEW keyturn.v_target_trial AS
SELECT r.id AS trial_id, r.target_name AS target, r.passed, r.failed_step, r.reason, r.steps, r.seconds, r.at
FROM lifecycle.target_trial AS r;
COMMENT ON VIEW keyturn.v_target_trial IS 'Trials of targets with an identity of their own: issue, rotate, revoke, nothing left.';
COMMENT ON COLUMN keyturn.v_target_trial.trial_id IS 'id of the trial';
COMMENT ON COLUMN keyturn.v_target_trial.target IS 'name of the target, also of one that was refused';
COMMENT ON COLUMN keyturn.v_target_trial.passed IS 'whether everything held';
COMMENT ON COLUMN keyturn.v_target_trial.failed_step IS 'the first step that did not hold';
COMMENT ON COLUMN keyturn.v_target_trial.reason IS 'what was seen there';
COMMENT ON COLUMN keyturn.v_target_trial.steps IS 'steps that were done';
COMMENT ON COLUMN keyturn.v_target_trial.seconds IS 'how long it took';
COMMENT ON COLUMN keyturn.v_target_trial.at IS 'when';
