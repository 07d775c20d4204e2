-- breaking: yes
-- reason: credentials, versions, rotations, effects, proofs

SET LOCAL ROLE keyturn_owner;

CREATE TABLE lifecycle.credential (
  id uuid CONSTRAINT credential_pkey PRIMARY KEY,
  identity_id uuid NOT NULL CONSTRAINT credential_identity_id_known REFERENCES governance.identity (id),
  target_id uuid NOT NULL CONSTRAINT credential_target_id_known REFERENCES governance.target (id),
  bucket smallint NOT NULL CONSTRAINT credential_bucket_range CHECK (bucket = jobs.bucket_of(target_id)),
  state text NOT NULL CONSTRAINT credential_state_known CHECK (state IN ('pending', 'active', 'revoking', 'revoked')),
  -- The standing authorization for routine rotation; the permit checks the one that the rotation names.
  authorization_id uuid NOT NULL CONSTRAINT credential_authorization_id_known REFERENCES governance.authorization (id),
  -- The highest fencing number any job of this credential has used; seeds the next job's.
  fence bigint NOT NULL DEFAULT 0,
  due_anchor timestamptz,
  next_due_at timestamptz NOT NULL DEFAULT 'infinity',
  hard_expires_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT credential_identity_once UNIQUE (identity_id)
) WITH (fillfactor = 70);
CREATE INDEX credential_due ON lifecycle.credential (next_due_at) WHERE state = 'active';
CREATE INDEX credential_expiry ON lifecycle.credential (hard_expires_at) WHERE state = 'active';

CREATE TABLE lifecycle.version (
  credential_id uuid NOT NULL CONSTRAINT version_credential_id_known REFERENCES lifecycle.credential (id),
  number integer NOT NULL CONSTRAINT version_number_positive CHECK (number >= 1),
  state text NOT NULL CONSTRAINT version_state_known
    CHECK (state IN ('candidate', 'current', 'retiring', 'revoked', 'orphan')),
  login text NOT NULL CONSTRAINT version_login_length CHECK (length(login) BETWEEN 1 AND 63),
  -- Null once the sealed secret was destroyed.
  envelope bytea CONSTRAINT version_envelope_length CHECK (length(envelope) <= 65536),
  key_id text NOT NULL CONSTRAINT version_key_id_length CHECK (length(key_id) BETWEEN 1 AND 200),
  created_at timestamptz NOT NULL DEFAULT now(),
  published_at timestamptz,
  ended_at timestamptz,
  CONSTRAINT version_pkey PRIMARY KEY (credential_id, number),
  CONSTRAINT version_envelope_kept CHECK (envelope IS NOT NULL OR state IN ('revoked', 'orphan'))
);
CREATE UNIQUE INDEX version_current_once ON lifecycle.version (credential_id) WHERE state = 'current';
CREATE UNIQUE INDEX version_candidate_once ON lifecycle.version (credential_id) WHERE state = 'candidate';

-- The saga. Every write names `fence` and checks the row count.
CREATE TABLE lifecycle.rotation (
  id uuid CONSTRAINT rotation_pkey PRIMARY KEY,
  credential_id uuid NOT NULL CONSTRAINT rotation_credential_id_known REFERENCES lifecycle.credential (id),
  bucket smallint NOT NULL CONSTRAINT rotation_bucket_range CHECK (bucket BETWEEN 0 AND 63),
  action text NOT NULL CONSTRAINT rotation_action_known CHECK (action IN ('issue', 'rotate', 'revoke')),
  state text NOT NULL CONSTRAINT rotation_state_known CHECK (state IN (
    'planned', 'claimed', 'prepared', 'applying', 'applied', 'verified', 'rights_equal', 'published', 'overlap',
    'retiring', 'sessions_ended', 'old_refused', 'done',
    'login_blocked', 'stripped', 'dropped', 'refused', 'residue_zero',
    'unknown', 'rolling_back', 'rolled_back', 'quarantined', 'cancelled')),
  state_reason text CONSTRAINT rotation_state_reason_length CHECK (length(state_reason) <= 500),
  trigger text NOT NULL CONSTRAINT rotation_trigger_known
    CHECK (trigger IN ('issue', 'due', 'requested', 'leak', 'revocation', 'identity_expired', 'secret_expired')),
  requested_by uuid CONSTRAINT rotation_requested_by_known REFERENCES governance.person (id),
  ticket text CONSTRAINT rotation_ticket_length CHECK (length(ticket) <= 200),
  authorization_id uuid NOT NULL CONSTRAINT rotation_authorization_id_known REFERENCES governance.authorization (id),
  new_version integer,
  old_version integer,
  fence bigint NOT NULL DEFAULT 0,
  candidates integer NOT NULL DEFAULT 0,
  steps integer NOT NULL DEFAULT 0,
  resume_state text,
  wait_until timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  entered_at timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz
) WITH (fillfactor = 60);
-- One open saga per credential; a revocation may wait beside it and takes over at the next claim.
CREATE UNIQUE INDEX rotation_open_once ON lifecycle.rotation (credential_id, (action = 'revoke')) WHERE finished_at IS NULL;
CREATE INDEX rotation_credential ON lifecycle.rotation (credential_id, created_at);

