-- breaking: yes
-- reason: people, targets, identities, policies, requests, approvals, authorizations, permits

SET LOCAL ROLE keyturn_owner;

CREATE TABLE governance.person (
  id uuid CONSTRAINT person_pkey PRIMARY KEY,
  external_id text NOT NULL CONSTRAINT person_external_id_length CHECK (length(external_id) BETWEEN 1 AND 200),
  state text NOT NULL DEFAULT 'active' CONSTRAINT person_state_known CHECK (state IN ('active', 'suspended', 'terminated')),
  source text NOT NULL DEFAULT 'manual' CONSTRAINT person_source_length CHECK (length(source) BETWEEN 1 AND 100),
  as_of timestamptz NOT NULL DEFAULT now(),
  version bigint NOT NULL DEFAULT 1,
  CONSTRAINT person_external_id_unique UNIQUE (external_id)
);

CREATE TABLE governance.policy (
  id uuid CONSTRAINT policy_pkey PRIMARY KEY,
  name text NOT NULL CONSTRAINT policy_name_length CHECK (length(name) BETWEEN 1 AND 100),
  rotation_period interval NOT NULL CONSTRAINT policy_rotation_period_range
    CHECK (rotation_period BETWEEN interval '10 seconds' AND interval '10 years'),
  rotation_jitter interval NOT NULL CONSTRAINT policy_rotation_jitter_range
    CHECK (rotation_jitter >= interval '0' AND rotation_jitter <= rotation_period),
  overlap interval NOT NULL CONSTRAINT policy_overlap_range CHECK (overlap BETWEEN interval '0' AND interval '90 days'),
  settle interval NOT NULL DEFAULT interval '10 seconds' CONSTRAINT policy_settle_range
    CHECK (settle BETWEEN interval '0' AND interval '1 day'),
  retry_reserve interval NOT NULL DEFAULT interval '1 hour' CONSTRAINT policy_retry_reserve_range
    CHECK (retry_reserve BETWEEN interval '0' AND interval '30 days'),
  on_expiry text NOT NULL DEFAULT 'rotate' CONSTRAINT policy_on_expiry_known CHECK (on_expiry IN ('rotate', 'revoke')),
  secret_length smallint NOT NULL DEFAULT 32 CONSTRAINT policy_secret_length_range CHECK (secret_length BETWEEN 16 AND 128),
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT policy_name_unique UNIQUE (name)
);

CREATE TABLE governance.target (
  id uuid CONSTRAINT target_pkey PRIMARY KEY,
  bucket smallint NOT NULL CONSTRAINT target_bucket_range CHECK (bucket = jobs.bucket_of(id)),
  name text NOT NULL CONSTRAINT target_name_length CHECK (length(name) BETWEEN 1 AND 100),
  kind text NOT NULL CONSTRAINT target_kind_length CHECK (length(kind) BETWEEN 1 AND 40),
  environment text NOT NULL CONSTRAINT target_environment_length CHECK (length(environment) BETWEEN 1 AND 40),
  settings jsonb NOT NULL,
  admin_envelope bytea NOT NULL CONSTRAINT target_admin_envelope_length CHECK (length(admin_envelope) <= 65536),
  admin_version integer NOT NULL DEFAULT 1,
  examined_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT target_name_unique UNIQUE (name)
);

