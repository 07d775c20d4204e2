-- breaking: yes
-- reason: leaks, narrowing, quarantine notes, stored login tries, inventories of minted keys, re-verification

SET LOCAL ROLE keyturn_owner;

ALTER TABLE lifecycle.rotation
  DROP CONSTRAINT rotation_state_known,
  ADD CONSTRAINT rotation_state_known CHECK (state IN (
    'planned', 'claimed', 'contained', 'narrowed', 'prepared', 'applying', 'applied', 'verified', 'rights_equal',
    'published', 'overlap', 'retiring', 'sessions_ended', 'old_refused', 'done',
    'login_blocked', 'stripped', 'dropped', 'refused', 'residue_zero',
    'unknown', 'rolling_back', 'rolled_back', 'quarantined', 'cancelled', 'abandoned')),
  DROP CONSTRAINT rotation_trigger_known,
  ADD CONSTRAINT rotation_trigger_known CHECK (trigger IN (
    'issue', 'due', 'requested', 'leak', 'narrowed', 'revocation', 'identity_expired', 'secret_expired')),
  -- Missing rights were granted once.
  ADD COLUMN granted boolean NOT NULL DEFAULT false,
  -- Keys that the target held before it was asked to mint one; null: not asked yet, or a target that mints none.
  ADD COLUMN inventory text[] CONSTRAINT rotation_inventory_length CHECK (cardinality(inventory) <= 1000),
  -- For the person who must look: reason, since when, where it stood, the last proof, and what may be done next.
  ADD COLUMN quarantine jsonb CONSTRAINT rotation_quarantine_length CHECK (length(quarantine::text) <= 8192);

ALTER TABLE lifecycle.effect
  DROP CONSTRAINT effect_verb_known,
  ADD CONSTRAINT effect_verb_known CHECK (verb IN (
    'set_secret', 'grant', 'revoke_rights', 'change_own', 'add_key', 'remove_key', 'mint', 'disable_keys',
    'destroy_keys', 'block_logins', 'end_sessions', 'strip', 'drop'));

ALTER TABLE lifecycle.proof
  DROP CONSTRAINT proof_kind_known,
  ADD CONSTRAINT proof_kind_known CHECK (kind IN (
    'negative_control', 'login', 'identity', 'rights', 'sessions_ended', 'old_refused', 'residue',
    'candidate_refused', 'old_accepted', 'inventory'));

ALTER TABLE lifecycle.credential
  -- Somebody reported the current secret as known to others; null once a rotation for that reason has published.
  ADD COLUMN leaked_at timestamptz,
  ADD COLUMN next_verify_at timestamptz NOT NULL DEFAULT 'infinity';
CREATE INDEX credential_leaked ON lifecycle.credential (leaked_at) WHERE leaked_at IS NOT NULL;
CREATE INDEX credential_verify ON lifecycle.credential (next_verify_at) WHERE state = 'active';

-- Failed logins that we caused, or may have caused, on targets that lock logins. Counted before the try.
CREATE TABLE lifecycle.login_try (
  credential_id uuid NOT NULL CONSTRAINT login_try_credential_id_known REFERENCES lifecycle.credential (id),
  login text NOT NULL CONSTRAINT login_try_login_length CHECK (length(login) BETWEEN 1 AND 63),
  failures integer NOT NULL CONSTRAINT login_try_failures_positive CHECK (failures >= 0),
  last_failure_at timestamptz NOT NULL,
  -- What was asked with which refusal, so that a saga that had to wait need not ask again: question → time.
  refusals jsonb NOT NULL DEFAULT '{}' CONSTRAINT login_try_refusals_length CHECK (length(refusals::text) <= 4096),
  CONSTRAINT login_try_pkey PRIMARY KEY (credential_id, login)
) WITH (fillfactor = 50);

