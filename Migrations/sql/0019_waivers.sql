-- breaking: yes
-- reason: a revocation that cannot be proven ends with somebody's signed waiver; orders for admins outlive their jobs

SET LOCAL ROLE keyturn_owner;

-- waived: its revocation was ended by a person's word and not by proof; what is left on the target is not known.
ALTER TABLE lifecycle.credential DROP CONSTRAINT credential_state_known,
  ADD CONSTRAINT credential_state_known CHECK (state IN ('pending', 'active', 'revoking', 'revoked', 'waived'));

ALTER TABLE governance.operator_permission DROP CONSTRAINT operator_permission_permission_known,
  ADD CONSTRAINT operator_permission_permission_known CHECK (permission IN ('contain', 'waive'));

CREATE TABLE lifecycle.waiver (
  id uuid CONSTRAINT waiver_pkey PRIMARY KEY,
  rotation_id uuid NOT NULL,
  credential_id uuid NOT NULL CONSTRAINT waiver_credential_id_known REFERENCES lifecycle.credential (id),
  waived_by uuid NOT NULL CONSTRAINT waiver_waived_by_known REFERENCES governance.person (id),
  permission_id uuid NOT NULL CONSTRAINT waiver_permission_id_known REFERENCES governance.operator_permission (id),
  ticket text NOT NULL CONSTRAINT waiver_ticket_length CHECK (length(ticket) BETWEEN 1 AND 200),
  reason text NOT NULL CONSTRAINT waiver_reason_length CHECK (length(reason) BETWEEN 1 AND 500),
  -- What was signed, byte for byte.
  statement text NOT NULL CONSTRAINT waiver_statement_length CHECK (length(statement) <= 32768),
  digest bytea NOT NULL CONSTRAINT waiver_digest_matches CHECK (digest = sha256(convert_to(statement, 'UTF8'))),
  signature text NOT NULL CONSTRAINT waiver_signature_length CHECK (length(signature) BETWEEN 1 AND 16384),
  waived_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT waiver_rotation_id_once UNIQUE (rotation_id),
  CONSTRAINT waiver_rotation_id_known FOREIGN KEY (rotation_id, credential_id)
    REFERENCES lifecycle.rotation (id, credential_id)
);
CREATE INDEX waiver_credential ON lifecycle.waiver (credential_id, waived_at);
CREATE TRIGGER waiver_append_only BEFORE DELETE OR UPDATE ON lifecycle.waiver
  FOR EACH ROW EXECUTE FUNCTION keyturn.refuse_change();
CREATE TRIGGER waiver_no_truncate BEFORE TRUNCATE ON lifecycle.waiver
  FOR EACH STATEMENT EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE lifecycle.waiver ENABLE ALWAYS TRIGGER waiver_append_only, ENABLE ALWAYS TRIGGER waiver_no_truncate;
-- In the credential's case: the rotation's own leaf names the digest.
CALL evidence.watch('lifecycle.waiver', 'record.changed', 'credential_id', 'waived_by', 'waived_by',
  'credential_id,digest,permission_id,rotation_id');
GRANT SELECT ON lifecycle.waiver TO keyturn_auditor;

-- Since when somebody's order for new secrets waits to begin: its job may be lost, this is not.
ALTER TABLE lifecycle.standby_admin ADD COLUMN asked_at timestamptz;

CREATE OR REPLACE VIEW keyturn.v_credential AS
SELECT c.id AS credential_id, i.name AS identity, t.name AS target, t.environment, c.state, v.number AS current_version,
  v.login AS current_login, v.published_at, c.next_due_at, c.hard_expires_at, p.name AS policy, owner.external_id AS owner,
  r.id AS open_rotation_id, r.action AS open_action, r.state AS open_state, r.state_reason AS open_state_reason,
  a.voided_at AS authorization_voided_at, a.void_reason, r.quarantine AS open_quarantine, c.leaked_at, c.next_verify_at,
  l.observed_at AS verified_at, l.result AS verification, l.drifts, w.waived_at, w.external_id AS waived_by,
  w.ticket AS waiver_ticket, w.reason AS waiver_reason
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
  LIMIT 1) AS r ON true
LEFT JOIN LATERAL (
  SELECT f.observed_at, f.result, f.drifts
  FROM lifecycle.verification AS f
  WHERE f.credential_id = c.id
  ORDER BY f.id DESC
  LIMIT 1) AS l ON true
LEFT JOIN LATERAL (
  SELECT x.waived_at, q.external_id, x.ticket, x.reason
  FROM lifecycle.waiver AS x
  JOIN governance.person AS q ON q.id = x.waived_by
  WHERE x.credential_id = c.id AND c.state = 'waived'
  ORDER BY x.waived_at DESC
  LIMIT 1) AS w ON true;
COMMENT ON COLUMN keyturn.v_credential.waived_at IS 'when its revocation was ended without proof; null: it was not';
COMMENT ON COLUMN keyturn.v_credential.waived_by IS 'who answers for what is left on the target';
COMMENT ON COLUMN keyturn.v_credential.waiver_ticket IS 'the helpdesk''s ticket of the waiver';
COMMENT ON COLUMN keyturn.v_credential.waiver_reason IS 'why, in their words';

CREATE OR REPLACE VIEW keyturn.v_rotation AS
SELECT r.id AS rotation_id, r.credential_id, i.name AS identity, t.name AS target, r.action, r.trigger,
  CASE WHEN EXISTS (SELECT FROM lifecycle.waiver AS w WHERE w.rotation_id = r.id) THEN 'waived' ELSE r.state END AS state,
  r.state_reason, r.old_version, r.new_version, r.ticket, r.created_at, r.entered_at, r.finished_at,
  (SELECT count(*) FROM lifecycle.effect AS e WHERE e.rotation_id = r.id) AS effects,
  (SELECT count(*) FROM lifecycle.proof AS p WHERE p.rotation_id = r.id AND p.result = 'passed') AS proofs_passed
FROM lifecycle.rotation AS r
JOIN lifecycle.credential AS c ON c.id = r.credential_id
JOIN governance.identity AS i ON i.id = c.identity_id
JOIN governance.target AS t ON t.id = c.target_id;
COMMENT ON COLUMN keyturn.v_rotation.state IS
  'where it stands; waived: a revocation that a person ended without proof, with a signature';