CREATE TABLE governance.identity (
  id uuid CONSTRAINT identity_pkey PRIMARY KEY,
  target_id uuid NOT NULL CONSTRAINT identity_target_id_known REFERENCES governance.target (id),
  bucket smallint NOT NULL CONSTRAINT identity_bucket_range CHECK (bucket = jobs.bucket_of(target_id)),
  name text NOT NULL CONSTRAINT identity_name_form CHECK (name ~ '^[a-z_][a-z0-9_]{0,58}$'),
  login_mode text NOT NULL CONSTRAINT identity_login_mode_known CHECK (login_mode IN ('alternating', 'single')),
  owner_id uuid NOT NULL CONSTRAINT identity_owner_id_known REFERENCES governance.person (id),
  backup_owner_id uuid NOT NULL CONSTRAINT identity_backup_owner_id_known REFERENCES governance.person (id),
  purpose text NOT NULL CONSTRAINT identity_purpose_length CHECK (length(btrim(purpose)) BETWEEN 1 AND 500),
  environment text NOT NULL CONSTRAINT identity_environment_length CHECK (length(btrim(environment)) BETWEEN 1 AND 40),
  workload text NOT NULL CONSTRAINT identity_workload_length CHECK (length(btrim(workload)) BETWEEN 1 AND 200),
  rights text[] NOT NULL,
  policy_id uuid NOT NULL CONSTRAINT identity_policy_id_known REFERENCES governance.policy (id),
  expires_at timestamptz NOT NULL CONSTRAINT identity_expires_at_finite CHECK (isfinite(expires_at)),
  created_at timestamptz NOT NULL DEFAULT now(),
  -- Unique for ever: a name is not reused after revocation.
  CONSTRAINT identity_name_unique UNIQUE (target_id, name),
  CONSTRAINT identity_backup_owner_id_differs CHECK (owner_id <> backup_owner_id)
);

-- The exact change that approvers see. Immutable: an amendment is a new revision.
CREATE TABLE governance.request (
  id uuid NOT NULL,
  revision integer NOT NULL CONSTRAINT request_revision_positive CHECK (revision >= 1),
  origin text NOT NULL CONSTRAINT request_origin_known CHECK (origin IN ('person', 'policy')),
  identity_id uuid NOT NULL CONSTRAINT request_identity_id_known REFERENCES governance.identity (id),
  actions text[] NOT NULL CONSTRAINT request_actions_known
    CHECK (actions <@ ARRAY['issue', 'rotate', 'revoke'] AND cardinality(actions) >= 1),
  requester_id uuid CONSTRAINT request_requester_id_known REFERENCES governance.person (id),
  beneficiary_id uuid CONSTRAINT request_beneficiary_id_known REFERENCES governance.person (id),
  ticket text NOT NULL CONSTRAINT request_ticket_length CHECK (length(btrim(ticket)) BETWEEN 1 AND 200),
  -- The canonical JSON bytes and their SHA-256; the digest is what approvals refer to.
  core bytea NOT NULL CONSTRAINT request_core_length CHECK (length(core) <= 16384),
  digest bytea NOT NULL CONSTRAINT request_digest_matches CHECK (digest = sha256(core)),
  submitted_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT request_pkey PRIMARY KEY (id, revision),
  CONSTRAINT request_digest_unique UNIQUE (id, revision, digest),
  -- Policy may open a request by itself only to reduce.
  CONSTRAINT request_origin_whole CHECK (
    origin = 'person' AND requester_id IS NOT NULL
    OR origin = 'policy' AND requester_id IS NULL AND actions = ARRAY['revoke'])
);

CREATE TABLE governance.approval (
  id uuid CONSTRAINT approval_pkey PRIMARY KEY,
  request_id uuid NOT NULL,
  revision integer NOT NULL,
  digest bytea NOT NULL,
  approver_id uuid NOT NULL CONSTRAINT approval_approver_id_known REFERENCES governance.person (id),
  decision text NOT NULL CONSTRAINT approval_decision_known CHECK (decision IN ('approve', 'deny')),
  decided_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT approval_digest_known FOREIGN KEY (request_id, revision, digest)
    REFERENCES governance.request (id, revision, digest),
  CONSTRAINT approval_person_once UNIQUE (request_id, revision, approver_id)
);