-- What a look at a live credential found. The newest rows of a credential matter; older ones are history.
CREATE TABLE lifecycle.verification (
  id uuid NOT NULL,
  credential_id uuid NOT NULL CONSTRAINT verification_credential_id_known REFERENCES lifecycle.credential (id),
  version integer,
  result text NOT NULL CONSTRAINT verification_result_known CHECK (result IN ('sound', 'drifted', 'cannot_tell')),
  -- Words of a closed list: rights_extra, rights_missing, login_refused, control_accepted, identity_mismatch,
  -- foreign_writer, vanished.
  drifts text[] NOT NULL CONSTRAINT verification_drifts_length CHECK (cardinality(drifts) <= 20),
  detail jsonb NOT NULL DEFAULT '{}' CONSTRAINT verification_detail_length CHECK (length(detail::text) <= 16384),
  fence bigint NOT NULL,
  observed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT verification_pkey PRIMARY KEY (credential_id, id),
  CONSTRAINT verification_drifts_whole CHECK ((result = 'drifted') = (cardinality(drifts) > 0))
);
CREATE TRIGGER verification_append_only BEFORE UPDATE OR DELETE ON lifecycle.verification
  FOR EACH ROW EXECUTE FUNCTION keyturn.refuse_change();
CREATE TRIGGER verification_no_truncate BEFORE TRUNCATE ON lifecycle.verification
  EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE lifecycle.verification ENABLE ALWAYS TRIGGER verification_append_only;
ALTER TABLE lifecycle.verification ENABLE ALWAYS TRIGGER verification_no_truncate;

ALTER TABLE jobs.operator_action
  DROP CONSTRAINT operator_action_action_known,
  ADD CONSTRAINT operator_action_action_known CHECK (action ~ '^[a-z_]{1,40}$');

GRANT SELECT ON lifecycle.login_try, lifecycle.verification TO keyturn_auditor;

CREATE OR REPLACE VIEW keyturn.v_credential AS
SELECT c.id AS credential_id, i.name AS identity, t.name AS target, t.environment, c.state, v.number AS current_version,
  v.login AS current_login, v.published_at, c.next_due_at, c.hard_expires_at, p.name AS policy,
  owner.external_id AS owner, r.id AS open_rotation_id, r.action AS open_action, r.state AS open_state,
  r.state_reason AS open_state_reason, a.voided_at AS authorization_voided_at, a.void_reason,
  r.quarantine AS open_quarantine, c.leaked_at, c.next_verify_at, l.observed_at AS verified_at,
  l.result AS verification, l.drifts
FROM lifecycle.credential AS c
JOIN governance.identity AS i ON i.id = c.identity_id
JOIN governance.target AS t ON t.id = c.target_id
JOIN governance.policy AS p ON p.id = i.policy_id
JOIN governance.person AS owner ON owner.id = i.owner_id
JOIN governance.authorization AS a ON a.id = c.authorization_id
LEFT JOIN lifecycle.version AS v ON v.credential_id = c.id AND v.state = 'current'
LEFT JOIN LATERAL (
  SELECT o.id, o.action, o.state, o.state_reason, o.quarantine
  FROM lifecycle.rotation AS o
  WHERE o.credential_id = c.id AND o.finished_at IS NULL
  ORDER BY o.action = 'revoke' DESC
  LIMIT 1
) AS r ON true
LEFT JOIN LATERAL (
  SELECT f.observed_at, f.result, f.drifts
  FROM lifecycle.verification AS f
  WHERE f.credential_id = c.id
  ORDER BY f.id DESC
  LIMIT 1
) AS l ON true;
COMMENT ON COLUMN keyturn.v_credential.open_quarantine IS
  'reason, since, state, last_proof and allowed next actions of a saga that needs a person; null: none does';
COMMENT ON COLUMN keyturn.v_credential.leaked_at IS 'reported as known to others and not replaced yet; null: not';
COMMENT ON COLUMN keyturn.v_credential.next_verify_at IS 'when it is looked at again';
COMMENT ON COLUMN keyturn.v_credential.verified_at IS 'when it was last looked at, beside rotations';
COMMENT ON COLUMN keyturn.v_credential.verification IS 'sound, drifted or cannot_tell; null: not looked at yet';
COMMENT ON COLUMN keyturn.v_credential.drifts IS 'what differs from what was approved';