-- When each state was entered: the step times of the summary, and the saga's history.
CREATE TABLE lifecycle.rotation_step (
  rotation_id uuid NOT NULL,
  sequence integer NOT NULL,
  from_state text NOT NULL,
  to_state text NOT NULL,
  fence bigint NOT NULL,
  started_at timestamptz NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT rotation_step_pkey PRIMARY KEY (rotation_id, sequence)
);

CREATE TABLE lifecycle.effect (
  id uuid CONSTRAINT effect_pkey PRIMARY KEY,
  rotation_id uuid NOT NULL CONSTRAINT effect_rotation_id_known REFERENCES lifecycle.rotation (id),
  credential_id uuid NOT NULL CONSTRAINT effect_credential_id_known REFERENCES lifecycle.credential (id),
  permit_id uuid NOT NULL CONSTRAINT effect_permit_id_known REFERENCES governance.permit (id)
    CONSTRAINT effect_permit_id_once UNIQUE,
  verb text NOT NULL CONSTRAINT effect_verb_known
    CHECK (verb IN ('set_secret', 'grant', 'block_logins', 'end_sessions', 'strip', 'drop')),
  version integer,
  fence bigint NOT NULL,
  state text NOT NULL CONSTRAINT effect_state_known CHECK (state IN ('intended', 'applied', 'refused', 'unknown')),
  outcome_code text CONSTRAINT effect_outcome_code_length CHECK (length(outcome_code) <= 200),
  intended_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  settled_at timestamptz
);
CREATE INDEX effect_rotation ON lifecycle.effect (rotation_id, intended_at);

CREATE TABLE lifecycle.proof (
  id uuid CONSTRAINT proof_pkey PRIMARY KEY,
  rotation_id uuid NOT NULL CONSTRAINT proof_rotation_id_known REFERENCES lifecycle.rotation (id),
  credential_id uuid NOT NULL CONSTRAINT proof_credential_id_known REFERENCES lifecycle.credential (id),
  version integer,
  kind text NOT NULL CONSTRAINT proof_kind_known CHECK (kind IN (
    'negative_control', 'login', 'identity', 'rights', 'sessions_ended', 'old_refused', 'residue')),
  result text NOT NULL CONSTRAINT proof_result_known CHECK (result IN ('passed', 'failed', 'cannot_tell')),
  detail jsonb NOT NULL DEFAULT '{}' CONSTRAINT proof_detail_length CHECK (length(detail::text) <= 16384),
  fence bigint NOT NULL,
  observed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX proof_rotation ON lifecycle.proof (rotation_id, observed_at);

CREATE TRIGGER proof_append_only BEFORE UPDATE OR DELETE ON lifecycle.proof
  FOR EACH ROW EXECUTE FUNCTION keyturn.refuse_change();
CREATE TRIGGER proof_no_truncate BEFORE TRUNCATE ON lifecycle.proof EXECUTE FUNCTION keyturn.refuse_change();
CREATE TRIGGER rotation_step_append_only BEFORE UPDATE OR DELETE ON lifecycle.rotation_step
  FOR EACH ROW EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE lifecycle.proof ENABLE ALWAYS TRIGGER proof_append_only;
ALTER TABLE lifecycle.rotation_step ENABLE ALWAYS TRIGGER rotation_step_append_only;

GRANT SELECT ON lifecycle.credential, lifecycle.rotation, lifecycle.rotation_step, lifecycle.effect, lifecycle.proof
  TO keyturn_auditor;
GRANT SELECT (credential_id, number, state, login, key_id, created_at, published_at, ended_at)
  ON lifecycle.version TO keyturn_auditor;
