CREATE SCHEMA governance;
ALTER SCHEMA governance OWNER TO keyturn_owner;
CREATE SCHEMA jobs;
ALTER SCHEMA jobs OWNER TO keyturn_owner;
CREATE SCHEMA keyturn;
ALTER SCHEMA keyturn OWNER TO keyturn_owner;
CREATE SCHEMA lifecycle;
ALTER SCHEMA lifecycle OWNER TO keyturn_owner;
CREATE FUNCTION jobs.bucket_of(id uuid) RETURNS smallint
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN ((get_byte(uuid_send(id), 15) & 63))::smallint;
ALTER FUNCTION jobs.bucket_of(id uuid) OWNER TO keyturn_owner;
CREATE FUNCTION jobs.drop_archive_partitions(keep integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET lock_timeout TO '2s'
    AS $_$
DECLARE
  oldest text := 'job_archive_' || to_char((now() AT TIME ZONE 'UTC')::date - keep, 'YYYYMMDD');
  partition text;
  dropped integer := 0;
BEGIN
  IF keep NOT BETWEEN 1 AND 3660 THEN
    RAISE EXCEPTION 'keep must be between 1 and 3660 days' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  FOR partition IN
    SELECT c.relname
    FROM pg_inherits AS i
    JOIN pg_class AS c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'jobs.job_archive'::regclass AND c.relname ~ '^job_archive_[0-9]{8}$' AND c.relname < oldest
    ORDER BY c.relname
  LOOP
    BEGIN
      EXECUTE format('DROP TABLE jobs.%I', partition);
      dropped := dropped + 1;
    EXCEPTION WHEN lock_not_available THEN
      RETURN dropped;
    END;
  END LOOP;
  RETURN dropped;
END
$_$;
ALTER FUNCTION jobs.drop_archive_partitions(keep integer) OWNER TO keyturn_owner;
CREATE FUNCTION jobs.make_archive_partitions(ahead integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
  today date := (now() AT TIME ZONE 'UTC')::date;
  day date;
  made integer := 0;
  partition text;
  starts timestamptz;
  ends timestamptz;
BEGIN
  IF ahead NOT BETWEEN 0 AND 60 THEN
    RAISE EXCEPTION 'ahead must be between 0 and 60 days' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtext('keyturn archive partitions'));
  FOR day IN
    SELECT today + n FROM generate_series(0, ahead) AS n
    UNION
    SELECT DISTINCT (stray.finished_at AT TIME ZONE 'UTC')::date FROM jobs.job_archive_default AS stray
    ORDER BY 1
  LOOP
    partition := 'job_archive_' || to_char(day, 'YYYYMMDD');
    CONTINUE WHEN to_regclass('jobs.' || partition) IS NOT NULL;
    starts := day::timestamp AT TIME ZONE 'UTC';
    ends := (day + 1)::timestamp AT TIME ZONE 'UTC';
    EXECUTE format('CREATE TABLE jobs.%I (LIKE jobs.job_archive INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', partition);
    EXECUTE format(
      'WITH stray AS (DELETE FROM jobs.job_archive_default WHERE finished_at >= %L AND finished_at < %L RETURNING *)
       INSERT INTO jobs.%I SELECT * FROM stray', starts, ends, partition);
    EXECUTE format(
      'ALTER TABLE jobs.job_archive ATTACH PARTITION jobs.%I FOR VALUES FROM (%L) TO (%L)', partition, starts, ends);
    made := made + 1;
  END LOOP;
  RETURN made;
END
$$;
ALTER FUNCTION jobs.make_archive_partitions(ahead integer) OWNER TO keyturn_owner;
CREATE SEQUENCE jobs.job_position
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER TABLE jobs.job_position OWNER TO keyturn_owner;
CREATE FUNCTION jobs.next_position() RETURNS bigint
    LANGUAGE sql
    RETURN CASE WHEN (pg_current_xact_id() IS NOT NULL) THEN nextval('jobs.job_position'::regclass) ELSE NULL::bigint END;
ALTER FUNCTION jobs.next_position() OWNER TO keyturn_owner;
CREATE FUNCTION keyturn.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  RAISE EXCEPTION '%.% is append-only', TG_TABLE_SCHEMA, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$$;
ALTER FUNCTION keyturn.refuse_change() OWNER TO keyturn_owner;
CREATE TABLE governance.approval (
    id uuid NOT NULL,
    request_id uuid NOT NULL,
    revision integer NOT NULL,
    digest bytea NOT NULL,
    approver_id uuid NOT NULL,
    decision text NOT NULL,
    decided_at timestamp with time zone DEFAULT now() NOT NULL,
    acting_for_id uuid,
    delegation_id uuid,
    stage smallint DEFAULT 0 NOT NULL,
    strength text DEFAULT 'helpdesk'::text NOT NULL,
    is_human boolean DEFAULT true NOT NULL,
    relations text[] DEFAULT '{}'::text[] NOT NULL,
    remote_transaction text,
    signature text,
    CONSTRAINT approval_decision_known CHECK ((decision = ANY (ARRAY['approve'::text, 'deny'::text]))),
    CONSTRAINT approval_delegation_id_whole CHECK (((acting_for_id IS NULL) = (delegation_id IS NULL))),
    CONSTRAINT approval_remote_transaction_length CHECK (((length(remote_transaction) >= 1) AND (length(remote_transaction) <= 300))),
    CONSTRAINT approval_signature_length CHECK ((length(signature) <= 16384)),
    CONSTRAINT approval_stage_positive CHECK ((stage >= 0)),
    CONSTRAINT approval_strength_known CHECK ((strength = ANY (ARRAY['helpdesk'::text, 'fresh_login'::text, 'signature'::text])))
);
ALTER TABLE governance.approval OWNER TO keyturn_owner;
CREATE TABLE governance.approval_withdrawal (
    approval_id uuid NOT NULL,
    reason text NOT NULL,
    withdrawn_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT approval_withdrawal_reason_length CHECK (((length(reason) >= 1) AND (length(reason) <= 500)))
);
ALTER TABLE governance.approval_withdrawal OWNER TO keyturn_owner;
CREATE TABLE governance."authorization" (
    id uuid NOT NULL,
    request_id uuid NOT NULL,
    revision integer NOT NULL,
    digest bytea NOT NULL,
    approval_id uuid,
    identity_id uuid NOT NULL,
    actions text[] NOT NULL,
    valid_from timestamp with time zone DEFAULT now() NOT NULL,
    valid_until timestamp with time zone NOT NULL,
    voided_at timestamp with time zone,
    void_reason text,
    void_code text,
    CONSTRAINT authorization_actions_known CHECK (((actions <@ ARRAY['issue'::text, 'rotate'::text, 'revoke'::text]) AND (cardinality(actions) >= 1))),
    CONSTRAINT authorization_approval_id_needed CHECK (((approval_id IS NOT NULL) OR (actions = ARRAY['revoke'::text]))),
    CONSTRAINT authorization_valid_until_after CHECK ((valid_until > valid_from)),
    CONSTRAINT authorization_void_code_length CHECK (((length(void_code) >= 1) AND (length(void_code) <= 60))),
    CONSTRAINT authorization_void_reason_length CHECK (((length(void_reason) >= 1) AND (length(void_reason) <= 500))),
    CONSTRAINT authorization_void_whole CHECK (((voided_at IS NULL) = (void_reason IS NULL)))
);
ALTER TABLE governance."authorization" OWNER TO keyturn_owner;
CREATE TABLE governance.break_glass (
    request_id uuid NOT NULL,
    identity_id uuid NOT NULL,
    opened_by uuid NOT NULL,
    second_id uuid NOT NULL,
    ticket_id uuid NOT NULL,
    opened_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    valid_until timestamp with time zone NOT NULL,
    review_due_at timestamp with time zone NOT NULL,
    reviewed_at timestamp with time zone,
    reviewed_by uuid,
    verdict text,
    CONSTRAINT break_glass_reviewed_by_other CHECK (((reviewed_by <> opened_by) AND (reviewed_by <> second_id))),
    CONSTRAINT break_glass_reviewed_whole CHECK ((((reviewed_at IS NULL) = (reviewed_by IS NULL)) AND ((reviewed_at IS NULL) = (verdict IS NULL)))),
    CONSTRAINT break_glass_second_id_differs CHECK ((second_id <> opened_by)),
    CONSTRAINT break_glass_valid_until_range CHECK (((valid_until > opened_at) AND (valid_until <= (opened_at + '04:00:00'::interval)))),
    CONSTRAINT break_glass_verdict_length CHECK (((length(verdict) >= 1) AND (length(verdict) <= 500)))
);
ALTER TABLE governance.break_glass OWNER TO keyturn_owner;
CREATE TABLE governance.decision (
    id uuid NOT NULL,
    request_id uuid NOT NULL,
    revision integer NOT NULL,
    moment text NOT NULL,
    outcome text NOT NULL,
    reasons text[] NOT NULL,
    inputs bytea NOT NULL,
    digest bytea NOT NULL,
    decided_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT decision_digest_matches CHECK ((digest = sha256(inputs))),
    CONSTRAINT decision_inputs_length CHECK ((length(inputs) <= 1048576)),
    CONSTRAINT decision_moment_length CHECK (((length(moment) >= 1) AND (length(moment) <= 20))),
    CONSTRAINT decision_outcome_known CHECK ((outcome = ANY (ARRAY['allow'::text, 'wait'::text, 'block'::text])))
);
ALTER TABLE governance.decision OWNER TO keyturn_owner;
CREATE TABLE governance.delegation (
    id uuid NOT NULL,
    delegator_id uuid NOT NULL,
    delegate_id uuid NOT NULL,
    role text,
    target_id uuid,
    valid_from timestamp with time zone NOT NULL,
    valid_until timestamp with time zone NOT NULL,
    registered_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    registered_by uuid NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT delegation_delegate_id_differs CHECK ((delegate_id <> delegator_id)),
    CONSTRAINT delegation_role_form CHECK ((role ~ '^[a-z][a-z0-9_-]{0,59}$'::text)),
    CONSTRAINT delegation_valid_from_not_before CHECK ((valid_from >= (registered_at - '00:00:01'::interval))),
    CONSTRAINT delegation_valid_until_after CHECK ((valid_until > valid_from))
);
ALTER TABLE governance.delegation OWNER TO keyturn_owner;
CREATE TABLE governance.entitlement (
    target_id uuid NOT NULL,
    name text NOT NULL,
    risk smallint NOT NULL,
    CONSTRAINT entitlement_name_length CHECK (((length(name) >= 1) AND (length(name) <= 300))),
    CONSTRAINT entitlement_risk_range CHECK (((risk >= 1) AND (risk <= 5)))
);
ALTER TABLE governance.entitlement OWNER TO keyturn_owner;
CREATE TABLE governance.feed_release (
    feed_id uuid NOT NULL,
    person_id uuid NOT NULL,
    reason text NOT NULL,
    released_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT feed_release_reason_length CHECK (((length(reason) >= 1) AND (length(reason) <= 500)))
);
ALTER TABLE governance.feed_release OWNER TO keyturn_owner;
CREATE TABLE governance.identity (
    id uuid NOT NULL,
    target_id uuid NOT NULL,
    bucket smallint NOT NULL,
    name text NOT NULL,
    login_mode text NOT NULL,
    owner_id uuid NOT NULL,
    backup_owner_id uuid NOT NULL,
    purpose text NOT NULL,
    environment text NOT NULL,
    workload text NOT NULL,
    rights text[] NOT NULL,
    policy_id uuid NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    tier text DEFAULT 'standard'::text NOT NULL,
    vendor_id uuid,
    attested_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT identity_backup_owner_id_differs CHECK ((owner_id <> backup_owner_id)),
    CONSTRAINT identity_bucket_range CHECK ((bucket = jobs.bucket_of(target_id))),
    CONSTRAINT identity_environment_length CHECK (((length(btrim(environment)) >= 1) AND (length(btrim(environment)) <= 40))),
    CONSTRAINT identity_expires_at_finite CHECK (isfinite(expires_at)),
    CONSTRAINT identity_login_mode_known CHECK ((login_mode = ANY (ARRAY['alternating'::text, 'single'::text]))),
    CONSTRAINT identity_name_form CHECK ((name ~ '^[a-z_][a-z0-9_]{0,58}$'::text)),
    CONSTRAINT identity_purpose_length CHECK (((length(btrim(purpose)) >= 1) AND (length(btrim(purpose)) <= 500))),
    CONSTRAINT identity_tier_known CHECK ((tier = ANY (ARRAY['standard'::text, 'elevated'::text, 'privileged'::text]))),
    CONSTRAINT identity_workload_length CHECK (((length(btrim(workload)) >= 1) AND (length(btrim(workload)) <= 200)))
);
ALTER TABLE governance.identity OWNER TO keyturn_owner;
CREATE TABLE governance.identity_feed (
    id uuid NOT NULL,
    source text NOT NULL,
    sequence bigint NOT NULL,
    as_of timestamp with time zone NOT NULL,
    digest bytea NOT NULL,
    persons integer NOT NULL,
    removals integer NOT NULL,
    state text NOT NULL,
    content jsonb,
    received_at timestamp with time zone DEFAULT now() NOT NULL,
    settled_at timestamp with time zone,
    CONSTRAINT identity_feed_content_kept CHECK (((state = 'quarantined'::text) = (content IS NOT NULL))),
    CONSTRAINT identity_feed_digest_length CHECK ((length(digest) = 32)),
    CONSTRAINT identity_feed_state_known CHECK ((state = ANY (ARRAY['applied'::text, 'quarantined'::text, 'dropped'::text])))
);
ALTER TABLE governance.identity_feed OWNER TO keyturn_owner;
CREATE TABLE governance.identity_source (
    name text NOT NULL,
    kind text NOT NULL,
    as_of timestamp with time zone,
    sequence bigint DEFAULT 0 NOT NULL,
    maximum_age interval,
    state text DEFAULT 'ok'::text NOT NULL,
    break_share double precision DEFAULT 0.05 NOT NULL,
    break_persons integer DEFAULT 20 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT identity_source_break_persons_positive CHECK ((break_persons >= 0)),
    CONSTRAINT identity_source_break_share_range CHECK (((break_share >= (0)::double precision) AND (break_share <= (1)::double precision))),
    CONSTRAINT identity_source_kind_known CHECK ((kind = ANY (ARRAY['manual'::text, 'csv'::text, 'ldap'::text, 'scim'::text]))),
    CONSTRAINT identity_source_maximum_age_positive CHECK ((maximum_age > '00:00:00'::interval)),
    CONSTRAINT identity_source_name_length CHECK (((length(name) >= 1) AND (length(name) <= 100))),
    CONSTRAINT identity_source_sequence_positive CHECK ((sequence >= 0)),
    CONSTRAINT identity_source_state_known CHECK ((state = ANY (ARRAY['ok'::text, 'quarantined'::text])))
);
ALTER TABLE governance.identity_source OWNER TO keyturn_owner;
CREATE TABLE governance.permit (
    id uuid NOT NULL,
    authorization_id uuid NOT NULL,
    action text NOT NULL,
    subject uuid NOT NULL,
    fence bigint NOT NULL,
    granted_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT permit_action_known CHECK ((action = ANY (ARRAY['issue'::text, 'rotate'::text, 'revoke'::text])))
);
ALTER TABLE governance.permit OWNER TO keyturn_owner;
CREATE TABLE governance.person (
    id uuid NOT NULL,
    external_id text NOT NULL,
    state text DEFAULT 'active'::text NOT NULL,
    source text DEFAULT 'manual'::text NOT NULL,
    as_of timestamp with time zone DEFAULT now() NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    display_name text,
    email text,
    manager_id uuid,
    department text,
    job_title text,
    state_since timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    role_since timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    removed_at timestamp with time zone,
    CONSTRAINT person_department_length CHECK ((length(department) <= 200)),
    CONSTRAINT person_display_name_length CHECK ((length(display_name) <= 200)),
    CONSTRAINT person_email_length CHECK (((length(email) >= 3) AND (length(email) <= 254))),
    CONSTRAINT person_external_id_length CHECK (((length(external_id) >= 1) AND (length(external_id) <= 200))),
    CONSTRAINT person_job_title_length CHECK ((length(job_title) <= 200)),
    CONSTRAINT person_manager_id_other CHECK ((manager_id <> id)),
    CONSTRAINT person_source_length CHECK (((length(source) >= 1) AND (length(source) <= 100))),
    CONSTRAINT person_state_known CHECK ((state = ANY (ARRAY['active'::text, 'suspended'::text, 'terminated'::text])))
);
ALTER TABLE governance.person OWNER TO keyturn_owner;
CREATE TABLE governance.person_account (
    realm text NOT NULL,
    login text NOT NULL,
    person_id uuid NOT NULL,
    CONSTRAINT person_account_login_length CHECK (((length(login) >= 1) AND (length(login) <= 200))),
    CONSTRAINT person_account_realm_length CHECK (((length(realm) >= 1) AND (length(realm) <= 100)))
);
ALTER TABLE governance.person_account OWNER TO keyturn_owner;
CREATE TABLE governance.policy (
    id uuid NOT NULL,
    name text NOT NULL,
    rotation_period interval NOT NULL,
    rotation_jitter interval NOT NULL,
    overlap interval NOT NULL,
    settle interval DEFAULT '00:00:10'::interval NOT NULL,
    retry_reserve interval DEFAULT '01:00:00'::interval NOT NULL,
    on_expiry text DEFAULT 'rotate'::text NOT NULL,
    secret_length smallint DEFAULT 32 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    version integer DEFAULT 0 NOT NULL,
    document bytea,
    digest bytea,
    CONSTRAINT policy_digest_matches CHECK ((digest = sha256(document))),
    CONSTRAINT policy_name_length CHECK (((length(name) >= 1) AND (length(name) <= 100))),
    CONSTRAINT policy_on_expiry_known CHECK ((on_expiry = ANY (ARRAY['rotate'::text, 'revoke'::text]))),
    CONSTRAINT policy_overlap_range CHECK (((overlap >= '00:00:00'::interval) AND (overlap <= '90 days'::interval))),
    CONSTRAINT policy_retry_reserve_range CHECK (((retry_reserve >= '00:00:00'::interval) AND (retry_reserve <= '30 days'::interval))),
    CONSTRAINT policy_rotation_jitter_range CHECK (((rotation_jitter >= '00:00:00'::interval) AND (rotation_jitter <= rotation_period))),
    CONSTRAINT policy_rotation_period_range CHECK (((rotation_period >= '00:00:10'::interval) AND (rotation_period <= '10 years'::interval))),
    CONSTRAINT policy_secret_length_range CHECK (((secret_length >= 16) AND (secret_length <= 128))),
    CONSTRAINT policy_settle_range CHECK (((settle >= '00:00:00'::interval) AND (settle <= '1 day'::interval))),
    CONSTRAINT policy_version_positive CHECK ((version >= 0))
);
ALTER TABLE governance.policy OWNER TO keyturn_owner;
CREATE TABLE governance.policy_decision (
    policy text NOT NULL,
    version integer NOT NULL,
    digest bytea NOT NULL,
    person_id uuid NOT NULL,
    decision text NOT NULL,
    decided_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT policy_decision_decision_known CHECK ((decision = ANY (ARRAY['approve'::text, 'deny'::text])))
);
ALTER TABLE governance.policy_decision OWNER TO keyturn_owner;
CREATE TABLE governance.policy_version (
    policy text NOT NULL,
    version integer NOT NULL,
    source text NOT NULL,
    document bytea NOT NULL,
    digest bytea NOT NULL,
    proposed_by uuid NOT NULL,
    ticket text NOT NULL,
    proposed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    state text DEFAULT 'proposed'::text NOT NULL,
    activated_at timestamp with time zone,
    CONSTRAINT policy_version_digest_matches CHECK ((digest = sha256(document))),
    CONSTRAINT policy_version_document_length CHECK ((length(document) <= 262144)),
    CONSTRAINT policy_version_policy_length CHECK (((length(policy) >= 1) AND (length(policy) <= 100))),
    CONSTRAINT policy_version_source_length CHECK ((length(source) <= 262144)),
    CONSTRAINT policy_version_state_known CHECK ((state = ANY (ARRAY['proposed'::text, 'active'::text, 'superseded'::text, 'denied'::text]))),
    CONSTRAINT policy_version_ticket_length CHECK (((length(btrim(ticket)) >= 1) AND (length(btrim(ticket)) <= 200))),
    CONSTRAINT policy_version_version_positive CHECK ((version >= 1))
);
ALTER TABLE governance.policy_version OWNER TO keyturn_owner;
CREATE TABLE governance.reapproval (
    id bigint NOT NULL,
    identity_id uuid NOT NULL,
    trigger text NOT NULL,
    words text NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT reapproval_trigger_length CHECK (((length(trigger) >= 1) AND (length(trigger) <= 60))),
    CONSTRAINT reapproval_words_length CHECK (((length(words) >= 1) AND (length(words) <= 500)))
);
ALTER TABLE governance.reapproval OWNER TO keyturn_owner;
ALTER TABLE governance.reapproval ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME governance.reapproval_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE governance.recheck (
    id boolean DEFAULT true NOT NULL,
    after uuid,
    is_running boolean DEFAULT false NOT NULL,
    round_at timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    checked bigint DEFAULT 0 NOT NULL,
    voided bigint DEFAULT 0 NOT NULL,
    unexpected bigint DEFAULT 0 NOT NULL,
    CONSTRAINT recheck_id_single CHECK (id)
);
ALTER TABLE governance.recheck OWNER TO keyturn_owner;
CREATE TABLE governance.request (
    id uuid NOT NULL,
    revision integer NOT NULL,
    origin text NOT NULL,
    identity_id uuid NOT NULL,
    actions text[] NOT NULL,
    requester_id uuid,
    beneficiary_id uuid,
    ticket text NOT NULL,
    core bytea NOT NULL,
    digest bytea NOT NULL,
    submitted_at timestamp with time zone DEFAULT now() NOT NULL,
    break_glass boolean DEFAULT false NOT NULL,
    owning_system text,
    delegated_approver_id uuid,
    CONSTRAINT request_actions_known CHECK (((actions <@ ARRAY['issue'::text, 'rotate'::text, 'revoke'::text]) AND (cardinality(actions) >= 1))),
    CONSTRAINT request_core_length CHECK ((length(core) <= 16384)),
    CONSTRAINT request_digest_matches CHECK ((digest = sha256(core))),
    CONSTRAINT request_origin_known CHECK ((origin = ANY (ARRAY['person'::text, 'policy'::text]))),
    CONSTRAINT request_origin_whole CHECK ((((origin = 'person'::text) AND (requester_id IS NOT NULL)) OR ((origin = 'policy'::text) AND (requester_id IS NULL) AND (actions = ARRAY['revoke'::text])))),
    CONSTRAINT request_owning_system_length CHECK (((length(owning_system) >= 1) AND (length(owning_system) <= 200))),
    CONSTRAINT request_revision_positive CHECK ((revision >= 1)),
    CONSTRAINT request_ticket_length CHECK (((length(btrim(ticket)) >= 1) AND (length(btrim(ticket)) <= 200)))
);
ALTER TABLE governance.request OWNER TO keyturn_owner;
CREATE TABLE governance.request_withdrawal (
    request_id uuid NOT NULL,
    person_id uuid NOT NULL,
    reason text NOT NULL,
    withdrawn_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT request_withdrawal_reason_length CHECK (((length(reason) >= 1) AND (length(reason) <= 500)))
);
ALTER TABLE governance.request_withdrawal OWNER TO keyturn_owner;
CREATE TABLE governance.role_assignment (
    id uuid NOT NULL,
    person_id uuid NOT NULL,
    role text NOT NULL,
    target_id uuid,
    valid_from timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT role_assignment_ended_at_after CHECK ((ended_at >= valid_from)),
    CONSTRAINT role_assignment_role_form CHECK ((role ~ '^[a-z][a-z0-9_-]{0,59}$'::text))
);
ALTER TABLE governance.role_assignment OWNER TO keyturn_owner;
CREATE TABLE governance.scim_resource (
    id uuid NOT NULL,
    source text NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    person_id uuid,
    body jsonb NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    modified_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT scim_resource_body_length CHECK ((length((body)::text) <= 1048576)),
    CONSTRAINT scim_resource_kind_known CHECK ((kind = ANY (ARRAY['User'::text, 'Group'::text]))),
    CONSTRAINT scim_resource_name_length CHECK (((length(name) >= 1) AND (length(name) <= 200))),
    CONSTRAINT scim_resource_person_id_whole CHECK (((kind = 'User'::text) = (person_id IS NOT NULL)))
);
ALTER TABLE governance.scim_resource OWNER TO keyturn_owner;
CREATE TABLE governance.signing_key (
    person_id uuid NOT NULL,
    public_key text NOT NULL,
    registered_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT signing_key_public_key_length CHECK (((length(public_key) >= 20) AND (length(public_key) <= 4096)))
);
ALTER TABLE governance.signing_key OWNER TO keyturn_owner;
CREATE TABLE governance.target (
    id uuid NOT NULL,
    bucket smallint NOT NULL,
    name text NOT NULL,
    kind text NOT NULL,
    environment text NOT NULL,
    settings jsonb NOT NULL,
    admin_envelope bytea NOT NULL,
    admin_version integer DEFAULT 1 NOT NULL,
    examined_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    owner_id uuid,
    criticality smallint DEFAULT 2 NOT NULL,
    CONSTRAINT target_admin_envelope_length CHECK ((length(admin_envelope) <= 65536)),
    CONSTRAINT target_bucket_range CHECK ((bucket = jobs.bucket_of(id))),
    CONSTRAINT target_criticality_range CHECK (((criticality >= 1) AND (criticality <= 4))),
    CONSTRAINT target_environment_length CHECK (((length(environment) >= 1) AND (length(environment) <= 40))),
    CONSTRAINT target_kind_length CHECK (((length(kind) >= 1) AND (length(kind) <= 40))),
    CONSTRAINT target_name_length CHECK (((length(name) >= 1) AND (length(name) <= 100)))
);
ALTER TABLE governance.target OWNER TO keyturn_owner;
COMMENT ON COLUMN governance.target.criticality IS '1 low, 2 normal, 3 high, 4 critical';
CREATE TABLE governance.ticket (
    id uuid NOT NULL,
    number bigint NOT NULL,
    helpdesk text DEFAULT 'built-in'::text NOT NULL,
    remote_id text,
    remote_version text,
    kind text NOT NULL,
    state text DEFAULT 'open'::text NOT NULL,
    resolution text,
    identity_id uuid,
    request_id uuid,
    request_revision integer,
    request_digest bytea,
    subject text NOT NULL,
    body text DEFAULT ''::text NOT NULL,
    cause_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    opened_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    due_at timestamp with time zone,
    contained_at timestamp with time zone,
    proven_at timestamp with time zone,
    closed_without_control integer DEFAULT 0 NOT NULL,
    excused_until timestamp with time zone,
    excused_by uuid,
    resolved_at timestamp with time zone,
    CONSTRAINT ticket_body_length CHECK ((length(body) <= 20000)),
    CONSTRAINT ticket_helpdesk_length CHECK (((length(helpdesk) >= 1) AND (length(helpdesk) <= 60))),
    CONSTRAINT ticket_kind_known CHECK ((kind = ANY (ARRAY['request'::text, 'reapproval'::text, 'leaver'::text, 'leak'::text, 'vendor_end'::text, 'expired'::text, 'break_glass'::text, 'review'::text]))),
    CONSTRAINT ticket_remote_id_length CHECK (((length(remote_id) >= 1) AND (length(remote_id) <= 200))),
    CONSTRAINT ticket_remote_version_length CHECK ((length(remote_version) <= 200)),
    CONSTRAINT ticket_request_digest_length CHECK ((length(request_digest) = 32)),
    CONSTRAINT ticket_resolution_excused CHECK (((resolution IS DISTINCT FROM 'unverifiable'::text) OR ((excused_until IS NOT NULL) AND (excused_by IS NOT NULL)))),
    CONSTRAINT ticket_resolution_known CHECK ((resolution = ANY (ARRAY['proven'::text, 'compensated'::text, 'denied'::text, 'expired'::text, 'unverifiable'::text]))),
    CONSTRAINT ticket_resolution_proven CHECK (((resolution IS DISTINCT FROM 'proven'::text) OR (proven_at IS NOT NULL))),
    CONSTRAINT ticket_resolution_whole CHECK (((state = 'resolved'::text) = (resolution IS NOT NULL))),
    CONSTRAINT ticket_state_known CHECK ((state = ANY (ARRAY['open'::text, 'resolved'::text]))),
    CONSTRAINT ticket_subject_length CHECK (((length(subject) >= 1) AND (length(subject) <= 300)))
);
ALTER TABLE governance.ticket OWNER TO keyturn_owner;
CREATE TABLE governance.ticket_note (
    id bigint NOT NULL,
    ticket_id uuid NOT NULL,
    code text,
    author text NOT NULL,
    words text NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT ticket_note_author_length CHECK (((length(author) >= 1) AND (length(author) <= 200))),
    CONSTRAINT ticket_note_code_length CHECK (((length(code) >= 1) AND (length(code) <= 60))),
    CONSTRAINT ticket_note_words_length CHECK (((length(words) >= 1) AND (length(words) <= 4000)))
);
ALTER TABLE governance.ticket_note OWNER TO keyturn_owner;
ALTER TABLE governance.ticket_note ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME governance.ticket_note_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE governance.ticket ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME governance.ticket_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE governance.toxic_pair (
    target_id uuid NOT NULL,
    first text NOT NULL,
    second text NOT NULL,
    reason text NOT NULL,
    CONSTRAINT toxic_pair_first_length CHECK (((length(first) >= 1) AND (length(first) <= 300))),
    CONSTRAINT toxic_pair_reason_length CHECK (((length(reason) >= 1) AND (length(reason) <= 500))),
    CONSTRAINT toxic_pair_second_length CHECK (((length(second) >= 1) AND (length(second) <= 300))),
    CONSTRAINT toxic_pair_sorted CHECK ((first < second))
);
ALTER TABLE governance.toxic_pair OWNER TO keyturn_owner;
CREATE TABLE governance.vendor (
    id uuid NOT NULL,
    name text NOT NULL,
    sponsor_id uuid NOT NULL,
    contract_from timestamp with time zone NOT NULL,
    contract_until timestamp with time zone NOT NULL,
    review_valid_until timestamp with time zone NOT NULL,
    allowed_targets uuid[] DEFAULT '{}'::uuid[] NOT NULL,
    scopes text[] DEFAULT '{}'::text[] NOT NULL,
    client_ids text[] DEFAULT '{}'::text[] NOT NULL,
    redirect_domains text[] DEFAULT '{}'::text[] NOT NULL,
    incident_at timestamp with time zone,
    version bigint DEFAULT 1 NOT NULL,
    CONSTRAINT vendor_contract_until_after CHECK ((contract_until > contract_from)),
    CONSTRAINT vendor_name_length CHECK (((length(name) >= 1) AND (length(name) <= 100)))
);
ALTER TABLE governance.vendor OWNER TO keyturn_owner;
CREATE TABLE jobs.job (
    "position" bigint DEFAULT jobs.next_position() NOT NULL,
    fence bigint NOT NULL,
    subject uuid NOT NULL,
    id uuid NOT NULL,
    limit_group uuid NOT NULL,
    lease_owner uuid,
    lease_expires_at timestamp with time zone,
    run_at timestamp with time zone NOT NULL,
    deadline_at timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    attempt integer DEFAULT 0 NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    abandonments integer DEFAULT 0 NOT NULL,
    bucket smallint NOT NULL,
    lane smallint NOT NULL,
    precedence smallint NOT NULL,
    follow_up_precedence smallint,
    follow_up_lane smallint,
    kind text NOT NULL,
    hold text,
    hold_reason text,
    follow_up_kind text,
    last_error text,
    CONSTRAINT job_bucket_range CHECK (((bucket >= 0) AND (bucket <= 63))),
    CONSTRAINT job_fence_positive CHECK ((fence >= 0)),
    CONSTRAINT job_follow_up_kind_length CHECK (((length(follow_up_kind) >= 1) AND (length(follow_up_kind) <= 40))),
    CONSTRAINT job_follow_up_lane_range CHECK (((follow_up_lane >= 0) AND (follow_up_lane <= 4))),
    CONSTRAINT job_follow_up_whole CHECK ((((follow_up_kind IS NULL) = (follow_up_precedence IS NULL)) AND ((follow_up_kind IS NULL) = (follow_up_lane IS NULL)))),
    CONSTRAINT job_hold_known CHECK ((hold = ANY (ARRAY['waiting'::text, 'blocked'::text, 'quarantined'::text]))),
    CONSTRAINT job_hold_reason_length CHECK ((length(hold_reason) <= 500)),
    CONSTRAINT job_kind_length CHECK (((length(kind) >= 1) AND (length(kind) <= 40))),
    CONSTRAINT job_lane_range CHECK (((lane >= 0) AND (lane <= 4))),
    CONSTRAINT job_last_error_length CHECK ((length(last_error) <= 500)),
    CONSTRAINT job_lease_free CHECK (((lease_owner IS NULL) OR (hold IS NULL))),
    CONSTRAINT job_lease_whole CHECK (((lease_owner IS NULL) = (lease_expires_at IS NULL)))
)
WITH (fillfactor='60', autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_cost_delay='0');
ALTER TABLE jobs.job OWNER TO keyturn_owner;
CREATE TABLE jobs.job_archive (
    bucket smallint NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL,
    subject uuid NOT NULL,
    limit_group uuid NOT NULL,
    lane smallint NOT NULL,
    outcome text NOT NULL,
    reason text,
    fence bigint NOT NULL,
    attempt integer NOT NULL,
    failures integer NOT NULL,
    abandonments integer NOT NULL,
    created_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone DEFAULT now() NOT NULL,
    finished_by uuid,
    CONSTRAINT job_archive_outcome_known CHECK ((outcome = ANY (ARRAY['done'::text, 'discarded'::text, 'cancelled'::text]))),
    CONSTRAINT job_archive_reason_length CHECK ((length(reason) <= 500))
)
PARTITION BY RANGE (finished_at);
ALTER TABLE jobs.job_archive OWNER TO keyturn_owner;
CREATE TABLE jobs.job_archive_default (
    bucket smallint NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL,
    subject uuid NOT NULL,
    limit_group uuid NOT NULL,
    lane smallint NOT NULL,
    outcome text NOT NULL,
    reason text,
    fence bigint NOT NULL,
    attempt integer NOT NULL,
    failures integer NOT NULL,
    abandonments integer NOT NULL,
    created_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone DEFAULT now() NOT NULL,
    finished_by uuid,
    CONSTRAINT job_archive_outcome_known CHECK ((outcome = ANY (ARRAY['done'::text, 'discarded'::text, 'cancelled'::text]))),
    CONSTRAINT job_archive_reason_length CHECK ((length(reason) <= 500))
);
ALTER TABLE jobs.job_archive_default OWNER TO keyturn_owner;
CREATE TABLE jobs.limit_group (
    bucket smallint NOT NULL,
    id uuid NOT NULL,
    max_running integer NOT NULL,
    rate_per_minute integer,
    tokens double precision DEFAULT 0 NOT NULL,
    tokens_at timestamp with time zone DEFAULT now() NOT NULL,
    breaker text DEFAULT 'closed'::text NOT NULL,
    breaker_failures integer DEFAULT 0 NOT NULL,
    breaker_until timestamp with time zone,
    paused_at timestamp with time zone,
    paused_reason text,
    claim_to bigint DEFAULT 0 NOT NULL,
    rate_burst integer DEFAULT 1 NOT NULL,
    CONSTRAINT limit_group_breaker_known CHECK ((breaker = ANY (ARRAY['closed'::text, 'open'::text, 'half_open'::text]))),
    CONSTRAINT limit_group_bucket_range CHECK (((bucket >= 0) AND (bucket <= 63))),
    CONSTRAINT limit_group_max_running_positive CHECK (((max_running >= 1) AND (max_running <= 10000))),
    CONSTRAINT limit_group_paused_reason_length CHECK ((length(paused_reason) <= 500)),
    CONSTRAINT limit_group_rate_burst_positive CHECK (((rate_burst >= 1) AND (rate_burst <= 10000))),
    CONSTRAINT limit_group_rate_per_minute_positive CHECK ((rate_per_minute > 0)),
    CONSTRAINT limit_group_rate_per_minute_range CHECK ((rate_per_minute <= 1000000))
)
WITH (fillfactor='50');
ALTER TABLE jobs.limit_group OWNER TO keyturn_owner;
CREATE TABLE jobs.maintenance (
    name text NOT NULL,
    next_run_at timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    last_run_at timestamp with time zone,
    last_result text,
    CONSTRAINT maintenance_last_result_length CHECK ((length(last_result) <= 500))
);
ALTER TABLE jobs.maintenance OWNER TO keyturn_owner;
CREATE TABLE jobs.operator_action (
    id bigint NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    limit_group uuid,
    subject uuid,
    jobs integer NOT NULL,
    detail text,
    reason text NOT NULL,
    CONSTRAINT operator_action_action_known CHECK ((action = ANY (ARRAY['pause'::text, 'resume'::text, 'limit'::text, 'retry'::text, 'cancel'::text, 'lane'::text, 'enqueue'::text]))),
    CONSTRAINT operator_action_actor_length CHECK (((length(actor) >= 1) AND (length(actor) <= 200))),
    CONSTRAINT operator_action_detail_length CHECK ((length(detail) <= 500)),
    CONSTRAINT operator_action_jobs_positive CHECK ((jobs >= 0)),
    CONSTRAINT operator_action_reason_length CHECK (((length(reason) >= 1) AND (length(reason) <= 500)))
);
ALTER TABLE jobs.operator_action OWNER TO keyturn_owner;
ALTER TABLE jobs.operator_action ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME jobs.operator_action_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE jobs.statistic (
    minute timestamp with time zone NOT NULL,
    bucket smallint NOT NULL,
    kind text NOT NULL,
    claimed bigint DEFAULT 0 NOT NULL,
    done bigint DEFAULT 0 NOT NULL,
    failed bigint DEFAULT 0 NOT NULL,
    snoozed bigint DEFAULT 0 NOT NULL,
    blocked bigint DEFAULT 0 NOT NULL,
    quarantined bigint DEFAULT 0 NOT NULL,
    lost bigint DEFAULT 0 NOT NULL,
    waited double precision DEFAULT 0 NOT NULL,
    waited_most double precision DEFAULT 0 NOT NULL,
    ran double precision DEFAULT 0 NOT NULL,
    ran_most double precision DEFAULT 0 NOT NULL,
    CONSTRAINT statistic_bucket_range CHECK (((bucket >= 0) AND (bucket <= 63))),
    CONSTRAINT statistic_kind_length CHECK (((length(kind) >= 1) AND (length(kind) <= 40)))
)
WITH (fillfactor='50');
ALTER TABLE jobs.statistic OWNER TO keyturn_owner;
CREATE TABLE jobs.worker (
    id uuid NOT NULL,
    name text NOT NULL,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    heartbeat_at timestamp with time zone DEFAULT now() NOT NULL,
    heartbeat_seconds double precision NOT NULL,
    in_flight integer DEFAULT 0 NOT NULL,
    stopped_at timestamp with time zone,
    reaped_at timestamp with time zone,
    CONSTRAINT worker_heartbeat_seconds_positive CHECK ((heartbeat_seconds > (0)::double precision)),
    CONSTRAINT worker_name_length CHECK (((length(name) >= 1) AND (length(name) <= 200)))
)
WITH (fillfactor='50');
ALTER TABLE jobs.worker OWNER TO keyturn_owner;
CREATE TABLE keyturn.schema_migration (
    version integer NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    breaking boolean NOT NULL,
    reason text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL,
    applied_by text DEFAULT SESSION_USER NOT NULL
);
ALTER TABLE keyturn.schema_migration OWNER TO keyturn;
CREATE TABLE lifecycle.credential (
    id uuid NOT NULL,
    identity_id uuid NOT NULL,
    target_id uuid NOT NULL,
    bucket smallint NOT NULL,
    state text NOT NULL,
    authorization_id uuid NOT NULL,
    fence bigint DEFAULT 0 NOT NULL,
    due_anchor timestamp with time zone,
    next_due_at timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL,
    hard_expires_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT credential_bucket_range CHECK ((bucket = jobs.bucket_of(target_id))),
    CONSTRAINT credential_state_known CHECK ((state = ANY (ARRAY['pending'::text, 'active'::text, 'revoking'::text, 'revoked'::text])))
)
WITH (fillfactor='70');
ALTER TABLE lifecycle.credential OWNER TO keyturn_owner;
CREATE TABLE lifecycle.rotation (
    id uuid NOT NULL,
    credential_id uuid NOT NULL,
    bucket smallint NOT NULL,
    action text NOT NULL,
    state text NOT NULL,
    state_reason text,
    trigger text NOT NULL,
    requested_by uuid,
    ticket text,
    authorization_id uuid NOT NULL,
    new_version integer,
    old_version integer,
    fence bigint DEFAULT 0 NOT NULL,
    candidates integer DEFAULT 0 NOT NULL,
    steps integer DEFAULT 0 NOT NULL,
    resume_state text,
    wait_until timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    entered_at timestamp with time zone DEFAULT now() NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT rotation_action_known CHECK ((action = ANY (ARRAY['issue'::text, 'rotate'::text, 'revoke'::text]))),
    CONSTRAINT rotation_bucket_range CHECK (((bucket >= 0) AND (bucket <= 63))),
    CONSTRAINT rotation_state_known CHECK ((state = ANY (ARRAY['planned'::text, 'claimed'::text, 'prepared'::text, 'applying'::text, 'applied'::text, 'verified'::text, 'rights_equal'::text, 'published'::text, 'overlap'::text, 'retiring'::text, 'sessions_ended'::text, 'old_refused'::text, 'done'::text, 'login_blocked'::text, 'stripped'::text, 'dropped'::text, 'refused'::text, 'residue_zero'::text, 'unknown'::text, 'rolling_back'::text, 'rolled_back'::text, 'quarantined'::text, 'cancelled'::text]))),
    CONSTRAINT rotation_state_reason_length CHECK ((length(state_reason) <= 500)),
    CONSTRAINT rotation_ticket_length CHECK ((length(ticket) <= 200)),
    CONSTRAINT rotation_trigger_known CHECK ((trigger = ANY (ARRAY['issue'::text, 'due'::text, 'requested'::text, 'leak'::text, 'revocation'::text, 'identity_expired'::text, 'secret_expired'::text])))
)
WITH (fillfactor='60');
ALTER TABLE lifecycle.rotation OWNER TO keyturn_owner;
CREATE TABLE lifecycle.version (
    credential_id uuid NOT NULL,
    number integer NOT NULL,
    state text NOT NULL,
    login text NOT NULL,
    envelope bytea,
    key_id text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    published_at timestamp with time zone,
    ended_at timestamp with time zone,
    CONSTRAINT version_envelope_kept CHECK (((envelope IS NOT NULL) OR (state = ANY (ARRAY['revoked'::text, 'orphan'::text])))),
    CONSTRAINT version_envelope_length CHECK ((length(envelope) <= 65536)),
    CONSTRAINT version_key_id_length CHECK (((length(key_id) >= 1) AND (length(key_id) <= 200))),
    CONSTRAINT version_login_length CHECK (((length(login) >= 1) AND (length(login) <= 63))),
    CONSTRAINT version_number_positive CHECK ((number >= 1)),
    CONSTRAINT version_state_known CHECK ((state = ANY (ARRAY['candidate'::text, 'current'::text, 'retiring'::text, 'revoked'::text, 'orphan'::text])))
);
ALTER TABLE lifecycle.version OWNER TO keyturn_owner;
CREATE VIEW keyturn.v_credential AS
 SELECT c.id AS credential_id,
    i.name AS identity,
    t.name AS target,
    t.environment,
    c.state,
    v.number AS current_version,
    v.login AS current_login,
    v.published_at,
    c.next_due_at,
    c.hard_expires_at,
    p.name AS policy,
    owner.external_id AS owner,
    r.id AS open_rotation_id,
    r.action AS open_action,
    r.state AS open_state,
    r.state_reason AS open_state_reason,
    a.voided_at AS authorization_voided_at,
    a.void_reason
   FROM (((((((lifecycle.credential c
     JOIN governance.identity i ON ((i.id = c.identity_id)))
     JOIN governance.target t ON ((t.id = c.target_id)))
     JOIN governance.policy p ON ((p.id = i.policy_id)))
     JOIN governance.person owner ON ((owner.id = i.owner_id)))
     JOIN governance."authorization" a ON ((a.id = c.authorization_id)))
     LEFT JOIN lifecycle.version v ON (((v.credential_id = c.id) AND (v.state = 'current'::text))))
     LEFT JOIN LATERAL ( SELECT o.id,
            o.action,
            o.state,
            o.state_reason
           FROM lifecycle.rotation o
          WHERE ((o.credential_id = c.id) AND (o.finished_at IS NULL))
          ORDER BY (o.action = 'revoke'::text) DESC
         LIMIT 1) r ON (true));
ALTER TABLE keyturn.v_credential OWNER TO keyturn_owner;
COMMENT ON VIEW keyturn.v_credential IS 'One row per credential with its current version and open rotation. No secrets.';
CREATE TABLE lifecycle.discovery (
    target_id uuid NOT NULL,
    next_at timestamp with time zone NOT NULL,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    logins integer,
    governed integer,
    result text,
    CONSTRAINT discovery_result_length CHECK ((length(result) <= 500))
);
ALTER TABLE lifecycle.discovery OWNER TO keyturn_owner;
CREATE TABLE lifecycle.finding (
    id uuid NOT NULL,
    target_id uuid NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    identity_id uuid,
    detail text NOT NULL,
    state text DEFAULT 'open'::text NOT NULL,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    last_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    gone_at timestamp with time zone,
    explained_by uuid,
    explained_at timestamp with time zone,
    explanation text,
    CONSTRAINT finding_detail_length CHECK ((length(detail) <= 1000)),
    CONSTRAINT finding_explained_by_somebody CHECK (((state <> 'explained'::text) OR (explained_by IS NOT NULL))),
    CONSTRAINT finding_explanation_length CHECK (((length(explanation) >= 1) AND (length(explanation) <= 500))),
    CONSTRAINT finding_explanation_whole CHECK ((((explained_by IS NULL) = (explanation IS NULL)) AND ((explained_by IS NULL) = (explained_at IS NULL)))),
    CONSTRAINT finding_gone_whole CHECK (((state = 'gone'::text) = (gone_at IS NOT NULL))),
    CONSTRAINT finding_kind_known CHECK ((kind = ANY (ARRAY['unexplained_login'::text, 'unknown_mark'::text, 'mark_lost'::text, 'renamed'::text, 'vanished'::text, 'disabled'::text, 'left_behind'::text, 'stale_trial'::text]))),
    CONSTRAINT finding_name_length CHECK (((length(name) >= 1) AND (length(name) <= 63))),
    CONSTRAINT finding_state_known CHECK ((state = ANY (ARRAY['open'::text, 'explained'::text, 'gone'::text])))
);
ALTER TABLE lifecycle.finding OWNER TO keyturn_owner;
CREATE VIEW keyturn.v_discovery AS
 SELECT t.name AS target,
    t.environment,
    d.finished_at AS looked_at,
    d.next_at,
    d.logins,
    d.governed,
    d.result,
    ( SELECT count(*) AS count
           FROM lifecycle.finding f
          WHERE ((f.target_id = t.id) AND (f.state = 'open'::text))) AS open_findings
   FROM (governance.target t
     LEFT JOIN lifecycle.discovery d ON ((d.target_id = t.id)));
ALTER TABLE keyturn.v_discovery OWNER TO keyturn_owner;
COMMENT ON VIEW keyturn.v_discovery IS 'When each target was looked over, and how many of its logins are governed.';
COMMENT ON COLUMN keyturn.v_discovery.target IS 'name of the target';
COMMENT ON COLUMN keyturn.v_discovery.environment IS 'production, staging, …';
COMMENT ON COLUMN keyturn.v_discovery.looked_at IS 'when it was last looked over';
COMMENT ON COLUMN keyturn.v_discovery.next_at IS 'when it is due again';
COMMENT ON COLUMN keyturn.v_discovery.logins IS 'logins on the target then';
COMMENT ON COLUMN keyturn.v_discovery.governed IS 'of these, logins of identities';
COMMENT ON COLUMN keyturn.v_discovery.result IS 'what was done, or why it could not be';
COMMENT ON COLUMN keyturn.v_discovery.open_findings IS 'findings that nobody has explained';
CREATE VIEW keyturn.v_finding AS
 SELECT f.id AS finding_id,
    t.name AS target,
    t.environment,
    f.kind,
    f.name,
    i.name AS identity,
    f.detail,
    f.state,
    f.first_seen_at,
    f.last_seen_at,
    f.gone_at,
    p.external_id AS explained_by,
    f.explained_at,
    f.explanation
   FROM (((lifecycle.finding f
     JOIN governance.target t ON ((t.id = f.target_id)))
     LEFT JOIN governance.identity i ON ((i.id = f.identity_id)))
     LEFT JOIN governance.person p ON ((p.id = f.explained_by)));
ALTER TABLE keyturn.v_finding OWNER TO keyturn_owner;
COMMENT ON VIEW keyturn.v_finding IS 'What targets have that no case explains, or lack though one says they should.';
COMMENT ON COLUMN keyturn.v_finding.finding_id IS 'id of the finding; the same when it comes back';
COMMENT ON COLUMN keyturn.v_finding.target IS 'name of the target';
COMMENT ON COLUMN keyturn.v_finding.environment IS 'production, staging, …';
COMMENT ON COLUMN keyturn.v_finding.kind IS 'unexplained_login, unknown_mark, mark_lost, renamed, vanished, disabled, left_behind, stale_trial';
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
CREATE VIEW keyturn.v_finished_job AS
 SELECT a.id AS job_id,
    a.kind,
    a.outcome,
    a.reason,
    a.lane,
    t.name AS target,
    a.subject AS credential_id,
    a.fence,
    a.attempt,
    a.failures,
    a.abandonments,
    a.created_at,
    a.finished_at,
    w.name AS worker
   FROM ((jobs.job_archive a
     LEFT JOIN governance.target t ON ((t.id = a.limit_group)))
     LEFT JOIN jobs.worker w ON ((w.id = a.finished_by)));
ALTER TABLE keyturn.v_finished_job OWNER TO keyturn_owner;
COMMENT ON VIEW keyturn.v_finished_job IS 'Finished jobs, kept in daily partitions.';
COMMENT ON COLUMN keyturn.v_finished_job.job_id IS 'id the job had while it lived';
COMMENT ON COLUMN keyturn.v_finished_job.kind IS 'what was done: verify, rotate, revoke';
COMMENT ON COLUMN keyturn.v_finished_job.outcome IS 'done, discarded or cancelled';
COMMENT ON COLUMN keyturn.v_finished_job.reason IS 'why it was discarded or cancelled';
COMMENT ON COLUMN keyturn.v_finished_job.lane IS '0 leak, 1 hard expiry near, 2 narrowing, 3 operator, 4 routine';
COMMENT ON COLUMN keyturn.v_finished_job.target IS 'name of the target';
COMMENT ON COLUMN keyturn.v_finished_job.credential_id IS 'credential it was about';
COMMENT ON COLUMN keyturn.v_finished_job.fence IS 'fencing number of its last attempt';
COMMENT ON COLUMN keyturn.v_finished_job.attempt IS 'tries it took';
COMMENT ON COLUMN keyturn.v_finished_job.failures IS 'attempts that ended with an error';
COMMENT ON COLUMN keyturn.v_finished_job.abandonments IS 'attempts whose worker died';
COMMENT ON COLUMN keyturn.v_finished_job.created_at IS 'when it was enqueued';
COMMENT ON COLUMN keyturn.v_finished_job.finished_at IS 'when it ended; the partition is that day in UTC';
COMMENT ON COLUMN keyturn.v_finished_job.worker IS 'name of the worker that ended it';
CREATE VIEW keyturn.v_job AS
 SELECT j.id AS job_id,
    j.kind,
        CASE
            WHEN (j.lease_owner IS NOT NULL) THEN 'leased'::text
            ELSE COALESCE(j.hold, 'ready'::text)
        END AS state,
    j.hold_reason AS state_reason,
    j.lane,
    t.name AS target,
    i.name AS identity,
    j.subject AS credential_id,
    j.run_at,
    NULLIF(j.deadline_at, 'infinity'::timestamp with time zone) AS deadline_at,
    j."position",
    j.attempt,
    j.failures,
    j.abandonments,
    j.fence,
    w.name AS worker,
    j.lease_expires_at,
    j.follow_up_kind,
    j.last_error,
    j.created_at
   FROM ((((jobs.job j
     LEFT JOIN governance.target t ON ((t.id = j.limit_group)))
     LEFT JOIN lifecycle.credential c ON ((c.id = j.subject)))
     LEFT JOIN governance.identity i ON ((i.id = c.identity_id)))
     LEFT JOIN jobs.worker w ON ((w.id = j.lease_owner)));
ALTER TABLE keyturn.v_job OWNER TO keyturn_owner;
COMMENT ON VIEW keyturn.v_job IS 'Live jobs: what waits, runs, is blocked or needs a person.';
COMMENT ON COLUMN keyturn.v_job.job_id IS 'id of this job; the archive has the same';
COMMENT ON COLUMN keyturn.v_job.kind IS 'what is to be done: verify, rotate, revoke';
COMMENT ON COLUMN keyturn.v_job.state IS 'ready: may be claimed; leased: a worker has it; waiting: not before run_at; blocked: not authorized now; quarantined: needs a person';
COMMENT ON COLUMN keyturn.v_job.state_reason IS 'why it waits, is blocked or quarantined';
COMMENT ON COLUMN keyturn.v_job.lane IS '0 leak, 1 hard expiry near, 2 narrowing, 3 operator, 4 routine';
COMMENT ON COLUMN keyturn.v_job.target IS 'name of the target whose limits it counts against';
COMMENT ON COLUMN keyturn.v_job.identity IS 'name of the identity it is about';
COMMENT ON COLUMN keyturn.v_job.credential_id IS 'credential it is about; one live job each';
COMMENT ON COLUMN keyturn.v_job.run_at IS 'when it became or becomes due';
COMMENT ON COLUMN keyturn.v_job.deadline_at IS 'when it is too late; null: never';
COMMENT ON COLUMN keyturn.v_job."position" IS 'place in line within target and lane; smaller goes first';
COMMENT ON COLUMN keyturn.v_job.attempt IS 'tries begun; snoozed and released ones are not counted';
COMMENT ON COLUMN keyturn.v_job.failures IS 'attempts that ended with an error';
COMMENT ON COLUMN keyturn.v_job.abandonments IS 'attempts whose worker died';
COMMENT ON COLUMN keyturn.v_job.fence IS 'fencing number; grows with every claim, release and reap';
COMMENT ON COLUMN keyturn.v_job.worker IS 'name of the worker that has it';
COMMENT ON COLUMN keyturn.v_job.lease_expires_at IS 'when the lease ends unless renewed';
COMMENT ON COLUMN keyturn.v_job.follow_up_kind IS 'what it becomes when it ends: a stronger order came while it ran';
COMMENT ON COLUMN keyturn.v_job.last_error IS 'code of the last failure';
COMMENT ON COLUMN keyturn.v_job.created_at IS 'when it was enqueued';
CREATE VIEW keyturn.v_operator_action AS
 SELECT a.id AS action_id,
    a.at,
    a.actor,
    a.action,
    t.name AS target,
    i.name AS identity,
    a.jobs,
    a.detail,
    a.reason
   FROM (((jobs.operator_action a
     LEFT JOIN governance.target t ON ((t.id = a.limit_group)))
     LEFT JOIN lifecycle.credential c ON ((c.id = a.subject)))
     LEFT JOIN governance.identity i ON ((i.id = c.identity_id)));
ALTER TABLE keyturn.v_operator_action OWNER TO keyturn_owner;
COMMENT ON VIEW keyturn.v_operator_action IS 'What operators did to the queue: pause, resume, limit, retry, cancel, lane, enqueue. Append-only.';
COMMENT ON COLUMN keyturn.v_operator_action.action_id IS 'in the order of recording';
COMMENT ON COLUMN keyturn.v_operator_action.at IS 'when';
COMMENT ON COLUMN keyturn.v_operator_action.actor IS 'who, by external id';
COMMENT ON COLUMN keyturn.v_operator_action.action IS 'pause, resume, limit, retry, cancel, lane, enqueue';
COMMENT ON COLUMN keyturn.v_operator_action.target IS 'on which target';
COMMENT ON COLUMN keyturn.v_operator_action.identity IS 'on whose job; null: on many';
COMMENT ON COLUMN keyturn.v_operator_action.jobs IS 'how many jobs it changed';
COMMENT ON COLUMN keyturn.v_operator_action.detail IS 'the new value, or the selector';
COMMENT ON COLUMN keyturn.v_operator_action.reason IS 'why, in the operator''s words';
CREATE VIEW keyturn.v_queue_minute AS
 SELECT s.minute,
    s.kind,
    (sum(s.claimed))::bigint AS claimed,
    (sum(s.done))::bigint AS done,
    (sum(s.failed))::bigint AS failed,
    (sum(s.snoozed))::bigint AS snoozed,
    (sum(s.blocked))::bigint AS blocked,
    (sum(s.quarantined))::bigint AS quarantined,
    (sum(s.lost))::bigint AS lost,
    (sum(s.waited) / (NULLIF(sum(s.claimed), (0)::numeric))::double precision) AS waited_mean,
    max(s.waited_most) AS waited_most,
    (sum(s.ran) / (NULLIF(sum(s.claimed), (0)::numeric))::double precision) AS ran_mean,
    max(s.ran_most) AS ran_most
   FROM jobs.statistic s
  GROUP BY s.minute, s.kind;
ALTER TABLE keyturn.v_queue_minute OWNER TO keyturn_owner;
COMMENT ON VIEW keyturn.v_queue_minute IS 'What workers did, per minute and kind. Written every few seconds; costs nothing to read.';
COMMENT ON COLUMN keyturn.v_queue_minute.minute IS 'the minute, by the database''s clock';
COMMENT ON COLUMN keyturn.v_queue_minute.kind IS 'kind of job';
COMMENT ON COLUMN keyturn.v_queue_minute.claimed IS 'attempts begun';
COMMENT ON COLUMN keyturn.v_queue_minute.done IS 'jobs finished';
COMMENT ON COLUMN keyturn.v_queue_minute.failed IS 'attempts that ended with an error';
COMMENT ON COLUMN keyturn.v_queue_minute.snoozed IS 'attempts that found nothing to do yet';
COMMENT ON COLUMN keyturn.v_queue_minute.blocked IS 'attempts stopped because the authorization did not hold';
COMMENT ON COLUMN keyturn.v_queue_minute.quarantined IS 'jobs that went to quarantine';
COMMENT ON COLUMN keyturn.v_queue_minute.lost IS 'attempts whose lease was lost';
COMMENT ON COLUMN keyturn.v_queue_minute.waited_mean IS 'seconds from due to claimed, mean';
COMMENT ON COLUMN keyturn.v_queue_minute.waited_most IS 'seconds from due to claimed, longest';
COMMENT ON COLUMN keyturn.v_queue_minute.ran_mean IS 'seconds from claimed to settled, mean';
COMMENT ON COLUMN keyturn.v_queue_minute.ran_most IS 'seconds from claimed to settled, longest';
CREATE TABLE lifecycle.effect (
    id uuid NOT NULL,
    rotation_id uuid NOT NULL,
    credential_id uuid NOT NULL,
    permit_id uuid NOT NULL,
    verb text NOT NULL,
    version integer,
    fence bigint NOT NULL,
    state text NOT NULL,
    outcome_code text,
    intended_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    settled_at timestamp with time zone,
    CONSTRAINT effect_outcome_code_length CHECK ((length(outcome_code) <= 200)),
    CONSTRAINT effect_state_known CHECK ((state = ANY (ARRAY['intended'::text, 'applied'::text, 'refused'::text, 'unknown'::text]))),
    CONSTRAINT effect_verb_known CHECK ((verb = ANY (ARRAY['set_secret'::text, 'grant'::text, 'block_logins'::text, 'end_sessions'::text, 'strip'::text, 'drop'::text])))
)
WITH (fillfactor='65');
ALTER TABLE lifecycle.effect OWNER TO keyturn_owner;
CREATE TABLE lifecycle.proof (
    id uuid NOT NULL,
    rotation_id uuid NOT NULL,
    credential_id uuid NOT NULL,
    version integer,
    kind text NOT NULL,
    result text NOT NULL,
    detail jsonb DEFAULT '{}'::jsonb NOT NULL,
    fence bigint NOT NULL,
    observed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT proof_detail_length CHECK ((length((detail)::text) <= 16384)),
    CONSTRAINT proof_kind_known CHECK ((kind = ANY (ARRAY['negative_control'::text, 'login'::text, 'identity'::text, 'rights'::text, 'sessions_ended'::text, 'old_refused'::text, 'residue'::text]))),
    CONSTRAINT proof_result_known CHECK ((result = ANY (ARRAY['passed'::text, 'failed'::text, 'cannot_tell'::text])))
);
ALTER TABLE lifecycle.proof OWNER TO keyturn_owner;
CREATE VIEW keyturn.v_rotation AS
 SELECT r.id AS rotation_id,
    r.credential_id,
    i.name AS identity,
    t.name AS target,
    r.action,
    r.trigger,
    r.state,
    r.state_reason,
    r.old_version,
    r.new_version,
    r.ticket,
    r.created_at,
    r.entered_at,
    r.finished_at,
    ( SELECT count(*) AS count
           FROM lifecycle.effect e
          WHERE (e.rotation_id = r.id)) AS effects,
    ( SELECT count(*) AS count
           FROM lifecycle.proof p
          WHERE ((p.rotation_id = r.id) AND (p.result = 'passed'::text))) AS proofs_passed
   FROM (((lifecycle.rotation r
     JOIN lifecycle.credential c ON ((c.id = r.credential_id)))
     JOIN governance.identity i ON ((i.id = c.identity_id)))
     JOIN governance.target t ON ((t.id = c.target_id)));
ALTER TABLE keyturn.v_rotation OWNER TO keyturn_owner;
COMMENT ON VIEW keyturn.v_rotation IS 'Every rotation, issue and revocation with its state, effects and proofs.';
CREATE VIEW keyturn.v_sla AS
 SELECT t.kind,
    count(*) AS tickets,
    count(*) FILTER (WHERE (t.proven_at IS NOT NULL)) AS proven,
    count(*) FILTER (WHERE (t.due_at < COALESCE(t.proven_at, now()))) AS late,
    percentile_cont((0.5)::double precision) WITHIN GROUP (ORDER BY ((EXTRACT(epoch FROM (t.opened_at - t.cause_at)))::double precision)) AS to_ticket_p50,
    percentile_cont((0.95)::double precision) WITHIN GROUP (ORDER BY ((EXTRACT(epoch FROM (t.opened_at - t.cause_at)))::double precision)) AS to_ticket_p95,
    percentile_cont((0.5)::double precision) WITHIN GROUP (ORDER BY ((EXTRACT(epoch FROM (t.contained_at - t.cause_at)))::double precision)) AS to_contained_p50,
    percentile_cont((0.95)::double precision) WITHIN GROUP (ORDER BY ((EXTRACT(epoch FROM (t.contained_at - t.cause_at)))::double precision)) AS to_contained_p95,
    percentile_cont((0.5)::double precision) WITHIN GROUP (ORDER BY ((EXTRACT(epoch FROM (t.proven_at - t.cause_at)))::double precision)) AS to_proven_p50,
    percentile_cont((0.95)::double precision) WITHIN GROUP (ORDER BY ((EXTRACT(epoch FROM (t.proven_at - t.cause_at)))::double precision)) AS to_proven_p95
   FROM governance.ticket t
  GROUP BY t.kind;
ALTER TABLE keyturn.v_sla OWNER TO keyturn_owner;
COMMENT ON VIEW keyturn.v_sla IS 'Per kind of ticket, seconds from the cause to the ticket, to containment and to the proof.';
CREATE VIEW keyturn.v_target AS
 SELECT t.id AS target_id,
    t.name,
    t.kind,
    t.environment,
    g.max_running,
    g.rate_per_minute,
    g.rate_burst,
    g.paused_at,
    g.paused_reason,
    g.breaker,
    g.breaker_failures,
    g.breaker_until,
    t.examined_at
   FROM (governance.target t
     LEFT JOIN jobs.limit_group g ON ((g.id = t.id)));
ALTER TABLE keyturn.v_target OWNER TO keyturn_owner;
COMMENT ON VIEW keyturn.v_target IS 'Targets with their limits and breaker. No secrets.';
COMMENT ON COLUMN keyturn.v_target.target_id IS 'id of the target';
COMMENT ON COLUMN keyturn.v_target.name IS 'name of the target';
COMMENT ON COLUMN keyturn.v_target.kind IS 'which driver speaks to it';
COMMENT ON COLUMN keyturn.v_target.environment IS 'production, staging, …';
COMMENT ON COLUMN keyturn.v_target.max_running IS 'jobs at once; one more for the leak lane';
COMMENT ON COLUMN keyturn.v_target.rate_per_minute IS 'jobs begun per minute; null: no limit';
COMMENT ON COLUMN keyturn.v_target.rate_burst IS 'jobs that may begin at once after a pause, within the rate';
COMMENT ON COLUMN keyturn.v_target.paused_at IS 'since when an operator has it paused; null: not paused';
COMMENT ON COLUMN keyturn.v_target.paused_reason IS 'why it is paused';
COMMENT ON COLUMN keyturn.v_target.breaker IS 'closed: works; open: failing, nothing begins; half_open: one job tries it';
COMMENT ON COLUMN keyturn.v_target.breaker_failures IS 'failures in a row that were the target''s';
COMMENT ON COLUMN keyturn.v_target.breaker_until IS 'when the next job may try an open breaker';
COMMENT ON COLUMN keyturn.v_target.examined_at IS 'when it was last found sound';
CREATE TABLE lifecycle.target_trial (
    id uuid NOT NULL,
    target_id uuid,
    target_name text NOT NULL,
    passed boolean NOT NULL,
    failed_step text,
    reason text,
    steps integer NOT NULL,
    seconds double precision NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT target_trial_failed_step_length CHECK ((length(failed_step) <= 100)),
    CONSTRAINT target_trial_reason_length CHECK ((length(reason) <= 1000)),
    CONSTRAINT target_trial_steps_positive CHECK ((steps >= 0)),
    CONSTRAINT target_trial_target_name_length CHECK (((length(target_name) >= 1) AND (length(target_name) <= 100))),
    CONSTRAINT target_trial_whole CHECK (((passed = (failed_step IS NULL)) AND (passed = (reason IS NULL))))
);
ALTER TABLE lifecycle.target_trial OWNER TO keyturn_owner;
CREATE VIEW keyturn.v_target_trial AS
 SELECT r.id AS trial_id,
    r.target_name AS target,
    r.passed,
    r.failed_step,
    r.reason,
    r.steps,
    r.seconds,
    r.at
   FROM lifecycle.target_trial r;
ALTER TABLE keyturn.v_target_trial OWNER TO keyturn_owner;
COMMENT ON VIEW keyturn.v_target_trial IS 'Trials of targets with an identity of their own: issue, rotate, revoke, nothing left.';
COMMENT ON COLUMN keyturn.v_target_trial.trial_id IS 'id of the trial';
COMMENT ON COLUMN keyturn.v_target_trial.target IS 'name of the target, also of one that was refused';
COMMENT ON COLUMN keyturn.v_target_trial.passed IS 'whether everything held';
COMMENT ON COLUMN keyturn.v_target_trial.failed_step IS 'the first step that did not hold';
COMMENT ON COLUMN keyturn.v_target_trial.reason IS 'what was seen there';
COMMENT ON COLUMN keyturn.v_target_trial.steps IS 'steps that were done';
COMMENT ON COLUMN keyturn.v_target_trial.seconds IS 'how long it took';
COMMENT ON COLUMN keyturn.v_target_trial.at IS 'when';
CREATE VIEW keyturn.v_ticket AS
 SELECT t.number,
    t.helpdesk,
    t.remote_id,
    t.kind,
    t.state,
    t.resolution,
    i.name AS identity,
    t.subject,
    t.cause_at,
    t.opened_at,
    t.due_at,
    t.contained_at,
    t.proven_at,
    t.resolved_at,
    t.closed_without_control,
    t.excused_until,
    ((t.due_at IS NOT NULL) AND (COALESCE(t.proven_at, now()) > t.due_at)) AS is_late
   FROM (governance.ticket t
     LEFT JOIN governance.identity i ON ((i.id = t.identity_id)));
ALTER TABLE keyturn.v_ticket OWNER TO keyturn_owner;
COMMENT ON VIEW keyturn.v_ticket IS 'Tickets with their clocks. A clock runs from the cause to the proof.';
CREATE VIEW keyturn.v_worker AS
 SELECT w.id AS worker_id,
    w.name,
    w.started_at,
    w.heartbeat_at,
    w.in_flight,
    w.stopped_at,
    ((w.stopped_at IS NULL) AND (w.heartbeat_at > (now() - make_interval(secs => ((3)::double precision * w.heartbeat_seconds))))) AS alive
   FROM jobs.worker w;
ALTER TABLE keyturn.v_worker OWNER TO keyturn_owner;
COMMENT ON VIEW keyturn.v_worker IS 'Worker processes and whether their heartbeat is fresh.';
COMMENT ON COLUMN keyturn.v_worker.worker_id IS 'id of the process; new with every start';
COMMENT ON COLUMN keyturn.v_worker.name IS 'name it was given; two processes may share one';
COMMENT ON COLUMN keyturn.v_worker.started_at IS 'when it started';
COMMENT ON COLUMN keyturn.v_worker.heartbeat_at IS 'when it last said that it lives';
COMMENT ON COLUMN keyturn.v_worker.in_flight IS 'jobs it had at its last heartbeat';
COMMENT ON COLUMN keyturn.v_worker.stopped_at IS 'when it stopped in good order; null: it runs or died';
COMMENT ON COLUMN keyturn.v_worker.alive IS 'not stopped, and heard of within three heartbeats';
CREATE TABLE lifecycle.rotation_step (
    rotation_id uuid NOT NULL,
    sequence integer NOT NULL,
    from_state text NOT NULL,
    to_state text NOT NULL,
    fence bigint NOT NULL,
    started_at timestamp with time zone NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL
);
ALTER TABLE lifecycle.rotation_step OWNER TO keyturn_owner;
CREATE TABLE lifecycle.standby_admin (
    target_id uuid NOT NULL,
    login text NOT NULL,
    version integer NOT NULL,
    envelope bytea NOT NULL,
    candidate_version integer,
    candidate_envelope bytea,
    phase text DEFAULT 'idle'::text NOT NULL,
    wait_until timestamp with time zone,
    overlap interval DEFAULT '00:01:00'::interval NOT NULL,
    rotate_every interval,
    fence bigint DEFAULT 0 NOT NULL,
    requested_by text,
    reason text,
    rotated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT standby_admin_candidate_envelope_length CHECK ((length(candidate_envelope) <= 65536)),
    CONSTRAINT standby_admin_candidate_version_positive CHECK ((candidate_version >= 1)),
    CONSTRAINT standby_admin_candidate_whole CHECK (((candidate_version IS NULL) = (candidate_envelope IS NULL))),
    CONSTRAINT standby_admin_envelope_length CHECK ((length(envelope) <= 65536)),
    CONSTRAINT standby_admin_login_length CHECK (((length(login) >= 1) AND (length(login) <= 63))),
    CONSTRAINT standby_admin_overlap_range CHECK (((overlap >= '00:00:00'::interval) AND (overlap <= '1 day'::interval))),
    CONSTRAINT standby_admin_phase_known CHECK ((phase = ANY (ARRAY['idle'::text, 'first'::text, 'second'::text]))),
    CONSTRAINT standby_admin_reason_length CHECK ((length(reason) <= 500)),
    CONSTRAINT standby_admin_requested_by_length CHECK ((length(requested_by) <= 200)),
    CONSTRAINT standby_admin_rotate_every_range CHECK (((rotate_every >= '00:01:00'::interval) AND (rotate_every <= '10 years'::interval))),
    CONSTRAINT standby_admin_version_positive CHECK ((version >= 1))
);
ALTER TABLE lifecycle.standby_admin OWNER TO keyturn_owner;
ALTER TABLE ONLY jobs.job_archive ATTACH PARTITION jobs.job_archive_default DEFAULT;
ALTER TABLE ONLY governance.approval
    ADD CONSTRAINT approval_person_once UNIQUE (request_id, revision, approver_id);
ALTER TABLE ONLY governance.approval
    ADD CONSTRAINT approval_pkey PRIMARY KEY (id);
ALTER TABLE ONLY governance.approval
    ADD CONSTRAINT approval_remote_transaction_once UNIQUE (remote_transaction);
ALTER TABLE ONLY governance.approval_withdrawal
    ADD CONSTRAINT approval_withdrawal_pkey PRIMARY KEY (approval_id);
ALTER TABLE ONLY governance."authorization"
    ADD CONSTRAINT authorization_pkey PRIMARY KEY (id);
ALTER TABLE ONLY governance."authorization"
    ADD CONSTRAINT authorization_request_once UNIQUE (request_id, revision);
ALTER TABLE ONLY governance.break_glass
    ADD CONSTRAINT break_glass_pkey PRIMARY KEY (request_id);
ALTER TABLE ONLY governance.decision
    ADD CONSTRAINT decision_pkey PRIMARY KEY (id);
ALTER TABLE ONLY governance.delegation
    ADD CONSTRAINT delegation_pkey PRIMARY KEY (id);
ALTER TABLE ONLY governance.entitlement
    ADD CONSTRAINT entitlement_pkey PRIMARY KEY (target_id, name);
ALTER TABLE ONLY governance.feed_release
    ADD CONSTRAINT feed_release_pkey PRIMARY KEY (feed_id, person_id);
ALTER TABLE ONLY governance.identity_feed
    ADD CONSTRAINT identity_feed_pkey PRIMARY KEY (id);
ALTER TABLE ONLY governance.identity_feed
    ADD CONSTRAINT identity_feed_sequence_once UNIQUE (source, sequence);
ALTER TABLE ONLY governance.identity
    ADD CONSTRAINT identity_name_unique UNIQUE (target_id, name);
ALTER TABLE ONLY governance.identity
    ADD CONSTRAINT identity_pkey PRIMARY KEY (id);
ALTER TABLE ONLY governance.identity_source
    ADD CONSTRAINT identity_source_pkey PRIMARY KEY (name);
ALTER TABLE ONLY governance.permit
    ADD CONSTRAINT permit_pkey PRIMARY KEY (id);
ALTER TABLE ONLY governance.person_account
    ADD CONSTRAINT person_account_pkey PRIMARY KEY (realm, login);
ALTER TABLE ONLY governance.person
    ADD CONSTRAINT person_external_id_unique UNIQUE (external_id);
ALTER TABLE ONLY governance.person
    ADD CONSTRAINT person_pkey PRIMARY KEY (id);
ALTER TABLE ONLY governance.policy_decision
    ADD CONSTRAINT policy_decision_pkey PRIMARY KEY (policy, version, person_id);
ALTER TABLE ONLY governance.policy
    ADD CONSTRAINT policy_name_unique UNIQUE (name);
ALTER TABLE ONLY governance.policy
    ADD CONSTRAINT policy_pkey PRIMARY KEY (id);
ALTER TABLE ONLY governance.policy_version
    ADD CONSTRAINT policy_version_pkey PRIMARY KEY (policy, version);
ALTER TABLE ONLY governance.reapproval
    ADD CONSTRAINT reapproval_pkey PRIMARY KEY (id);
ALTER TABLE ONLY governance.recheck
    ADD CONSTRAINT recheck_pkey PRIMARY KEY (id);
ALTER TABLE ONLY governance.request
    ADD CONSTRAINT request_digest_unique UNIQUE (id, revision, digest);
ALTER TABLE ONLY governance.request
    ADD CONSTRAINT request_pkey PRIMARY KEY (id, revision);
ALTER TABLE ONLY governance.request_withdrawal
    ADD CONSTRAINT request_withdrawal_pkey PRIMARY KEY (request_id);
ALTER TABLE ONLY governance.role_assignment
    ADD CONSTRAINT role_assignment_pkey PRIMARY KEY (id);
ALTER TABLE ONLY governance.scim_resource
    ADD CONSTRAINT scim_resource_pkey PRIMARY KEY (id);
ALTER TABLE ONLY governance.signing_key
    ADD CONSTRAINT signing_key_pkey PRIMARY KEY (public_key);
ALTER TABLE ONLY governance.target
    ADD CONSTRAINT target_name_unique UNIQUE (name);
ALTER TABLE ONLY governance.target
    ADD CONSTRAINT target_pkey PRIMARY KEY (id);
ALTER TABLE ONLY governance.ticket_note
    ADD CONSTRAINT ticket_note_pkey PRIMARY KEY (id);
ALTER TABLE ONLY governance.ticket
    ADD CONSTRAINT ticket_number_unique UNIQUE (number);
ALTER TABLE ONLY governance.ticket
    ADD CONSTRAINT ticket_pkey PRIMARY KEY (id);
ALTER TABLE ONLY governance.ticket
    ADD CONSTRAINT ticket_remote_id_unique UNIQUE (helpdesk, remote_id);
ALTER TABLE ONLY governance.toxic_pair
    ADD CONSTRAINT toxic_pair_pkey PRIMARY KEY (target_id, first, second);
ALTER TABLE ONLY governance.vendor
    ADD CONSTRAINT vendor_name_unique UNIQUE (name);
ALTER TABLE ONLY governance.vendor
    ADD CONSTRAINT vendor_pkey PRIMARY KEY (id);
ALTER TABLE ONLY jobs.job
    ADD CONSTRAINT job_pkey PRIMARY KEY (subject, bucket);
ALTER TABLE ONLY jobs.limit_group
    ADD CONSTRAINT limit_group_pkey PRIMARY KEY (id, bucket);
ALTER TABLE ONLY jobs.maintenance
    ADD CONSTRAINT maintenance_pkey PRIMARY KEY (name);
ALTER TABLE ONLY jobs.operator_action
    ADD CONSTRAINT operator_action_pkey PRIMARY KEY (id);
ALTER TABLE ONLY jobs.statistic
    ADD CONSTRAINT statistic_pkey PRIMARY KEY (minute, kind, bucket);
ALTER TABLE ONLY jobs.worker
    ADD CONSTRAINT worker_pkey PRIMARY KEY (id);
ALTER TABLE ONLY keyturn.schema_migration
    ADD CONSTRAINT schema_migration_pkey PRIMARY KEY (version);
ALTER TABLE ONLY lifecycle.credential
    ADD CONSTRAINT credential_identity_once UNIQUE (identity_id);
ALTER TABLE ONLY lifecycle.credential
    ADD CONSTRAINT credential_pkey PRIMARY KEY (id);
ALTER TABLE ONLY lifecycle.discovery
    ADD CONSTRAINT discovery_pkey PRIMARY KEY (target_id);
ALTER TABLE ONLY lifecycle.effect
    ADD CONSTRAINT effect_permit_id_once UNIQUE (permit_id);
ALTER TABLE ONLY lifecycle.effect
    ADD CONSTRAINT effect_pkey PRIMARY KEY (rotation_id, id);
ALTER TABLE ONLY lifecycle.finding
    ADD CONSTRAINT finding_once UNIQUE (target_id, kind, name);
ALTER TABLE ONLY lifecycle.finding
    ADD CONSTRAINT finding_pkey PRIMARY KEY (id);
ALTER TABLE ONLY lifecycle.proof
    ADD CONSTRAINT proof_pkey PRIMARY KEY (rotation_id, id);
ALTER TABLE ONLY lifecycle.rotation
    ADD CONSTRAINT rotation_pkey PRIMARY KEY (id, credential_id);
ALTER TABLE ONLY lifecycle.rotation_step
    ADD CONSTRAINT rotation_step_pkey PRIMARY KEY (rotation_id, sequence);
ALTER TABLE ONLY lifecycle.standby_admin
    ADD CONSTRAINT standby_admin_pkey PRIMARY KEY (target_id);
ALTER TABLE ONLY lifecycle.target_trial
    ADD CONSTRAINT target_trial_pkey PRIMARY KEY (id);
ALTER TABLE ONLY lifecycle.version
    ADD CONSTRAINT version_pkey PRIMARY KEY (credential_id, number);
CREATE INDEX approval_acting_for ON governance.approval USING btree (acting_for_id) WHERE (acting_for_id IS NOT NULL);
CREATE INDEX approval_approver ON governance.approval USING btree (approver_id);
CREATE INDEX approval_delegation ON governance.approval USING btree (delegation_id) WHERE (delegation_id IS NOT NULL);
CREATE INDEX authorization_identity ON governance."authorization" USING btree (identity_id) WHERE (voided_at IS NULL);
CREATE INDEX decision_request ON governance.decision USING btree (request_id, decided_at);
CREATE INDEX delegation_delegate ON governance.delegation USING btree (delegate_id);
CREATE INDEX delegation_delegator ON governance.delegation USING btree (delegator_id);
CREATE INDEX identity_backup_owner ON governance.identity USING btree (backup_owner_id);
CREATE INDEX identity_owner ON governance.identity USING btree (owner_id);
CREATE INDEX identity_policy ON governance.identity USING btree (policy_id);
CREATE INDEX identity_vendor ON governance.identity USING btree (vendor_id) WHERE (vendor_id IS NOT NULL);
CREATE UNIQUE INDEX person_email_once ON governance.person USING btree (lower(email)) WHERE (state <> 'terminated'::text);
CREATE INDEX person_manager ON governance.person USING btree (manager_id);
CREATE INDEX person_source ON governance.person USING btree (source);
CREATE UNIQUE INDEX policy_version_active_once ON governance.policy_version USING btree (policy) WHERE (state = 'active'::text);
CREATE INDEX reapproval_identity ON governance.reapproval USING btree (identity_id, trigger, at);
CREATE INDEX request_identity ON governance.request USING btree (identity_id);
CREATE INDEX request_requester ON governance.request USING btree (requester_id);
CREATE UNIQUE INDEX role_assignment_open_once ON governance.role_assignment USING btree (person_id, role, COALESCE(target_id, '00000000-0000-0000-0000-000000000000'::uuid)) WHERE (ended_at IS NULL);
CREATE INDEX role_assignment_person ON governance.role_assignment USING btree (person_id);
CREATE INDEX role_assignment_role ON governance.role_assignment USING btree (role);
CREATE UNIQUE INDEX scim_resource_name_once ON governance.scim_resource USING btree (kind, lower(name));
CREATE INDEX signing_key_person ON governance.signing_key USING btree (person_id);
CREATE INDEX ticket_note_ticket ON governance.ticket_note USING btree (ticket_id);
CREATE UNIQUE INDEX ticket_open_once ON governance.ticket USING btree (identity_id, kind) WHERE ((state = 'open'::text) AND (kind = ANY (ARRAY['reapproval'::text, 'leaver'::text, 'leak'::text, 'vendor_end'::text, 'expired'::text, 'review'::text])));
CREATE INDEX ticket_request ON governance.ticket USING btree (request_id);
CREATE INDEX job_archive_subject ON ONLY jobs.job_archive USING btree (subject);
CREATE INDEX job_archive_default_subject_idx ON jobs.job_archive_default USING btree (subject);
CREATE INDEX job_arrival ON jobs.job USING btree ((("position" + 0))) WHERE (hold IS NULL);
CREATE INDEX job_line ON jobs.job USING btree (bucket, limit_group, lane, "position") WHERE (hold IS NULL);
CREATE INDEX job_waiting ON jobs.job USING btree (run_at) WHERE (hold = 'waiting'::text);
CREATE INDEX operator_action_at ON jobs.operator_action USING btree (at);
CREATE INDEX credential_due ON lifecycle.credential USING btree (next_due_at) WHERE (state = 'active'::text);
CREATE INDEX credential_expiry ON lifecycle.credential USING btree (hard_expires_at) WHERE (state = 'active'::text);
CREATE INDEX rotation_credential ON lifecycle.rotation USING btree (credential_id, created_at);
CREATE UNIQUE INDEX rotation_open_once ON lifecycle.rotation USING btree (credential_id, ((action = 'revoke'::text))) WHERE (finished_at IS NULL);
CREATE INDEX target_trial_target ON lifecycle.target_trial USING btree (target_id, at);
CREATE UNIQUE INDEX version_candidate_once ON lifecycle.version USING btree (credential_id) WHERE (state = 'candidate'::text);
CREATE UNIQUE INDEX version_current_once ON lifecycle.version USING btree (credential_id) WHERE (state = 'current'::text);
ALTER INDEX jobs.job_archive_subject ATTACH PARTITION jobs.job_archive_default_subject_idx;
CREATE TRIGGER approval_append_only BEFORE DELETE OR UPDATE ON governance.approval FOR EACH ROW EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE governance.approval ENABLE ALWAYS TRIGGER approval_append_only;
CREATE TRIGGER approval_no_truncate BEFORE TRUNCATE ON governance.approval FOR EACH STATEMENT EXECUTE FUNCTION keyturn.refuse_change();
CREATE TRIGGER approval_withdrawal_append_only BEFORE DELETE OR UPDATE ON governance.approval_withdrawal FOR EACH ROW EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE governance.approval_withdrawal ENABLE ALWAYS TRIGGER approval_withdrawal_append_only;
CREATE TRIGGER approval_withdrawal_no_truncate BEFORE TRUNCATE ON governance.approval_withdrawal FOR EACH STATEMENT EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE governance.approval_withdrawal ENABLE ALWAYS TRIGGER approval_withdrawal_no_truncate;
CREATE TRIGGER decision_append_only BEFORE DELETE OR UPDATE ON governance.decision FOR EACH ROW EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE governance.decision ENABLE ALWAYS TRIGGER decision_append_only;
CREATE TRIGGER decision_no_truncate BEFORE TRUNCATE ON governance.decision FOR EACH STATEMENT EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE governance.decision ENABLE ALWAYS TRIGGER decision_no_truncate;
CREATE TRIGGER feed_release_append_only BEFORE DELETE OR UPDATE ON governance.feed_release FOR EACH ROW EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE governance.feed_release ENABLE ALWAYS TRIGGER feed_release_append_only;
CREATE TRIGGER feed_release_no_truncate BEFORE TRUNCATE ON governance.feed_release FOR EACH STATEMENT EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE governance.feed_release ENABLE ALWAYS TRIGGER feed_release_no_truncate;
CREATE TRIGGER permit_append_only BEFORE DELETE OR UPDATE ON governance.permit FOR EACH ROW EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE governance.permit ENABLE ALWAYS TRIGGER permit_append_only;
CREATE TRIGGER permit_no_truncate BEFORE TRUNCATE ON governance.permit FOR EACH STATEMENT EXECUTE FUNCTION keyturn.refuse_change();
CREATE TRIGGER person_no_delete BEFORE DELETE ON governance.person FOR EACH ROW EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE governance.person ENABLE ALWAYS TRIGGER person_no_delete;
CREATE TRIGGER policy_decision_append_only BEFORE DELETE OR UPDATE ON governance.policy_decision FOR EACH ROW EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE governance.policy_decision ENABLE ALWAYS TRIGGER policy_decision_append_only;
CREATE TRIGGER policy_decision_no_truncate BEFORE TRUNCATE ON governance.policy_decision FOR EACH STATEMENT EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE governance.policy_decision ENABLE ALWAYS TRIGGER policy_decision_no_truncate;
CREATE TRIGGER reapproval_append_only BEFORE DELETE OR UPDATE ON governance.reapproval FOR EACH ROW EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE governance.reapproval ENABLE ALWAYS TRIGGER reapproval_append_only;
CREATE TRIGGER reapproval_no_truncate BEFORE TRUNCATE ON governance.reapproval FOR EACH STATEMENT EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE governance.reapproval ENABLE ALWAYS TRIGGER reapproval_no_truncate;
CREATE TRIGGER request_append_only BEFORE DELETE OR UPDATE ON governance.request FOR EACH ROW EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE governance.request ENABLE ALWAYS TRIGGER request_append_only;
CREATE TRIGGER request_no_truncate BEFORE TRUNCATE ON governance.request FOR EACH STATEMENT EXECUTE FUNCTION keyturn.refuse_change();
CREATE TRIGGER request_withdrawal_append_only BEFORE DELETE OR UPDATE ON governance.request_withdrawal FOR EACH ROW EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE governance.request_withdrawal ENABLE ALWAYS TRIGGER request_withdrawal_append_only;
CREATE TRIGGER request_withdrawal_no_truncate BEFORE TRUNCATE ON governance.request_withdrawal FOR EACH STATEMENT EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE governance.request_withdrawal ENABLE ALWAYS TRIGGER request_withdrawal_no_truncate;
CREATE TRIGGER ticket_note_append_only BEFORE DELETE OR UPDATE ON governance.ticket_note FOR EACH ROW EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE governance.ticket_note ENABLE ALWAYS TRIGGER ticket_note_append_only;
CREATE TRIGGER ticket_note_no_truncate BEFORE TRUNCATE ON governance.ticket_note FOR EACH STATEMENT EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE governance.ticket_note ENABLE ALWAYS TRIGGER ticket_note_no_truncate;
CREATE TRIGGER operator_action_append_only BEFORE DELETE OR UPDATE ON jobs.operator_action FOR EACH ROW EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE jobs.operator_action ENABLE ALWAYS TRIGGER operator_action_append_only;
CREATE TRIGGER operator_action_no_truncate BEFORE TRUNCATE ON jobs.operator_action FOR EACH STATEMENT EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE jobs.operator_action ENABLE ALWAYS TRIGGER operator_action_no_truncate;
CREATE TRIGGER proof_append_only BEFORE DELETE OR UPDATE ON lifecycle.proof FOR EACH ROW EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE lifecycle.proof ENABLE ALWAYS TRIGGER proof_append_only;
CREATE TRIGGER proof_no_truncate BEFORE TRUNCATE ON lifecycle.proof FOR EACH STATEMENT EXECUTE FUNCTION keyturn.refuse_change();
CREATE TRIGGER rotation_step_append_only BEFORE DELETE OR UPDATE ON lifecycle.rotation_step FOR EACH ROW EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE lifecycle.rotation_step ENABLE ALWAYS TRIGGER rotation_step_append_only;
CREATE TRIGGER target_trial_append_only BEFORE DELETE OR UPDATE ON lifecycle.target_trial FOR EACH ROW EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE lifecycle.target_trial ENABLE ALWAYS TRIGGER target_trial_append_only;
CREATE TRIGGER target_trial_no_truncate BEFORE TRUNCATE ON lifecycle.target_trial FOR EACH STATEMENT EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE ONLY governance.approval
    ADD CONSTRAINT approval_acting_for_id_known FOREIGN KEY (acting_for_id) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.approval
    ADD CONSTRAINT approval_approver_id_known FOREIGN KEY (approver_id) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.approval
    ADD CONSTRAINT approval_delegation_id_known FOREIGN KEY (delegation_id) REFERENCES governance.delegation(id);
ALTER TABLE ONLY governance.approval
    ADD CONSTRAINT approval_digest_known FOREIGN KEY (request_id, revision, digest) REFERENCES governance.request(id, revision, digest);
ALTER TABLE ONLY governance.approval_withdrawal
    ADD CONSTRAINT approval_withdrawal_approval_id_known FOREIGN KEY (approval_id) REFERENCES governance.approval(id);
ALTER TABLE ONLY governance."authorization"
    ADD CONSTRAINT authorization_approval_id_known FOREIGN KEY (approval_id) REFERENCES governance.approval(id);
ALTER TABLE ONLY governance."authorization"
    ADD CONSTRAINT authorization_digest_known FOREIGN KEY (request_id, revision, digest) REFERENCES governance.request(id, revision, digest);
ALTER TABLE ONLY governance."authorization"
    ADD CONSTRAINT authorization_identity_id_known FOREIGN KEY (identity_id) REFERENCES governance.identity(id);
ALTER TABLE ONLY governance.break_glass
    ADD CONSTRAINT break_glass_identity_id_known FOREIGN KEY (identity_id) REFERENCES governance.identity(id);
ALTER TABLE ONLY governance.break_glass
    ADD CONSTRAINT break_glass_opened_by_known FOREIGN KEY (opened_by) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.break_glass
    ADD CONSTRAINT break_glass_reviewed_by_known FOREIGN KEY (reviewed_by) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.break_glass
    ADD CONSTRAINT break_glass_second_id_known FOREIGN KEY (second_id) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.break_glass
    ADD CONSTRAINT break_glass_ticket_id_known FOREIGN KEY (ticket_id) REFERENCES governance.ticket(id);
ALTER TABLE ONLY governance.delegation
    ADD CONSTRAINT delegation_delegate_id_known FOREIGN KEY (delegate_id) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.delegation
    ADD CONSTRAINT delegation_delegator_id_known FOREIGN KEY (delegator_id) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.delegation
    ADD CONSTRAINT delegation_registered_by_known FOREIGN KEY (registered_by) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.delegation
    ADD CONSTRAINT delegation_target_id_known FOREIGN KEY (target_id) REFERENCES governance.target(id);
ALTER TABLE ONLY governance.entitlement
    ADD CONSTRAINT entitlement_target_id_known FOREIGN KEY (target_id) REFERENCES governance.target(id);
ALTER TABLE ONLY governance.feed_release
    ADD CONSTRAINT feed_release_feed_id_known FOREIGN KEY (feed_id) REFERENCES governance.identity_feed(id);
ALTER TABLE ONLY governance.feed_release
    ADD CONSTRAINT feed_release_person_id_known FOREIGN KEY (person_id) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.identity
    ADD CONSTRAINT identity_backup_owner_id_known FOREIGN KEY (backup_owner_id) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.identity_feed
    ADD CONSTRAINT identity_feed_source_known FOREIGN KEY (source) REFERENCES governance.identity_source(name);
ALTER TABLE ONLY governance.identity
    ADD CONSTRAINT identity_owner_id_known FOREIGN KEY (owner_id) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.identity
    ADD CONSTRAINT identity_policy_id_known FOREIGN KEY (policy_id) REFERENCES governance.policy(id);
ALTER TABLE ONLY governance.identity
    ADD CONSTRAINT identity_target_id_known FOREIGN KEY (target_id) REFERENCES governance.target(id);
ALTER TABLE ONLY governance.identity
    ADD CONSTRAINT identity_vendor_id_known FOREIGN KEY (vendor_id) REFERENCES governance.vendor(id);
ALTER TABLE ONLY governance.permit
    ADD CONSTRAINT permit_authorization_id_known FOREIGN KEY (authorization_id) REFERENCES governance."authorization"(id);
ALTER TABLE ONLY governance.person_account
    ADD CONSTRAINT person_account_person_id_known FOREIGN KEY (person_id) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.person
    ADD CONSTRAINT person_manager_id_known FOREIGN KEY (manager_id) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.person
    ADD CONSTRAINT person_source_known FOREIGN KEY (source) REFERENCES governance.identity_source(name);
ALTER TABLE ONLY governance.policy_decision
    ADD CONSTRAINT policy_decision_person_id_known FOREIGN KEY (person_id) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.policy_decision
    ADD CONSTRAINT policy_decision_version_known FOREIGN KEY (policy, version) REFERENCES governance.policy_version(policy, version);
ALTER TABLE ONLY governance.policy_version
    ADD CONSTRAINT policy_version_proposed_by_known FOREIGN KEY (proposed_by) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.reapproval
    ADD CONSTRAINT reapproval_identity_id_known FOREIGN KEY (identity_id) REFERENCES governance.identity(id);
ALTER TABLE ONLY governance.request
    ADD CONSTRAINT request_beneficiary_id_known FOREIGN KEY (beneficiary_id) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.request
    ADD CONSTRAINT request_delegated_approver_id_known FOREIGN KEY (delegated_approver_id) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.request
    ADD CONSTRAINT request_identity_id_known FOREIGN KEY (identity_id) REFERENCES governance.identity(id);
ALTER TABLE ONLY governance.request
    ADD CONSTRAINT request_requester_id_known FOREIGN KEY (requester_id) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.request_withdrawal
    ADD CONSTRAINT request_withdrawal_person_id_known FOREIGN KEY (person_id) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.role_assignment
    ADD CONSTRAINT role_assignment_person_id_known FOREIGN KEY (person_id) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.role_assignment
    ADD CONSTRAINT role_assignment_target_id_known FOREIGN KEY (target_id) REFERENCES governance.target(id);
ALTER TABLE ONLY governance.scim_resource
    ADD CONSTRAINT scim_resource_person_id_known FOREIGN KEY (person_id) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.scim_resource
    ADD CONSTRAINT scim_resource_source_known FOREIGN KEY (source) REFERENCES governance.identity_source(name);
ALTER TABLE ONLY governance.signing_key
    ADD CONSTRAINT signing_key_person_id_known FOREIGN KEY (person_id) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.target
    ADD CONSTRAINT target_owner_id_known FOREIGN KEY (owner_id) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.ticket
    ADD CONSTRAINT ticket_excused_by_known FOREIGN KEY (excused_by) REFERENCES governance.person(id);
ALTER TABLE ONLY governance.ticket
    ADD CONSTRAINT ticket_identity_id_known FOREIGN KEY (identity_id) REFERENCES governance.identity(id);
ALTER TABLE ONLY governance.ticket_note
    ADD CONSTRAINT ticket_note_ticket_id_known FOREIGN KEY (ticket_id) REFERENCES governance.ticket(id);
ALTER TABLE ONLY governance.toxic_pair
    ADD CONSTRAINT toxic_pair_target_id_known FOREIGN KEY (target_id) REFERENCES governance.target(id);
ALTER TABLE ONLY governance.vendor
    ADD CONSTRAINT vendor_sponsor_id_known FOREIGN KEY (sponsor_id) REFERENCES governance.person(id);
ALTER TABLE ONLY lifecycle.credential
    ADD CONSTRAINT credential_authorization_id_known FOREIGN KEY (authorization_id) REFERENCES governance."authorization"(id);
ALTER TABLE ONLY lifecycle.credential
    ADD CONSTRAINT credential_identity_id_known FOREIGN KEY (identity_id) REFERENCES governance.identity(id);
ALTER TABLE ONLY lifecycle.credential
    ADD CONSTRAINT credential_target_id_known FOREIGN KEY (target_id) REFERENCES governance.target(id);
ALTER TABLE ONLY lifecycle.discovery
    ADD CONSTRAINT discovery_target_id_known FOREIGN KEY (target_id) REFERENCES governance.target(id);
ALTER TABLE ONLY lifecycle.effect
    ADD CONSTRAINT effect_permit_id_known FOREIGN KEY (permit_id) REFERENCES governance.permit(id);
ALTER TABLE ONLY lifecycle.effect
    ADD CONSTRAINT effect_rotation_id_known FOREIGN KEY (rotation_id, credential_id) REFERENCES lifecycle.rotation(id, credential_id);
ALTER TABLE ONLY lifecycle.finding
    ADD CONSTRAINT finding_explained_by_known FOREIGN KEY (explained_by) REFERENCES governance.person(id);
ALTER TABLE ONLY lifecycle.finding
    ADD CONSTRAINT finding_identity_id_known FOREIGN KEY (identity_id) REFERENCES governance.identity(id);
ALTER TABLE ONLY lifecycle.finding
    ADD CONSTRAINT finding_target_id_known FOREIGN KEY (target_id) REFERENCES governance.target(id);
ALTER TABLE ONLY lifecycle.proof
    ADD CONSTRAINT proof_rotation_id_known FOREIGN KEY (rotation_id, credential_id) REFERENCES lifecycle.rotation(id, credential_id);
ALTER TABLE ONLY lifecycle.rotation
    ADD CONSTRAINT rotation_authorization_id_known FOREIGN KEY (authorization_id) REFERENCES governance."authorization"(id);
ALTER TABLE ONLY lifecycle.rotation
    ADD CONSTRAINT rotation_credential_id_known FOREIGN KEY (credential_id) REFERENCES lifecycle.credential(id);
ALTER TABLE ONLY lifecycle.rotation
    ADD CONSTRAINT rotation_requested_by_known FOREIGN KEY (requested_by) REFERENCES governance.person(id);
ALTER TABLE ONLY lifecycle.standby_admin
    ADD CONSTRAINT standby_admin_target_id_known FOREIGN KEY (target_id) REFERENCES governance.target(id);
ALTER TABLE ONLY lifecycle.version
    ADD CONSTRAINT version_credential_id_known FOREIGN KEY (credential_id) REFERENCES lifecycle.credential(id);
GRANT USAGE ON SCHEMA governance TO keyturn_engine;
GRANT USAGE ON SCHEMA governance TO keyturn_auditor;
GRANT USAGE ON SCHEMA jobs TO keyturn_engine;
GRANT USAGE ON SCHEMA jobs TO keyturn_auditor;
GRANT USAGE ON SCHEMA keyturn TO keyturn_engine;
GRANT USAGE ON SCHEMA keyturn TO keyturn_auditor;
GRANT USAGE ON SCHEMA keyturn TO keyturn_dashboard;
GRANT USAGE ON SCHEMA lifecycle TO keyturn_engine;
GRANT USAGE ON SCHEMA lifecycle TO keyturn_auditor;
REVOKE ALL ON FUNCTION jobs.drop_archive_partitions(keep integer) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.drop_archive_partitions(keep integer) TO keyturn_engine;
REVOKE ALL ON FUNCTION jobs.make_archive_partitions(ahead integer) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.make_archive_partitions(ahead integer) TO keyturn_engine;
GRANT SELECT,USAGE ON SEQUENCE jobs.job_position TO keyturn_engine;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.approval TO keyturn_engine;
GRANT SELECT ON TABLE governance.approval TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.approval_withdrawal TO keyturn_engine;
GRANT SELECT ON TABLE governance.approval_withdrawal TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance."authorization" TO keyturn_engine;
GRANT SELECT ON TABLE governance."authorization" TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.break_glass TO keyturn_engine;
GRANT SELECT ON TABLE governance.break_glass TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.decision TO keyturn_engine;
GRANT SELECT ON TABLE governance.decision TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.delegation TO keyturn_engine;
GRANT SELECT ON TABLE governance.delegation TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.entitlement TO keyturn_engine;
GRANT SELECT ON TABLE governance.entitlement TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.feed_release TO keyturn_engine;
GRANT SELECT ON TABLE governance.feed_release TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.identity TO keyturn_engine;
GRANT SELECT ON TABLE governance.identity TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.identity_feed TO keyturn_engine;
GRANT SELECT ON TABLE governance.identity_feed TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.identity_source TO keyturn_engine;
GRANT SELECT ON TABLE governance.identity_source TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.permit TO keyturn_engine;
GRANT SELECT ON TABLE governance.permit TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.person TO keyturn_engine;
GRANT SELECT ON TABLE governance.person TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.person_account TO keyturn_engine;
GRANT SELECT ON TABLE governance.person_account TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.policy TO keyturn_engine;
GRANT SELECT ON TABLE governance.policy TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.policy_decision TO keyturn_engine;
GRANT SELECT ON TABLE governance.policy_decision TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.policy_version TO keyturn_engine;
GRANT SELECT ON TABLE governance.policy_version TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.reapproval TO keyturn_engine;
GRANT SELECT ON TABLE governance.reapproval TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.recheck TO keyturn_engine;
GRANT SELECT ON TABLE governance.recheck TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.request TO keyturn_engine;
GRANT SELECT ON TABLE governance.request TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.request_withdrawal TO keyturn_engine;
GRANT SELECT ON TABLE governance.request_withdrawal TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.role_assignment TO keyturn_engine;
GRANT SELECT ON TABLE governance.role_assignment TO keyturn_auditor;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE governance.scim_resource TO keyturn_engine;
GRANT SELECT ON TABLE governance.scim_resource TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.signing_key TO keyturn_engine;
GRANT SELECT ON TABLE governance.signing_key TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.target TO keyturn_engine;
GRANT SELECT(id) ON TABLE governance.target TO keyturn_auditor;
GRANT SELECT(bucket) ON TABLE governance.target TO keyturn_auditor;
GRANT SELECT(name) ON TABLE governance.target TO keyturn_auditor;
GRANT SELECT(kind) ON TABLE governance.target TO keyturn_auditor;
GRANT SELECT(environment) ON TABLE governance.target TO keyturn_auditor;
GRANT SELECT(settings) ON TABLE governance.target TO keyturn_auditor;
GRANT SELECT(admin_version) ON TABLE governance.target TO keyturn_auditor;
GRANT SELECT(examined_at) ON TABLE governance.target TO keyturn_auditor;
GRANT SELECT(created_at) ON TABLE governance.target TO keyturn_auditor;
GRANT SELECT(owner_id) ON TABLE governance.target TO keyturn_auditor;
GRANT SELECT(criticality) ON TABLE governance.target TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.ticket TO keyturn_engine;
GRANT SELECT ON TABLE governance.ticket TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.ticket_note TO keyturn_engine;
GRANT SELECT ON TABLE governance.ticket_note TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.toxic_pair TO keyturn_engine;
GRANT SELECT ON TABLE governance.toxic_pair TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE governance.vendor TO keyturn_engine;
GRANT SELECT ON TABLE governance.vendor TO keyturn_auditor;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobs.job TO keyturn_engine;
GRANT SELECT ON TABLE jobs.job TO keyturn_auditor;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobs.job_archive TO keyturn_engine;
GRANT SELECT ON TABLE jobs.job_archive TO keyturn_auditor;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobs.job_archive_default TO keyturn_engine;
GRANT SELECT ON TABLE jobs.job_archive_default TO keyturn_auditor;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobs.limit_group TO keyturn_engine;
GRANT SELECT ON TABLE jobs.limit_group TO keyturn_auditor;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobs.maintenance TO keyturn_engine;
GRANT SELECT ON TABLE jobs.maintenance TO keyturn_auditor;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobs.operator_action TO keyturn_engine;
GRANT SELECT ON TABLE jobs.operator_action TO keyturn_auditor;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobs.statistic TO keyturn_engine;
GRANT SELECT ON TABLE jobs.statistic TO keyturn_auditor;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobs.worker TO keyturn_engine;
GRANT SELECT ON TABLE jobs.worker TO keyturn_auditor;
GRANT SELECT ON TABLE keyturn.schema_migration TO keyturn_engine;
GRANT SELECT ON TABLE keyturn.schema_migration TO keyturn_auditor;
GRANT SELECT ON TABLE keyturn.schema_migration TO keyturn_dashboard;
GRANT SELECT,INSERT,UPDATE ON TABLE lifecycle.credential TO keyturn_engine;
GRANT SELECT ON TABLE lifecycle.credential TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE lifecycle.rotation TO keyturn_engine;
GRANT SELECT ON TABLE lifecycle.rotation TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE lifecycle.version TO keyturn_engine;
GRANT SELECT(credential_id) ON TABLE lifecycle.version TO keyturn_auditor;
GRANT SELECT(number) ON TABLE lifecycle.version TO keyturn_auditor;
GRANT SELECT(state) ON TABLE lifecycle.version TO keyturn_auditor;
GRANT SELECT(login) ON TABLE lifecycle.version TO keyturn_auditor;
GRANT SELECT(key_id) ON TABLE lifecycle.version TO keyturn_auditor;
GRANT SELECT(created_at) ON TABLE lifecycle.version TO keyturn_auditor;
GRANT SELECT(published_at) ON TABLE lifecycle.version TO keyturn_auditor;
GRANT SELECT(ended_at) ON TABLE lifecycle.version TO keyturn_auditor;
GRANT SELECT ON TABLE keyturn.v_credential TO keyturn_engine;
GRANT SELECT ON TABLE keyturn.v_credential TO keyturn_auditor;
GRANT SELECT ON TABLE keyturn.v_credential TO keyturn_dashboard;
GRANT SELECT,INSERT,UPDATE ON TABLE lifecycle.discovery TO keyturn_engine;
GRANT SELECT ON TABLE lifecycle.discovery TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE lifecycle.finding TO keyturn_engine;
GRANT SELECT ON TABLE lifecycle.finding TO keyturn_auditor;
GRANT SELECT ON TABLE keyturn.v_discovery TO keyturn_engine;
GRANT SELECT ON TABLE keyturn.v_discovery TO keyturn_auditor;
GRANT SELECT ON TABLE keyturn.v_discovery TO keyturn_dashboard;
GRANT SELECT ON TABLE keyturn.v_finding TO keyturn_engine;
GRANT SELECT ON TABLE keyturn.v_finding TO keyturn_auditor;
GRANT SELECT ON TABLE keyturn.v_finding TO keyturn_dashboard;
GRANT SELECT ON TABLE keyturn.v_finished_job TO keyturn_engine;
GRANT SELECT ON TABLE keyturn.v_finished_job TO keyturn_auditor;
GRANT SELECT ON TABLE keyturn.v_finished_job TO keyturn_dashboard;
GRANT SELECT ON TABLE keyturn.v_job TO keyturn_engine;
GRANT SELECT ON TABLE keyturn.v_job TO keyturn_auditor;
GRANT SELECT ON TABLE keyturn.v_job TO keyturn_dashboard;
GRANT SELECT ON TABLE keyturn.v_operator_action TO keyturn_engine;
GRANT SELECT ON TABLE keyturn.v_operator_action TO keyturn_auditor;
GRANT SELECT ON TABLE keyturn.v_operator_action TO keyturn_dashboard;
GRANT SELECT ON TABLE keyturn.v_queue_minute TO keyturn_engine;
GRANT SELECT ON TABLE keyturn.v_queue_minute TO keyturn_auditor;
GRANT SELECT ON TABLE keyturn.v_queue_minute TO keyturn_dashboard;
GRANT SELECT,INSERT,UPDATE ON TABLE lifecycle.effect TO keyturn_engine;
GRANT SELECT ON TABLE lifecycle.effect TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE lifecycle.proof TO keyturn_engine;
GRANT SELECT ON TABLE lifecycle.proof TO keyturn_auditor;
GRANT SELECT ON TABLE keyturn.v_rotation TO keyturn_engine;
GRANT SELECT ON TABLE keyturn.v_rotation TO keyturn_auditor;
GRANT SELECT ON TABLE keyturn.v_rotation TO keyturn_dashboard;
GRANT SELECT ON TABLE keyturn.v_sla TO keyturn_engine;
GRANT SELECT ON TABLE keyturn.v_sla TO keyturn_auditor;
GRANT SELECT ON TABLE keyturn.v_sla TO keyturn_dashboard;
GRANT SELECT ON TABLE keyturn.v_target TO keyturn_engine;
GRANT SELECT ON TABLE keyturn.v_target TO keyturn_auditor;
GRANT SELECT ON TABLE keyturn.v_target TO keyturn_dashboard;
GRANT SELECT,INSERT,UPDATE ON TABLE lifecycle.target_trial TO keyturn_engine;
GRANT SELECT ON TABLE lifecycle.target_trial TO keyturn_auditor;
GRANT SELECT ON TABLE keyturn.v_target_trial TO keyturn_engine;
GRANT SELECT ON TABLE keyturn.v_target_trial TO keyturn_auditor;
GRANT SELECT ON TABLE keyturn.v_target_trial TO keyturn_dashboard;
GRANT SELECT ON TABLE keyturn.v_ticket TO keyturn_engine;
GRANT SELECT ON TABLE keyturn.v_ticket TO keyturn_auditor;
GRANT SELECT ON TABLE keyturn.v_ticket TO keyturn_dashboard;
GRANT SELECT ON TABLE keyturn.v_worker TO keyturn_engine;
GRANT SELECT ON TABLE keyturn.v_worker TO keyturn_auditor;
GRANT SELECT ON TABLE keyturn.v_worker TO keyturn_dashboard;
GRANT SELECT,INSERT,UPDATE ON TABLE lifecycle.rotation_step TO keyturn_engine;
GRANT SELECT ON TABLE lifecycle.rotation_step TO keyturn_auditor;
GRANT SELECT,INSERT,UPDATE ON TABLE lifecycle.standby_admin TO keyturn_engine;
GRANT SELECT(target_id) ON TABLE lifecycle.standby_admin TO keyturn_auditor;
GRANT SELECT(login) ON TABLE lifecycle.standby_admin TO keyturn_auditor;
GRANT SELECT(version) ON TABLE lifecycle.standby_admin TO keyturn_auditor;
GRANT SELECT(candidate_version) ON TABLE lifecycle.standby_admin TO keyturn_auditor;
GRANT SELECT(phase) ON TABLE lifecycle.standby_admin TO keyturn_auditor;
GRANT SELECT(wait_until) ON TABLE lifecycle.standby_admin TO keyturn_auditor;
GRANT SELECT(overlap) ON TABLE lifecycle.standby_admin TO keyturn_auditor;
GRANT SELECT(rotate_every) ON TABLE lifecycle.standby_admin TO keyturn_auditor;
GRANT SELECT(fence) ON TABLE lifecycle.standby_admin TO keyturn_auditor;
GRANT SELECT(requested_by) ON TABLE lifecycle.standby_admin TO keyturn_auditor;
GRANT SELECT(reason) ON TABLE lifecycle.standby_admin TO keyturn_auditor;
GRANT SELECT(rotated_at) ON TABLE lifecycle.standby_admin TO keyturn_auditor;
ALTER DEFAULT PRIVILEGES FOR ROLE keyturn_owner IN SCHEMA governance GRANT SELECT,INSERT,UPDATE ON TABLES  TO keyturn_engine;
ALTER DEFAULT PRIVILEGES FOR ROLE keyturn_owner IN SCHEMA governance GRANT SELECT ON TABLES  TO keyturn_auditor;
ALTER DEFAULT PRIVILEGES FOR ROLE keyturn_owner IN SCHEMA jobs GRANT SELECT,INSERT,DELETE,UPDATE ON TABLES  TO keyturn_engine;
ALTER DEFAULT PRIVILEGES FOR ROLE keyturn_owner IN SCHEMA jobs GRANT SELECT ON TABLES  TO keyturn_auditor;
ALTER DEFAULT PRIVILEGES FOR ROLE keyturn_owner IN SCHEMA keyturn GRANT SELECT ON TABLES  TO keyturn_engine;
ALTER DEFAULT PRIVILEGES FOR ROLE keyturn_owner IN SCHEMA keyturn GRANT SELECT ON TABLES  TO keyturn_auditor;
ALTER DEFAULT PRIVILEGES FOR ROLE keyturn_owner IN SCHEMA keyturn GRANT SELECT ON TABLES  TO keyturn_dashboard;
ALTER DEFAULT PRIVILEGES FOR ROLE keyturn_owner IN SCHEMA lifecycle GRANT SELECT,INSERT,UPDATE ON TABLES  TO keyturn_engine;