-- What an approved request grants. The permit reads it FOR SHARE, so that voiding is strictly before or after an effect.
CREATE TABLE governance.authorization (
  id uuid CONSTRAINT authorization_pkey PRIMARY KEY,
  request_id uuid NOT NULL,
  revision integer NOT NULL,
  digest bytea NOT NULL,
  approval_id uuid CONSTRAINT authorization_approval_id_known REFERENCES governance.approval (id),
  identity_id uuid NOT NULL CONSTRAINT authorization_identity_id_known REFERENCES governance.identity (id),
  actions text[] NOT NULL CONSTRAINT authorization_actions_known
    CHECK (actions <@ ARRAY['issue', 'rotate', 'revoke'] AND cardinality(actions) >= 1),
  valid_from timestamptz NOT NULL DEFAULT now(),
  valid_until timestamptz NOT NULL,
  voided_at timestamptz,
  void_reason text CONSTRAINT authorization_void_reason_length CHECK (length(void_reason) BETWEEN 1 AND 500),
  CONSTRAINT authorization_digest_known FOREIGN KEY (request_id, revision, digest)
    REFERENCES governance.request (id, revision, digest),
  CONSTRAINT authorization_request_once UNIQUE (request_id, revision),
  CONSTRAINT authorization_valid_until_after CHECK (valid_until > valid_from),
  CONSTRAINT authorization_void_whole CHECK ((voided_at IS NULL) = (void_reason IS NULL)),
  -- Only a reduction may go without a person's approval.
  CONSTRAINT authorization_approval_id_needed CHECK (approval_id IS NOT NULL OR actions = ARRAY['revoke'])
);
CREATE INDEX authorization_identity ON governance.authorization (identity_id) WHERE voided_at IS NULL;

-- One row per allowed effect; the effect row cannot exist without it.
CREATE TABLE governance.permit (
  id uuid CONSTRAINT permit_pkey PRIMARY KEY,
  authorization_id uuid NOT NULL CONSTRAINT permit_authorization_id_known REFERENCES governance.authorization (id),
  action text NOT NULL CONSTRAINT permit_action_known CHECK (action IN ('issue', 'rotate', 'revoke')),
  subject uuid NOT NULL,
  fence bigint NOT NULL,
  granted_at timestamptz NOT NULL DEFAULT now()
);

CREATE TRIGGER request_append_only BEFORE UPDATE OR DELETE ON governance.request
  FOR EACH ROW EXECUTE FUNCTION keyturn.refuse_change();
CREATE TRIGGER approval_append_only BEFORE UPDATE OR DELETE ON governance.approval
  FOR EACH ROW EXECUTE FUNCTION keyturn.refuse_change();
CREATE TRIGGER permit_append_only BEFORE UPDATE OR DELETE ON governance.permit
  FOR EACH ROW EXECUTE FUNCTION keyturn.refuse_change();
CREATE TRIGGER request_no_truncate BEFORE TRUNCATE ON governance.request EXECUTE FUNCTION keyturn.refuse_change();
CREATE TRIGGER approval_no_truncate BEFORE TRUNCATE ON governance.approval EXECUTE FUNCTION keyturn.refuse_change();
CREATE TRIGGER permit_no_truncate BEFORE TRUNCATE ON governance.permit EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE governance.request ENABLE ALWAYS TRIGGER request_append_only;
ALTER TABLE governance.approval ENABLE ALWAYS TRIGGER approval_append_only;
ALTER TABLE governance.permit ENABLE ALWAYS TRIGGER permit_append_only;

-- The sealed admin secret is the engine's alone.
REVOKE SELECT ON governance.target FROM keyturn_auditor;
GRANT SELECT (id, bucket, name, kind, environment, settings, admin_version, examined_at, created_at)
  ON governance.target TO keyturn_auditor;

INSERT INTO governance.policy (id, name, rotation_period, rotation_jitter, overlap, retry_reserve)
VALUES ('00000000-0000-4000-8000-000000000001', 'standard', interval '30 days', interval '1 day', interval '1 hour', interval '1 day');
