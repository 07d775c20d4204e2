-- breaking: yes
-- reason: facts with their owners: sources, roles, delegations, catalogue, vendors, policy documents, decisions, tickets

SET LOCAL ROLE keyturn_owner;

-- Who says who people are. A source is stale when `as_of` is older than `maximum_age`; null: never (kept by hand).
CREATE TABLE governance.identity_source (
  name text CONSTRAINT identity_source_pkey PRIMARY KEY
    CONSTRAINT identity_source_name_length CHECK (length(name) BETWEEN 1 AND 100),
  kind text NOT NULL CONSTRAINT identity_source_kind_known CHECK (kind IN ('manual', 'csv', 'ldap', 'scim')),
  as_of timestamptz,
  sequence bigint NOT NULL DEFAULT 0 CONSTRAINT identity_source_sequence_positive CHECK (sequence >= 0),
  maximum_age interval CONSTRAINT identity_source_maximum_age_positive CHECK (maximum_age > interval '0'),
  state text NOT NULL DEFAULT 'ok' CONSTRAINT identity_source_state_known CHECK (state IN ('ok', 'quarantined')),
  -- More removals than both in one feed put it into quarantine.
  break_share double precision NOT NULL DEFAULT 0.05
    CONSTRAINT identity_source_break_share_range CHECK (break_share BETWEEN 0 AND 1),
  break_persons integer NOT NULL DEFAULT 20
    CONSTRAINT identity_source_break_persons_positive CHECK (break_persons >= 0),
  created_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO governance.identity_source (name, kind) VALUES ('manual', 'manual');

-- Each delivery of a source. `content` is the parsed people, kept until a quarantined feed is released or dropped.
CREATE TABLE governance.identity_feed (
  id uuid CONSTRAINT identity_feed_pkey PRIMARY KEY,
  source text NOT NULL CONSTRAINT identity_feed_source_known REFERENCES governance.identity_source (name),
  sequence bigint NOT NULL,
  as_of timestamptz NOT NULL,
  digest bytea NOT NULL CONSTRAINT identity_feed_digest_length CHECK (length(digest) = 32),
  persons integer NOT NULL,
  removals integer NOT NULL,
  state text NOT NULL CONSTRAINT identity_feed_state_known CHECK (state IN ('applied', 'quarantined', 'dropped')),
  content jsonb,
  received_at timestamptz NOT NULL DEFAULT now(),
  settled_at timestamptz,
  CONSTRAINT identity_feed_content_kept CHECK ((state = 'quarantined') = (content IS NOT NULL)),
  CONSTRAINT identity_feed_sequence_once UNIQUE (source, sequence)
);
CREATE TABLE governance.feed_release (
  feed_id uuid NOT NULL CONSTRAINT feed_release_feed_id_known REFERENCES governance.identity_feed (id),
  person_id uuid NOT NULL CONSTRAINT feed_release_person_id_known REFERENCES governance.person (id),
  reason text NOT NULL CONSTRAINT feed_release_reason_length CHECK (length(reason) BETWEEN 1 AND 500),
  released_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT feed_release_pkey PRIMARY KEY (feed_id, person_id)
);

ALTER TABLE governance.person
  ADD COLUMN display_name text CONSTRAINT person_display_name_length CHECK (length(display_name) <= 200),
  ADD COLUMN email text CONSTRAINT person_email_length CHECK (length(email) BETWEEN 3 AND 254),
  ADD COLUMN manager_id uuid CONSTRAINT person_manager_id_known REFERENCES governance.person (id),
  ADD COLUMN department text CONSTRAINT person_department_length CHECK (length(department) <= 200),
  ADD COLUMN job_title text CONSTRAINT person_job_title_length CHECK (length(job_title) <= 200),
  ADD COLUMN state_since timestamptz NOT NULL DEFAULT '-infinity',
  ADD COLUMN role_since timestamptz NOT NULL DEFAULT '-infinity',
  -- Set when the source no longer knows the person; the row stays.
  ADD COLUMN removed_at timestamptz,
  ADD CONSTRAINT person_source_known FOREIGN KEY (source) REFERENCES governance.identity_source (name),
  ADD CONSTRAINT person_manager_id_other CHECK (manager_id <> id);
CREATE UNIQUE INDEX person_email_once ON governance.person (lower(email)) WHERE state <> 'terminated';
CREATE INDEX person_source ON governance.person (source);
CREATE INDEX person_manager ON governance.person (manager_id);

-- A login at a helpdesk or directory. One person may have many; they are one vote.
CREATE TABLE governance.person_account (
  realm text NOT NULL CONSTRAINT person_account_realm_length CHECK (length(realm) BETWEEN 1 AND 100),
  login text NOT NULL CONSTRAINT person_account_login_length CHECK (length(login) BETWEEN 1 AND 200),
  person_id uuid NOT NULL CONSTRAINT person_account_person_id_known REFERENCES governance.person (id),
  CONSTRAINT person_account_pkey PRIMARY KEY (realm, login)
);

CREATE TABLE governance.role_assignment (
  id uuid CONSTRAINT role_assignment_pkey PRIMARY KEY,
  person_id uuid NOT NULL CONSTRAINT role_assignment_person_id_known REFERENCES governance.person (id),
  role text NOT NULL CONSTRAINT role_assignment_role_form CHECK (role ~ '^[a-z][a-z0-9_-]{0,59}$'),
  -- Null: on every target.
  target_id uuid CONSTRAINT role_assignment_target_id_known REFERENCES governance.target (id),
  valid_from timestamptz NOT NULL DEFAULT clock_timestamp(),
  ended_at timestamptz,
  CONSTRAINT role_assignment_ended_at_after CHECK (ended_at >= valid_from)
);
CREATE INDEX role_assignment_person ON governance.role_assignment (person_id);
CREATE INDEX role_assignment_role ON governance.role_assignment (role);
CREATE UNIQUE INDEX role_assignment_open_once ON governance.role_assignment
  (person_id, role, COALESCE(target_id, '00000000-0000-0000-0000-000000000000')) WHERE ended_at IS NULL;

-- Registered before use; one step deep.
CREATE TABLE governance.delegation (
  id uuid CONSTRAINT delegation_pkey PRIMARY KEY,
  delegator_id uuid NOT NULL CONSTRAINT delegation_delegator_id_known REFERENCES governance.person (id),
  delegate_id uuid NOT NULL CONSTRAINT delegation_delegate_id_known REFERENCES governance.person (id),
  -- Null: every role, every target.
  role text CONSTRAINT delegation_role_form CHECK (role ~ '^[a-z][a-z0-9_-]{0,59}$'),
  target_id uuid CONSTRAINT delegation_target_id_known REFERENCES governance.target (id),
  valid_from timestamptz NOT NULL,
  valid_until timestamptz NOT NULL,
  registered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  registered_by uuid NOT NULL CONSTRAINT delegation_registered_by_known REFERENCES governance.person (id),
  ended_at timestamptz,
  CONSTRAINT delegation_delegate_id_differs CHECK (delegate_id <> delegator_id),
  CONSTRAINT delegation_valid_from_not_before CHECK (valid_from >= registered_at - interval '1 second'),
  CONSTRAINT delegation_valid_until_after CHECK (valid_until > valid_from)
);
CREATE INDEX delegation_delegate ON governance.delegation (delegate_id);
CREATE INDEX delegation_delegator ON governance.delegation (delegator_id);

CREATE TABLE governance.vendor (
  id uuid CONSTRAINT vendor_pkey PRIMARY KEY,
  name text NOT NULL CONSTRAINT vendor_name_length CHECK (length(name) BETWEEN 1 AND 100) CONSTRAINT vendor_name_unique UNIQUE,
  sponsor_id uuid NOT NULL CONSTRAINT vendor_sponsor_id_known REFERENCES governance.person (id),
  contract_from timestamptz NOT NULL,
  contract_until timestamptz NOT NULL,
  review_valid_until timestamptz NOT NULL,
  allowed_targets uuid[] NOT NULL DEFAULT '{}',
  scopes text[] NOT NULL DEFAULT '{}',
  client_ids text[] NOT NULL DEFAULT '{}',
  redirect_domains text[] NOT NULL DEFAULT '{}',
  incident_at timestamptz,
  version bigint NOT NULL DEFAULT 1,
  CONSTRAINT vendor_contract_until_after CHECK (contract_until > contract_from)
);

ALTER TABLE governance.target
  ADD COLUMN owner_id uuid CONSTRAINT target_owner_id_known REFERENCES governance.person (id),
  ADD COLUMN criticality smallint NOT NULL DEFAULT 2 CONSTRAINT target_criticality_range CHECK (criticality BETWEEN 1 AND 4);
COMMENT ON COLUMN governance.target.criticality IS '1 low, 2 normal, 3 high, 4 critical';
GRANT SELECT (owner_id, criticality) ON governance.target TO keyturn_auditor;

ALTER TABLE governance.identity
  ADD COLUMN tier text NOT NULL DEFAULT 'standard'
    CONSTRAINT identity_tier_known CHECK (tier IN ('standard', 'elevated', 'privileged')),
  ADD COLUMN vendor_id uuid CONSTRAINT identity_vendor_id_known REFERENCES governance.vendor (id),
  ADD COLUMN attested_at timestamptz NOT NULL DEFAULT now();
CREATE INDEX identity_owner ON governance.identity (owner_id);
CREATE INDEX identity_backup_owner ON governance.identity (backup_owner_id);
CREATE INDEX identity_policy ON governance.identity (policy_id);
CREATE INDEX identity_vendor ON governance.identity (vendor_id) WHERE vendor_id IS NOT NULL;

-- Rights that a target offers, with what they are worth to an attacker.
CREATE TABLE governance.entitlement (
  target_id uuid NOT NULL CONSTRAINT entitlement_target_id_known REFERENCES governance.target (id),
  name text NOT NULL CONSTRAINT entitlement_name_length CHECK (length(name) BETWEEN 1 AND 300),
  risk smallint NOT NULL CONSTRAINT entitlement_risk_range CHECK (risk BETWEEN 1 AND 5),
  CONSTRAINT entitlement_pkey PRIMARY KEY (target_id, name)
);
-- Two rights that nobody may have together. Sorted, so that a pair is there once.
CREATE TABLE governance.toxic_pair (
  target_id uuid NOT NULL CONSTRAINT toxic_pair_target_id_known REFERENCES governance.target (id),
  first text NOT NULL CONSTRAINT toxic_pair_first_length CHECK (length(first) BETWEEN 1 AND 300),
  second text NOT NULL CONSTRAINT toxic_pair_second_length CHECK (length(second) BETWEEN 1 AND 300),
  reason text NOT NULL CONSTRAINT toxic_pair_reason_length CHECK (length(reason) BETWEEN 1 AND 500),
  CONSTRAINT toxic_pair_pkey PRIMARY KEY (target_id, first, second),
  CONSTRAINT toxic_pair_sorted CHECK (first < second)
);

ALTER TABLE governance.policy
  ADD COLUMN version integer NOT NULL DEFAULT 0 CONSTRAINT policy_version_positive CHECK (version >= 0),
  -- Canonical JSON of the active version; null: the defaults.
  ADD COLUMN document bytea,
  ADD COLUMN digest bytea CONSTRAINT policy_digest_matches CHECK (digest = sha256(document));

CREATE TABLE governance.policy_version (
  policy text NOT NULL CONSTRAINT policy_version_policy_length CHECK (length(policy) BETWEEN 1 AND 100),
  version integer NOT NULL CONSTRAINT policy_version_version_positive CHECK (version >= 1),
  source text NOT NULL CONSTRAINT policy_version_source_length CHECK (length(source) <= 262144),
  document bytea NOT NULL CONSTRAINT policy_version_document_length CHECK (length(document) <= 262144),
  digest bytea NOT NULL CONSTRAINT policy_version_digest_matches CHECK (digest = sha256(document)),
  proposed_by uuid NOT NULL CONSTRAINT policy_version_proposed_by_known REFERENCES governance.person (id),
  ticket text NOT NULL CONSTRAINT policy_version_ticket_length CHECK (length(btrim(ticket)) BETWEEN 1 AND 200),
  proposed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  state text NOT NULL DEFAULT 'proposed' CONSTRAINT policy_version_state_known
    CHECK (state IN ('proposed', 'active', 'superseded', 'denied')),
  activated_at timestamptz,
  CONSTRAINT policy_version_pkey PRIMARY KEY (policy, version)
);
CREATE UNIQUE INDEX policy_version_active_once ON governance.policy_version (policy) WHERE state = 'active';
CREATE TABLE governance.policy_decision (
  policy text NOT NULL,
  version integer NOT NULL,
  digest bytea NOT NULL,
  person_id uuid NOT NULL CONSTRAINT policy_decision_person_id_known REFERENCES governance.person (id),
  decision text NOT NULL CONSTRAINT policy_decision_decision_known CHECK (decision IN ('approve', 'deny')),
  decided_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT policy_decision_pkey PRIMARY KEY (policy, version, person_id),
  CONSTRAINT policy_decision_version_known FOREIGN KEY (policy, version)
    REFERENCES governance.policy_version (policy, version)
);

ALTER TABLE governance.request
  ADD COLUMN break_glass boolean NOT NULL DEFAULT false,
  ADD COLUMN owning_system text CONSTRAINT request_owning_system_length CHECK (length(owning_system) BETWEEN 1 AND 200),
  ADD COLUMN delegated_approver_id uuid
    CONSTRAINT request_delegated_approver_id_known REFERENCES governance.person (id);
CREATE INDEX request_requester ON governance.request (requester_id);
CREATE INDEX request_identity ON governance.request (identity_id);
CREATE TABLE governance.request_withdrawal (
  request_id uuid CONSTRAINT request_withdrawal_pkey PRIMARY KEY,
  person_id uuid NOT NULL CONSTRAINT request_withdrawal_person_id_known REFERENCES governance.person (id),
  reason text NOT NULL CONSTRAINT request_withdrawal_reason_length CHECK (length(reason) BETWEEN 1 AND 500),
  withdrawn_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

ALTER TABLE governance.approval
  ADD COLUMN acting_for_id uuid CONSTRAINT approval_acting_for_id_known REFERENCES governance.person (id),
  ADD COLUMN delegation_id uuid CONSTRAINT approval_delegation_id_known REFERENCES governance.delegation (id),
  ADD COLUMN stage smallint NOT NULL DEFAULT 0 CONSTRAINT approval_stage_positive CHECK (stage >= 0),
  ADD COLUMN strength text NOT NULL DEFAULT 'helpdesk'
    CONSTRAINT approval_strength_known CHECK (strength IN ('helpdesk', 'fresh_login', 'signature')),
  ADD COLUMN is_human boolean NOT NULL DEFAULT true,
  -- What the person was to the identity when deciding: owner, manager, …
  ADD COLUMN relations text[] NOT NULL DEFAULT '{}',
  -- The helpdesk's own record of the decision; one record is one decision.
  ADD COLUMN remote_transaction text CONSTRAINT approval_remote_transaction_length
    CHECK (length(remote_transaction) BETWEEN 1 AND 300) CONSTRAINT approval_remote_transaction_once UNIQUE,
  -- An SSH signature (armored) over the digest.
  ADD COLUMN signature text CONSTRAINT approval_signature_length CHECK (length(signature) <= 16384),
  ADD CONSTRAINT approval_delegation_id_whole CHECK ((acting_for_id IS NULL) = (delegation_id IS NULL));
CREATE INDEX approval_approver ON governance.approval (approver_id);
CREATE INDEX approval_acting_for ON governance.approval (acting_for_id) WHERE acting_for_id IS NOT NULL;
CREATE INDEX approval_delegation ON governance.approval (delegation_id) WHERE delegation_id IS NOT NULL;
CREATE TABLE governance.approval_withdrawal (
  approval_id uuid CONSTRAINT approval_withdrawal_pkey PRIMARY KEY
    CONSTRAINT approval_withdrawal_approval_id_known REFERENCES governance.approval (id),
  reason text NOT NULL CONSTRAINT approval_withdrawal_reason_length CHECK (length(reason) BETWEEN 1 AND 500),
  withdrawn_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
-- Public keys whose signatures are a person's; the line of an authorized_keys file without options.
CREATE TABLE governance.signing_key (
  person_id uuid NOT NULL CONSTRAINT signing_key_person_id_known REFERENCES governance.person (id),
  public_key text NOT NULL CONSTRAINT signing_key_public_key_length CHECK (length(public_key) BETWEEN 20 AND 4096),
  registered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  ended_at timestamptz,
  CONSTRAINT signing_key_pkey PRIMARY KEY (public_key)
);
CREATE INDEX signing_key_person ON governance.signing_key (person_id);

ALTER TABLE governance.authorization
  ADD COLUMN void_code text CONSTRAINT authorization_void_code_length CHECK (length(void_code) BETWEEN 1 AND 60);

-- What makes older approvals of an identity count no more.
CREATE TABLE governance.reapproval (
  id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT reapproval_pkey PRIMARY KEY,
  identity_id uuid NOT NULL CONSTRAINT reapproval_identity_id_known REFERENCES governance.identity (id),
  trigger text NOT NULL CONSTRAINT reapproval_trigger_length CHECK (length(trigger) BETWEEN 1 AND 60),
  words text NOT NULL CONSTRAINT reapproval_words_length CHECK (length(words) BETWEEN 1 AND 500),
  at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX reapproval_identity ON governance.reapproval (identity_id, trigger, at);

-- Every answer of the decision function with the facts it saw; a replay must give the same.
CREATE TABLE governance.decision (
  id uuid CONSTRAINT decision_pkey PRIMARY KEY,
  request_id uuid NOT NULL,
  revision integer NOT NULL,
  moment text NOT NULL CONSTRAINT decision_moment_length CHECK (length(moment) BETWEEN 1 AND 20),
  outcome text NOT NULL CONSTRAINT decision_outcome_known CHECK (outcome IN ('allow', 'wait', 'block')),
  reasons text[] NOT NULL,
  inputs bytea NOT NULL CONSTRAINT decision_inputs_length CHECK (length(inputs) <= 1048576),
  digest bytea NOT NULL CONSTRAINT decision_digest_matches CHECK (digest = sha256(inputs)),
  decided_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX decision_request ON governance.decision (request_id, decided_at);

-- The helpdesk's record, or our own. A clock runs from the cause to the proof, whatever the ticket's state says.
CREATE TABLE governance.ticket (
  id uuid CONSTRAINT ticket_pkey PRIMARY KEY,
  number bigint GENERATED ALWAYS AS IDENTITY,
  helpdesk text NOT NULL DEFAULT 'built-in' CONSTRAINT ticket_helpdesk_length CHECK (length(helpdesk) BETWEEN 1 AND 60),
  remote_id text CONSTRAINT ticket_remote_id_length CHECK (length(remote_id) BETWEEN 1 AND 200),
  remote_version text CONSTRAINT ticket_remote_version_length CHECK (length(remote_version) <= 200),
  kind text NOT NULL CONSTRAINT ticket_kind_known CHECK (kind IN
    ('request', 'reapproval', 'leaver', 'leak', 'vendor_end', 'expired', 'break_glass', 'review')),
  state text NOT NULL DEFAULT 'open' CONSTRAINT ticket_state_known CHECK (state IN ('open', 'resolved')),
  resolution text CONSTRAINT ticket_resolution_known
    CHECK (resolution IN ('proven', 'compensated', 'denied', 'expired', 'unverifiable')),
  identity_id uuid CONSTRAINT ticket_identity_id_known REFERENCES governance.identity (id),
  request_id uuid,
  request_revision integer,
  request_digest bytea CONSTRAINT ticket_request_digest_length CHECK (length(request_digest) = 32),
  subject text NOT NULL CONSTRAINT ticket_subject_length CHECK (length(subject) BETWEEN 1 AND 300),
  body text NOT NULL DEFAULT '' CONSTRAINT ticket_body_length CHECK (length(body) <= 20000),
  cause_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  due_at timestamptz,
  contained_at timestamptz,
  proven_at timestamptz,
  closed_without_control integer NOT NULL DEFAULT 0,
  excused_until timestamptz,
  excused_by uuid CONSTRAINT ticket_excused_by_known REFERENCES governance.person (id),
  resolved_at timestamptz,
  CONSTRAINT ticket_resolution_whole CHECK ((state = 'resolved') = (resolution IS NOT NULL)),
  CONSTRAINT ticket_resolution_proven CHECK (resolution IS DISTINCT FROM 'proven' OR proven_at IS NOT NULL),
  CONSTRAINT ticket_resolution_excused
    CHECK (resolution IS DISTINCT FROM 'unverifiable' OR excused_until IS NOT NULL AND excused_by IS NOT NULL),
  CONSTRAINT ticket_number_unique UNIQUE (number)
);
CREATE UNIQUE INDEX ticket_remote_id_once ON governance.ticket (helpdesk, remote_id) WHERE remote_id IS NOT NULL;
-- One open ticket of a kind per identity: further causes are notes on it.
CREATE UNIQUE INDEX ticket_open_once ON governance.ticket (identity_id, kind)
  WHERE state = 'open' AND kind IN ('reapproval', 'leaver', 'leak', 'vendor_end', 'expired', 'review');
CREATE INDEX ticket_request ON governance.ticket (request_id) WHERE request_id IS NOT NULL;
CREATE TABLE governance.ticket_note (
  id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT ticket_note_pkey PRIMARY KEY,
  ticket_id uuid NOT NULL CONSTRAINT ticket_note_ticket_id_known REFERENCES governance.ticket (id),
  code text CONSTRAINT ticket_note_code_length CHECK (length(code) BETWEEN 1 AND 60),
  author text NOT NULL CONSTRAINT ticket_note_author_length CHECK (length(author) BETWEEN 1 AND 200),
  words text NOT NULL CONSTRAINT ticket_note_words_length CHECK (length(words) BETWEEN 1 AND 4000),
  at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX ticket_note_ticket ON governance.ticket_note (ticket_id);

CREATE TABLE governance.break_glass (
  request_id uuid CONSTRAINT break_glass_pkey PRIMARY KEY,
  identity_id uuid NOT NULL CONSTRAINT break_glass_identity_id_known REFERENCES governance.identity (id),
  opened_by uuid NOT NULL CONSTRAINT break_glass_opened_by_known REFERENCES governance.person (id),
  second_id uuid NOT NULL CONSTRAINT break_glass_second_id_known REFERENCES governance.person (id),
  ticket_id uuid NOT NULL CONSTRAINT break_glass_ticket_id_known REFERENCES governance.ticket (id),
  opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  valid_until timestamptz NOT NULL,
  review_due_at timestamptz NOT NULL,
  reviewed_at timestamptz,
  reviewed_by uuid CONSTRAINT break_glass_reviewed_by_known REFERENCES governance.person (id),
  verdict text CONSTRAINT break_glass_verdict_length CHECK (length(verdict) BETWEEN 1 AND 500),
  CONSTRAINT break_glass_second_id_differs CHECK (second_id <> opened_by),
  CONSTRAINT break_glass_valid_until_range CHECK (valid_until > opened_at AND valid_until <= opened_at + interval '4 hours'),
  CONSTRAINT break_glass_reviewed_by_other CHECK (reviewed_by <> opened_by AND reviewed_by <> second_id),
  CONSTRAINT break_glass_reviewed_whole CHECK ((reviewed_at IS NULL) = (reviewed_by IS NULL) AND (reviewed_at IS NULL) = (verdict IS NULL))
);

DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['feed_release', 'policy_decision', 'request_withdrawal', 'approval_withdrawal', 'reapproval',
    'decision', 'ticket_note'] LOOP
    EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OR DELETE ON governance.%I FOR EACH ROW EXECUTE FUNCTION keyturn.refuse_change()',
      name || '_append_only', name);
    EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON governance.%I EXECUTE FUNCTION keyturn.refuse_change()',
      name || '_no_truncate', name);
    EXECUTE format('ALTER TABLE governance.%I ENABLE ALWAYS TRIGGER %I', name, name || '_append_only');
    EXECUTE format('ALTER TABLE governance.%I ENABLE ALWAYS TRIGGER %I', name, name || '_no_truncate');
  END LOOP;
END
$$;

-- People are never deleted, not even by the owner's mistake.
CREATE TRIGGER person_no_delete BEFORE DELETE ON governance.person
  FOR EACH ROW EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE governance.person ENABLE ALWAYS TRIGGER person_no_delete;

-- From the cause to the proof; the stages in seconds.
CREATE VIEW keyturn.v_ticket AS
SELECT t.number, t.helpdesk, t.remote_id, t.kind, t.state, t.resolution, i.name AS identity, t.subject, t.cause_at,
  t.opened_at, t.due_at, t.contained_at, t.proven_at, t.resolved_at, t.closed_without_control, t.excused_until,
  t.due_at IS NOT NULL AND COALESCE(t.proven_at, now()) > t.due_at AS is_late
FROM governance.ticket AS t
LEFT JOIN governance.identity AS i ON i.id = t.identity_id;
COMMENT ON VIEW keyturn.v_ticket IS 'Tickets with their clocks. A clock runs from the cause to the proof.';

CREATE VIEW keyturn.v_sla AS
SELECT t.kind, count(*) AS tickets, count(*) FILTER (WHERE t.proven_at IS NOT NULL) AS proven,
  count(*) FILTER (WHERE t.due_at < COALESCE(t.proven_at, now())) AS late,
  percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM t.opened_at - t.cause_at)::float8) AS to_ticket_p50,
  percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM t.opened_at - t.cause_at)::float8) AS to_ticket_p95,
  percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM t.contained_at - t.cause_at)::float8) AS to_contained_p50,
  percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM t.contained_at - t.cause_at)::float8) AS to_contained_p95,
  percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM t.proven_at - t.cause_at)::float8) AS to_proven_p50,
  percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM t.proven_at - t.cause_at)::float8) AS to_proven_p95
FROM governance.ticket AS t
GROUP BY t.kind;
COMMENT ON VIEW keyturn.v_sla IS 'Per kind of ticket, seconds from the cause to the ticket, to containment and to the proof.';
