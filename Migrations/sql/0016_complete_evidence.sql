-- breaking: yes
-- reason: leaves for every record, a log that may be refused or begun anew, time stamps of checkpoints

SET LOCAL ROLE keyturn_owner;

-- MARK: locks

-- As before, and: a transaction that records in many cases (a feed of ten thousand people) keeps no lock for each of them, but
-- one that everybody else's recording waits for. The count is the transaction's own; whoever forges it meets `event_pkey`.
CREATE FUNCTION evidence.lock_case(of_case uuid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  taken integer := coalesce(nullif(current_setting('keyturn.evidence_cases', true), ''), '0')::integer;
BEGIN
  IF taken < 0 THEN
    RETURN;
  END IF;
  IF taken >= 256 THEN
    PERFORM pg_advisory_xact_lock(hashtextextended('keyturn evidence', 1));
    PERFORM set_config('keyturn.evidence_cases', '-1', true);
    RETURN;
  END IF;
  PERFORM pg_advisory_xact_lock_shared(hashtextextended('keyturn evidence', 1));
  PERFORM pg_advisory_xact_lock(hashtextextended('keyturn evidence ' || of_case, 0));
  PERFORM set_config('keyturn.evidence_cases', (taken + 1)::text, true);
END
$$;

CREATE OR REPLACE FUNCTION evidence.record(
  of_case uuid, of_type text, actor text, detail text, subject text DEFAULT '{}', fields text[] DEFAULT '{}',
  vals text[] DEFAULT '{}', about uuid[] DEFAULT '{}') RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
  hidden text := '';
  made bigint;
  place integer;
  nonces bytea[];
BEGIN
  PERFORM evidence.lock_case(of_case);
  SELECT array_agg(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())) INTO nonces FROM unnest(fields);
  SELECT coalesce('"pd":' || evidence.object(array_agg(m.field),
      array_agg(evidence.hex(evidence.commitment(m.field, m.nonce, m.value)))) || ',', '')
  INTO hidden
  FROM unnest(fields, vals, nonces) AS m (field, value, nonce)
  WHERE m.value IS NOT NULL
  HAVING count(*) > 0;
  made := evidence.append(ARRAY[of_case], ARRAY[of_type], ARRAY['{"actor":' || evidence.quoted(actor) || ',"at":'],
    ARRAY[',"d":' || detail || ',"eid":"' || evidence.ordered_id() || '",' || coalesce(hidden, '') || '"prev":"'],
    ARRAY['","sub":' || subject || ',"t":' || evidence.quoted(of_type) || ',"v":1}']);
  SELECT b.sequences[1] INTO place FROM evidence.batch AS b WHERE b.id = made;
  INSERT INTO evidence.opening (case_id, cs, field, nonce, value, person_id)
  SELECT of_case, place, m.field, m.nonce, m.value, m.person
  FROM unnest(fields, vals, nonces, about) AS m (field, value, nonce, person)
  WHERE m.value IS NOT NULL;
  RETURN place;
END
$$;

-- MARK: any record

-- A case for what has a name and no id.
CREATE FUNCTION evidence.case_of(name text) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN encode(substring(sha256(convert_to('keyturn case ' || name, 'UTF8')) FOR 16), 'hex')::uuid;

-- A word, a number, an id, a digest or a list of words as a leaf writes it.
CREATE FUNCTION evidence.plain(value jsonb) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE jsonb_typeof(value)
  WHEN 'boolean' THEN value::text
  WHEN 'number' THEN CASE WHEN value::text ~ '^-?[0-9]{1,15}$' THEN value::text ELSE evidence.quoted(value::text) END
  WHEN 'string' THEN evidence.quoted(left(regexp_replace(value #>> '{}', '^\\x', ''), 200))
  WHEN 'array' THEN evidence.array_of(ARRAY(SELECT left(w, 200) FROM jsonb_array_elements_text(value) AS w))
END;

-- Any record: its table, what was done, the columns that are words of closed lists, numbers, ids or digests, and a commitment
-- to the row without what is sealed. People are pseudonyms, in the row too. Long values are their digests.
--   0  the leaf's type
--   1  columns of which the first that is not null is the case; person:, approval: and ticket: look it up, name: makes one
--   2  columns of whoever did it: of these, the last that this change set
--   3  the column of the person whom the row is about
--   4  columns that the leaf shows
--   5  columns that only beat or count: a change of nothing else leaves no leaf
--   6  columns that refer to people
CREATE FUNCTION evidence.on_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  was jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
  kept jsonb := CASE WHEN TG_OP = 'DELETE' THEN to_jsonb(OLD) ELSE to_jsonb(NEW) END;
  shown text[] := string_to_array(TG_ARGV[4], ',');
  about uuid := (kept ->> TG_ARGV[3])::uuid;
  name text;
  part text;
  of_case uuid;
  actor uuid;
BEGIN
  IF TG_OP = 'UPDATE' AND was - string_to_array(TG_ARGV[5], ',') = kept - string_to_array(TG_ARGV[5], ',') THEN
    RETURN NULL;
  END IF;
  FOREACH name IN ARRAY string_to_array(TG_ARGV[1], ',') LOOP
    part := split_part(name, ':', 2);
    of_case := CASE split_part(name, ':', 1)
      WHEN 'person' THEN evidence.pseudonym_of((kept ->> part)::uuid)
      WHEN 'approval' THEN (SELECT a.request_id FROM governance.approval AS a WHERE a.id = (kept ->> part)::uuid)
      WHEN 'ticket' THEN (SELECT coalesce(k.request_id, k.id) FROM governance.ticket AS k WHERE k.id = (kept ->> part)::uuid)
      WHEN 'name' THEN evidence.case_of(TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME || ' ' || (kept ->> part))
      ELSE (kept ->> name)::uuid END;
    EXIT WHEN of_case IS NOT NULL;
  END LOOP;
  FOREACH name IN ARRAY string_to_array(TG_ARGV[2], ',') LOOP
    IF kept ->> name IS NOT NULL AND (TG_OP = 'INSERT' OR kept -> name IS DISTINCT FROM was -> name) THEN
      actor := (kept ->> name)::uuid;
    END IF;
  END LOOP;
  FOREACH name IN ARRAY string_to_array(TG_ARGV[6], ',') LOOP
    IF kept ->> name IS NOT NULL THEN
      kept := jsonb_set(kept, ARRAY[name], to_jsonb(evidence.pseudonym_of((kept ->> name)::uuid)));
    END IF;
  END LOOP;
  PERFORM evidence.record(of_case, TG_ARGV[0], evidence.actor_of(actor),
    evidence.object(ARRAY['operation', 'record'] || ARRAY(SELECT regexp_replace(s, '_id$', '') FROM unnest(shown) AS s),
      ARRAY[evidence.quoted(lower(TG_OP)), evidence.quoted(TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME)]
      || ARRAY(SELECT CASE WHEN s ~ '_(at|until)$' THEN evidence.micros((kept ->> s)::timestamptz)
        ELSE evidence.plain(kept -> s) END FROM unnest(shown) AS s)),
    '{}', ARRAY['row'], ARRAY[(
      SELECT jsonb_object_agg(r.key, CASE WHEN length(r.value::text) <= 2000 THEN r.value
        ELSE to_jsonb('sha256 ' || encode(sha256(convert_to(r.value::text, 'UTF8')), 'hex')) END)::text
      FROM jsonb_each(kept) AS r
      WHERE r.key !~ '(envelope|hash|token|secret)')], ARRAY[coalesce(about, actor)]);
  RETURN NULL;
END
$$;

-- From now on every change of the table leaves a leaf. See evidence.on_change for what the words mean.
-- `updates`: a condition for updates of tables that change too often to look at each time.
-- `inserts`: no, when another leaf says that the row was made.
CREATE PROCEDURE evidence.watch(
  of_table regclass, leaf_type text, of_case text, actors text DEFAULT '', about text DEFAULT '', plain text DEFAULT '',
  quiet text DEFAULT '', updates text DEFAULT NULL, inserts boolean DEFAULT true)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  named text := (SELECT c.relname FROM pg_class AS c WHERE c.oid = of_table) || '_evidence';
  people text := (
    SELECT string_agg(a.attname, ',' ORDER BY a.attnum)
    FROM pg_constraint AS f
    JOIN pg_attribute AS a ON a.attrelid = f.conrelid AND a.attnum = f.conkey[1]
    WHERE f.conrelid = of_table AND f.contype = 'f' AND f.confrelid = 'governance.person'::regclass);
  called text := format('FOR EACH ROW %%s EXECUTE FUNCTION evidence.on_change(%L, %L, %L, %L, %L, %L, %L)', leaf_type, of_case,
    actors, about, plain, quiet, coalesce(people, ''));
BEGIN
  IF EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = of_table AND t.tgname = named) THEN
    EXECUTE format('DROP TRIGGER %I ON %s', named, of_table);
  END IF;
  EXECUTE format('CREATE TRIGGER %I AFTER %s ON %s ', named,
    CASE WHEN inserts THEN 'INSERT OR ' ELSE '' END || CASE WHEN updates IS NULL THEN 'UPDATE OR ' ELSE '' END || 'DELETE',
    of_table) || format(called, '');
  EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', of_table, named);
  IF updates IS NOT NULL THEN
    EXECUTE format('CREATE TRIGGER %I AFTER UPDATE ON %s ', named || '_update', of_table)
      || format(called, 'WHEN (' || updates || ')');
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', of_table, named || '_update');
  END IF;
END
$$;

CALL evidence.watch('governance.request_withdrawal', 'record.changed', 'request_id', 'person_id', 'person_id');
CALL evidence.watch('governance.approval_withdrawal', 'record.changed', 'approval:approval_id', plain => 'approval_id');
CALL evidence.watch('governance.decision', 'decision.made', 'request_id',
  plain => 'digest,moment,outcome,reasons,revision');
CALL evidence.watch('governance.ticket', 'ticket.read', 'request_id,id', 'excused_by', plain =>
  'cause_at,closed_without_control,contained_at,due_at,excused_until,helpdesk,identity_id,kind,number,proven_at,request_digest,request_id,request_revision,resolution,state');
CALL evidence.watch('governance.ticket_note', 'record.changed', 'ticket:ticket_id', plain => 'code,ticket_id');
CALL evidence.watch('governance.break_glass', 'record.changed', 'request_id', 'opened_by,reviewed_by', 'opened_by',
  'identity_id,second_id,ticket_id');
CALL evidence.watch('governance.reapproval', 'record.changed', 'identity_id', plain => 'identity_id,trigger');
CALL evidence.watch('governance.policy_version', 'record.changed', 'name:policy', 'proposed_by', 'proposed_by',
  'digest,state,version');
CALL evidence.watch('governance.policy_decision', 'record.changed', 'name:policy', 'person_id', 'person_id',
  'decision,digest,version');
CALL evidence.watch('governance.identity_source', 'record.changed', 'name:name',
  plain => 'break_persons,kind,sequence,state', quiet => 'as_of');
CALL evidence.watch('governance.identity_feed', 'record.changed', 'id', plain => 'digest,persons,removals,sequence,state');
CALL evidence.watch('governance.feed_release', 'record.changed', 'feed_id', 'person_id', 'person_id');
CALL evidence.watch('governance.person_account', 'record.changed', 'person:person_id', about => 'person_id');
CALL evidence.watch('governance.role_assignment', 'record.changed', 'person:person_id', about => 'person_id',
  plain => 'person_id,role,target_id');
CALL evidence.watch('governance.signing_key', 'record.changed', 'person:person_id', about => 'person_id');
CALL evidence.watch('governance.scim_resource', 'record.changed', 'person:person_id,id', about => 'person_id',
  plain => 'kind,version', quiet => 'modified_at');
CALL evidence.watch('governance.scim_client', 'record.changed', 'id', 'added_by,removed_by');
CALL evidence.watch('governance.helpdesk_event', 'record.changed', 'ticket:ticket_id',
  plain => 'digest,helpdesk,is_human,kind,request,revision,state,ticket_id');
CALL evidence.watch('governance.delegation', 'record.changed', 'id', 'registered_by', 'delegator_id',
  'delegate_id,delegator_id,role,target_id');
CALL evidence.watch('governance.vendor', 'record.changed', 'id', about => 'sponsor_id', plain => 'sponsor_id,version');
CALL evidence.watch('governance.entitlement', 'record.changed', 'target_id', plain => 'risk,target_id');
CALL evidence.watch('governance.toxic_pair', 'record.changed', 'target_id', plain => 'target_id');
CALL evidence.watch('governance.incarnation', 'record.changed', 'id', 'confirmed_by', 'confirmed_by', quiet => 'mark');
CALL evidence.watch('governance.incarnation_adoption', 'record.changed', 'incarnation_id', 'adopted_by', 'adopted_by');
CALL evidence.watch('governance.embargo', 'record.changed', 'subject', plain => 'subject');
CALL evidence.watch('governance.operator_permission', 'record.changed', 'id', 'granted_by,withdrawn_by', 'person_id',
  'permission,person_id');
CALL evidence.watch('governance.emergency', 'record.changed', 'id', 'opened_by,reviewed_by', 'opened_by', 'second_id');

-- A credential's schedule and fence belong to its sagas.
CALL evidence.watch('lifecycle.credential', 'record.changed', 'id',
  plain => 'authorization_id,identity_id,state,target_id', quiet => 'fence,due_anchor,next_due_at,next_verify_at',
  updates => '(OLD.state, OLD.authorization_id, OLD.leaked_at, OLD.hard_expires_at, OLD.identity_id, OLD.target_id)
    IS DISTINCT FROM (NEW.state, NEW.authorization_id, NEW.leaked_at, NEW.hard_expires_at, NEW.identity_id, NEW.target_id)');
-- What a saga makes of a version is in the saga's leaf; here is which key seals it.
CALL evidence.watch('lifecycle.version', 'record.changed', 'credential_id', plain => 'credential_id,number,state',
  updates => 'OLD.key_id IS DISTINCT FROM NEW.key_id', inserts => false);
-- What happens to a saga beside its own steps. In the credential's case: whoever does it need not hold the saga's.
CALL evidence.watch('lifecycle.rotation', 'record.changed', 'credential_id', 'requested_by', 'requested_by',
  'authorization_id,credential_id,id,resume_state,state,trigger',
  updates => 'OLD.steps = NEW.steps AND NEW.state <> ''cancelled''
    AND (OLD.state, OLD.trigger, OLD.requested_by, OLD.ticket, OLD.authorization_id, OLD.resume_state, OLD.action)
      IS DISTINCT FROM (NEW.state, NEW.trigger, NEW.requested_by, NEW.ticket, NEW.authorization_id, NEW.resume_state, NEW.action)',
  inserts => false);
-- An intent whose outcome nobody will learn any more, because it is done again; the others are in the sagas' leaves.
CALL evidence.watch('lifecycle.effect', 'record.changed', 'credential_id',
  plain => 'credential_id,id,outcome_code,rotation_id,state,verb', updates => 'NEW.outcome_code = ''repeated''',
  inserts => false);
CALL evidence.watch('lifecycle.verification', 'proof.observed', 'credential_id',
  plain => 'credential_id,drifts,fence,result,version');
CALL evidence.watch('lifecycle.standby_admin', 'record.changed', 'target_id',
  plain => 'candidate_version,phase,target_id,version', quiet => 'fence,wait_until');
CALL evidence.watch('lifecycle.target_trial', 'record.changed', 'target_id,id', plain => 'passed,steps,target_id');
CALL evidence.watch('lifecycle.discovery', 'record.changed', 'target_id', plain => 'governed,logins,target_id',
  quiet => 'next_at,started_at');
CALL evidence.watch('lifecycle.finding', 'record.changed', 'target_id', 'explained_by', 'explained_by',
  'identity_id,kind,state,target_id', 'last_seen_at');
CALL evidence.watch('lifecycle.containment', 'record.changed', 'id', 'requested_by', 'requested_by',
  'digest,emergency_id,follow_up,permission_id');
CALL evidence.watch('lifecycle.containment_target', 'record.changed', 'id', plain => 'containment_id,target_id');
-- Which credentials it is about: the digest in the containment's own leaf.
CALL evidence.watch('lifecycle.containment_item', 'record.changed', 'containment_target_id',
  plain => 'authorization_id,credential_id,follow_up,outcome_code,permit_id,rotation_id,state', quiet => 'attempts',
  inserts => false);
CALL evidence.watch('lifecycle.consumer', 'record.changed', 'credential_id', 'added_by', 'added_by', 'credential_id,id');
CALL evidence.watch('lifecycle.consumer_version', 'record.changed', 'consumer_id', plain => 'consumer_id,version',
  quiet => 'reads,last_read_at',
  updates => '(OLD.consumer_id, OLD.version, OLD.first_read_at, OLD.acknowledged_at) IS DISTINCT FROM
    (NEW.consumer_id, NEW.version, NEW.first_read_at, NEW.acknowledged_at)');
CALL evidence.watch('lifecycle.delivery', 'record.changed', 'consumer_id', plain => 'consumer_id,state,version',
  quiet => 'attempts,last_outcome,tried_at');
CALL evidence.watch('lifecycle.alarm', 'record.changed', 'id', plain => 'id,kind,subject');
CALL evidence.watch('evidence.retention', 'record.changed', 'name:type', plain => 'keep,type');

DROP FUNCTION evidence.on_record();

-- MARK: what has leaves of its own kind, with all that was added to it since

CREATE OR REPLACE FUNCTION evidence.on_request() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM evidence.record(NEW.id, 'request.submitted', evidence.actor_of(NEW.requester_id),
    evidence.object(
      ARRAY['actions', 'beneficiary', 'break_glass', 'delegated', 'digest', 'origin', 'revision'],
      ARRAY[evidence.array_of(NEW.actions), evidence.quoted(evidence.pseudonym_of(NEW.beneficiary_id)::text),
        NEW.break_glass::text, evidence.quoted(evidence.pseudonym_of(NEW.delegated_approver_id)::text),
        evidence.hex(NEW.digest), evidence.quoted(NEW.origin), NEW.revision::text]),
    evidence.identity_subject(NEW.identity_id),
    -- The request itself names people: the digest alone is in the leaf, the text can be erased.
    ARRAY['core', 'owning_system', 'ticket'], ARRAY[convert_from(NEW.core, 'UTF8'), NEW.owning_system, NEW.ticket],
    ARRAY[NEW.requester_id, NULL, NULL]);
  RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION evidence.on_approval() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  asked record;
BEGIN
  SELECT r.requester_id, r.beneficiary_id, r.identity_id INTO asked
  FROM governance.request AS r WHERE r.id = NEW.request_id AND r.revision = NEW.revision;
  -- Requester and beneficiary again: pseudonyms of one leaf are of one year and can be compared.
  PERFORM evidence.record(NEW.request_id, 'approval.decided', evidence.actor_of(NEW.approver_id),
    evidence.object(
      ARRAY['acting_for', 'approval', 'beneficiary', 'decision', 'delegation', 'digest', 'human', 'relations', 'requester',
        'revision', 'stage', 'strength'],
      ARRAY[evidence.quoted(evidence.pseudonym_of(NEW.acting_for_id)::text), evidence.quoted(NEW.id::text),
        evidence.quoted(evidence.pseudonym_of(asked.beneficiary_id)::text), evidence.quoted(NEW.decision),
        evidence.quoted(NEW.delegation_id::text), evidence.hex(NEW.digest), NEW.is_human::text,
        evidence.array_of(NEW.relations), evidence.quoted(evidence.pseudonym_of(asked.requester_id)::text),
        NEW.revision::text, NEW.stage::text, evidence.quoted(NEW.strength)]),
    evidence.identity_subject(asked.identity_id), ARRAY['remote_transaction', 'signature'],
    ARRAY[NEW.remote_transaction, NEW.signature], ARRAY[NEW.approver_id, NEW.approver_id]);
  RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION evidence.on_person() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND to_jsonb(OLD) - 'as_of' = to_jsonb(NEW) - 'as_of' THEN
    RETURN NULL;
  END IF;
  PERFORM evidence.record(evidence.pseudonym_of(NEW.id), CASE TG_OP WHEN 'INSERT' THEN 'person.added' ELSE 'person.changed' END,
    evidence.actor_of(NULL),
    evidence.object(ARRAY['manager', 'person', 'state', 'version'],
      ARRAY[evidence.quoted(evidence.pseudonym_of(NEW.manager_id)::text),
        evidence.quoted(evidence.pseudonym_of(NEW.id)::text), evidence.quoted(NEW.state), NEW.version::text]),
    '{}', ARRAY['external_id', 'row'], ARRAY[CASE WHEN TG_OP = 'INSERT' THEN NEW.external_id END,
      (to_jsonb(NEW) - ARRAY['id', 'manager_id'])::text], ARRAY[NEW.id, NEW.id]);
  RETURN NULL;
END
$$;

-- Without the document, which may be larger than what a leaf may hide; its digest is in the row, its text in policy_version.
CREATE OR REPLACE FUNCTION evidence.on_policy() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM evidence.record(NEW.id, CASE TG_OP WHEN 'INSERT' THEN 'policy.added' ELSE 'policy.changed' END,
    evidence.actor_of(NULL),
    evidence.object(ARRAY['digest', 'document', 'policy', 'version'],
      ARRAY[evidence.hex(sha256(convert_to((to_jsonb(NEW) - 'document')::text, 'UTF8'))), evidence.hex(NEW.digest),
        evidence.quoted(NEW.id::text), NEW.version::text]),
    '{}', ARRAY['policy'], ARRAY[(to_jsonb(NEW) - 'document')::text], ARRAY[NULL::uuid]);
  RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION evidence.on_target() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM evidence.record(NEW.id, CASE TG_OP WHEN 'INSERT' THEN 'target.added' ELSE 'target.changed' END,
    evidence.actor_of(NULL),
    evidence.object(ARRAY['admin_version', 'criticality', 'examined', 'kind', 'owner'],
      ARRAY[NEW.admin_version::text, NEW.criticality::text, evidence.micros(NEW.examined_at), evidence.quoted(NEW.kind),
        evidence.quoted(evidence.pseudonym_of(NEW.owner_id)::text)]),
    evidence.object(ARRAY['target'], ARRAY[evidence.quoted(NEW.id::text)]),
    ARRAY['environment', 'name', 'settings'], ARRAY[NEW.environment, NEW.name, NEW.settings::text],
    ARRAY[NULL, NULL, NULL]::uuid[]);
  RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION evidence.on_identity() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM evidence.record(NEW.id, CASE TG_OP WHEN 'INSERT' THEN 'identity.added' ELSE 'identity.changed' END,
    evidence.actor_of(NULL),
    evidence.object(ARRAY['attested', 'backup', 'expires', 'mode', 'owner', 'policy', 'rights', 'tier', 'vendor'],
      ARRAY[evidence.micros(NEW.attested_at), evidence.quoted(evidence.pseudonym_of(NEW.backup_owner_id)::text),
        evidence.micros(NEW.expires_at), evidence.quoted(NEW.login_mode),
        evidence.quoted(evidence.pseudonym_of(NEW.owner_id)::text), evidence.quoted(NEW.policy_id::text),
        evidence.hex(sha256(convert_to(array_to_string(NEW.rights, E'\n'), 'UTF8'))), evidence.quoted(NEW.tier),
        evidence.quoted(NEW.vendor_id::text)]),
    evidence.object(ARRAY['identity', 'target'],
      ARRAY[evidence.quoted(NEW.id::text), evidence.quoted(NEW.target_id::text)]),
    ARRAY['environment', 'name', 'purpose', 'workload'], ARRAY[NEW.environment, NEW.name, NEW.purpose, NEW.workload],
    ARRAY[NULL, NULL, NULL, NULL]::uuid[]);
  RETURN NULL;
END
$$;

-- With the effects whose outcome nobody will learn any more.
CREATE OR REPLACE FUNCTION evidence.on_rotation_cancelled() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM evidence.record(NEW.id, 'rotation.cancelled', evidence.actor_of(NULL),
    evidence.object(ARRAY['effects', 'fence', 'from'], ARRAY[(
        SELECT '[' || string_agg('["' || e.id || '","unknown",' || evidence.quoted(e.outcome_code) || ','
          || evidence.micros(e.settled_at) || ']', ',' ORDER BY e.id) || ']'
        FROM lifecycle.effect AS e
        WHERE e.rotation_id = NEW.id AND e.state = 'unknown' AND e.outcome_code = 'taken over'),
      NEW.fence::text, evidence.quoted(OLD.state)]),
    (SELECT evidence.identity_subject(c.identity_id) FROM lifecycle.credential AS c WHERE c.id = NEW.credential_id),
    ARRAY['reason'], ARRAY[NEW.state_reason], ARRAY[NULL::uuid]);
  RETURN NULL;
END
$$;

-- The schema itself: which change was applied, by which file.
CREATE FUNCTION evidence.on_migration() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM evidence.record('00000000-0000-4000-8000-0000000000e6', 'record.changed', evidence.actor_of(NULL),
    evidence.object(ARRAY['checksum', 'operation', 'record', 'version'],
      ARRAY[evidence.quoted(NEW.checksum), '"insert"', '"keyturn.schema_migration"', NEW.version::text]));
  RETURN NULL;
END
$$;
RESET ROLE;
CREATE TRIGGER schema_migration_evidence AFTER INSERT ON keyturn.schema_migration
  FOR EACH ROW EXECUTE FUNCTION evidence.on_migration();
ALTER TABLE keyturn.schema_migration ENABLE ALWAYS TRIGGER schema_migration_evidence;
SET LOCAL ROLE keyturn_owner;

INSERT INTO evidence.retention (type, keep)
VALUES ('decision.made', interval '7 years'), ('proof.observed', interval '7 years');

-- The policy that came with the schema has a leaf too.
UPDATE governance.policy SET name = name;

-- MARK: a log that may not be continued

-- There while the sealer refuses to seal: the database was set back, or the log does not fit what is known of it. Nothing is
-- granted meanwhile but what shuts a login off.
CREATE TABLE evidence.refusal (
  is_it boolean DEFAULT true CONSTRAINT refusal_pkey PRIMARY KEY CONSTRAINT refusal_once CHECK (is_it),
  code text NOT NULL CONSTRAINT refusal_code_length CHECK (length(code) BETWEEN 1 AND 40),
  reason text NOT NULL CONSTRAINT refusal_reason_length CHECK (length(reason) BETWEEN 1 AND 2000),
  at timestamptz NOT NULL DEFAULT clock_timestamp()
);
REVOKE INSERT ON evidence.refusal FROM keyturn_engine;
CALL evidence.watch('evidence.refusal', 'record.changed', 'name:is_it', plain => 'code', quiet => 'reason,at');

CREATE FUNCTION evidence.is_writable() RETURNS boolean
LANGUAGE sql STABLE
RETURN NOT EXISTS (SELECT FROM evidence.refusal);

-- Only who has the lead may say so, or take it back.
CREATE FUNCTION evidence.refuse(in_epoch bigint, why_code text, why text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM FROM evidence.log AS l WHERE l.epoch = in_epoch;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  INSERT INTO evidence.refusal (code, reason) VALUES (why_code, left(why, 2000))
  ON CONFLICT (is_it) DO UPDATE SET code = EXCLUDED.code, reason = EXCLUDED.reason, at = EXCLUDED.at;
  RETURN true;
END
$$;
CREATE FUNCTION evidence.accept(in_epoch bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM FROM evidence.log AS l WHERE l.epoch = in_epoch;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  DELETE FROM evidence.refusal;
  RETURN true;
END
$$;

-- Logs that this one follows: each ended where the database was lost.
CREATE TABLE evidence.former_log (
  vkey text CONSTRAINT former_log_pkey PRIMARY KEY,
  origin text NOT NULL,
  -- What the database still had of it.
  kept_size bigint NOT NULL,
  kept_root bytea NOT NULL CONSTRAINT former_log_kept_root_whole CHECK (length(kept_root) = 32),
  -- The newest checkpoint that is known outside, signed by its key.
  last_size bigint NOT NULL,
  last_root bytea NOT NULL CONSTRAINT former_log_last_root_whole CHECK (length(last_root) = 32),
  last_note text NOT NULL CONSTRAINT former_log_last_note_length CHECK (length(last_note) <= 65536),
  ended_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
REVOKE INSERT ON evidence.former_log FROM keyturn_engine;

-- Begins a new log after one that cannot be continued. What is sealed here stays sealed, at the same indexes; the first
-- new leaf says which log this one follows, and with which checkpoint that one ended. Returns that leaf's place in its case.
CREATE FUNCTION evidence.begin_anew(
  new_origin text, new_vkey text, last_size bigint, last_root bytea, last_note text, actor uuid, why text) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  old evidence.log;
  place integer;
BEGIN
  SELECT * INTO STRICT old FROM evidence.log AS l FOR UPDATE;
  IF old.vkey = new_vkey OR old.origin = new_origin OR EXISTS (
    SELECT FROM evidence.former_log AS f WHERE f.vkey = new_vkey OR f.origin = new_origin) THEN
    RAISE EXCEPTION 'a new log needs a new name and a new key' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  INSERT INTO evidence.former_log (vkey, origin, kept_size, kept_root, last_size, last_root, last_note)
  VALUES (old.vkey, old.origin, old.size, old.root, last_size, last_root, last_note);
  place := evidence.record('00000000-0000-4000-8000-0000000000e5', 'log.begun', evidence.actor_of(actor),
    evidence.object(
      ARRAY['former_log', 'former_root', 'former_size', 'former_vkey', 'kept_root', 'kept_size', 'log', 'vkey'],
      ARRAY[evidence.quoted(old.origin), evidence.quoted(encode(last_root, 'base64')), last_size::text,
        evidence.quoted(old.vkey), evidence.quoted(encode(old.root, 'base64')), old.size::text,
        evidence.quoted(new_origin), evidence.quoted(new_vkey)]),
    '{}', ARRAY['reason'], ARRAY[why], ARRAY[actor]);
  UPDATE evidence.log
  SET origin = new_origin, vkey = new_vkey, note = NULL, epoch = epoch + 1, sealer = NULL, lease_until = '-infinity';
  DELETE FROM evidence.refusal;
  RETURN place;
END
$$;

-- MARK: time stamps

-- A time-stamping authority's word (RFC 3161) that a checkpoint existed: the whole response, as it came.
CREATE TABLE evidence.timestamp (
  size bigint CONSTRAINT timestamp_pkey PRIMARY KEY,
  note text NOT NULL CONSTRAINT timestamp_note_length CHECK (length(note) <= 65536),
  response bytea NOT NULL CONSTRAINT timestamp_response_length CHECK (length(response) BETWEEN 1 AND 65536),
  -- When, by the authority's clock.
  genuine_at timestamptz NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp()
);
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['former_log', 'timestamp'] LOOP
    EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OR DELETE ON evidence.%I FOR EACH ROW
      EXECUTE FUNCTION keyturn.refuse_change()', name || '_append_only', name);
    EXECUTE format('ALTER TABLE evidence.%I ENABLE ALWAYS TRIGGER %I', name, name || '_append_only');
    EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON evidence.%I EXECUTE FUNCTION keyturn.refuse_change()',
      name || '_no_truncate', name);
    EXECUTE format('ALTER TABLE evidence.%I ENABLE ALWAYS TRIGGER %I', name, name || '_no_truncate');
  END LOOP;
END
$$;

REVOKE EXECUTE ON FUNCTION evidence.refuse, evidence.accept, evidence.begin_anew FROM PUBLIC;
GRANT EXECUTE ON FUNCTION evidence.refuse, evidence.accept, evidence.begin_anew TO keyturn_engine;
