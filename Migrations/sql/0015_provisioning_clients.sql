-- breaking: no
-- reason: who may provision people over SCIM, when people stopped being active, signed events of helpdesks

SET LOCAL ROLE keyturn_owner;

-- A provisioning client of a source. Its token is kept as SHA-256 only: there is nothing to guess, so a slow hash would only
-- cost time.
CREATE TABLE governance.scim_client (
  id uuid CONSTRAINT scim_client_pkey PRIMARY KEY,
  source text NOT NULL CONSTRAINT scim_client_source_known REFERENCES governance.identity_source (name),
  name text NOT NULL CONSTRAINT scim_client_name_length CHECK (length(name) BETWEEN 1 AND 100),
  token_hash bytea NOT NULL CONSTRAINT scim_client_token_hash_length CHECK (length(token_hash) = 32),
  added_by uuid NOT NULL CONSTRAINT scim_client_added_by_known REFERENCES governance.person (id),
  reason text NOT NULL CONSTRAINT scim_client_reason_length CHECK (length(reason) BETWEEN 1 AND 500),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires_at timestamptz CONSTRAINT scim_client_expires_at_later CHECK (expires_at > created_at),
  removed_at timestamptz,
  removed_by uuid CONSTRAINT scim_client_removed_by_known REFERENCES governance.person (id),
  CONSTRAINT scim_client_removed_whole CHECK ((removed_at IS NULL) = (removed_by IS NULL))
);
CREATE UNIQUE INDEX scim_client_name_once ON governance.scim_client (source, name) WHERE removed_at IS NULL;
REVOKE SELECT ON governance.scim_client FROM keyturn_auditor;
GRANT SELECT (id, source, name, added_by, reason, created_at, expires_at, removed_at, removed_by)
  ON governance.scim_client TO keyturn_auditor;

-- The last time a person went from active to another state: what a breaker over single changes counts.
ALTER TABLE governance.person ADD COLUMN deactivated_at timestamptz;
CREATE INDEX person_deactivated ON governance.person (source, deactivated_at) WHERE deactivated_at IS NOT NULL;

-- What a helpdesk without an API of its own said, signed: who did what, never what they wrote. A message's id is taken once.
CREATE TABLE governance.helpdesk_event (
  id uuid CONSTRAINT helpdesk_event_pkey PRIMARY KEY,
  sequence bigint GENERATED ALWAYS AS IDENTITY,
  helpdesk text NOT NULL CONSTRAINT helpdesk_event_helpdesk_length CHECK (length(helpdesk) BETWEEN 1 AND 60),
  message_id text NOT NULL CONSTRAINT helpdesk_event_message_id_length CHECK (length(message_id) BETWEEN 1 AND 256),
  ticket_id uuid NOT NULL CONSTRAINT helpdesk_event_ticket_id_known REFERENCES governance.ticket (id),
  kind text NOT NULL CONSTRAINT helpdesk_event_kind_known CHECK (kind IN ('approved', 'rejected', 'changed')),
  actor text NOT NULL CONSTRAINT helpdesk_event_actor_length CHECK (length(actor) BETWEEN 1 AND 200),
  is_human boolean NOT NULL,
  state text NOT NULL CONSTRAINT helpdesk_event_state_known
    CHECK (state IN ('waiting', 'approved', 'rejected', 'resolved', 'closed', 'merged', 'moved', 'deleted')),
  -- What the ticket is bound to, as the helpdesk shows it to those who decide.
  request text NOT NULL CONSTRAINT helpdesk_event_request_length CHECK (length(request) BETWEEN 1 AND 100),
  revision integer NOT NULL CONSTRAINT helpdesk_event_revision_positive CHECK (revision > 0),
  digest text NOT NULL CONSTRAINT helpdesk_event_digest_shape CHECK (digest ~ '^[0-9a-f]{64}$'),
  happened_at timestamptz NOT NULL,
  received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT helpdesk_event_once UNIQUE (helpdesk, message_id)
);
CREATE INDEX helpdesk_event_ticket ON governance.helpdesk_event (ticket_id, sequence);

DO $$
DECLARE
  named text[];
BEGIN
  CREATE TRIGGER helpdesk_event_append_only BEFORE UPDATE OR DELETE ON governance.helpdesk_event
    FOR EACH ROW EXECUTE FUNCTION keyturn.refuse_change();
  CREATE TRIGGER helpdesk_event_no_truncate BEFORE TRUNCATE ON governance.helpdesk_event
    EXECUTE FUNCTION keyturn.refuse_change();
  ALTER TABLE governance.helpdesk_event ENABLE ALWAYS TRIGGER helpdesk_event_append_only;
  ALTER TABLE governance.helpdesk_event ENABLE ALWAYS TRIGGER helpdesk_event_no_truncate;
  -- Table, column that is the case, events.
  FOREACH named SLICE 1 IN ARRAY ARRAY[
    ['governance.scim_client', 'id', 'INSERT OR UPDATE OF removed_at'],
    ['governance.helpdesk_event', 'ticket_id', 'INSERT']] LOOP
    EXECUTE format('CREATE TRIGGER %I AFTER %s ON %s FOR EACH ROW EXECUTE FUNCTION evidence.on_record(%L)',
      split_part(named[1], '.', 2) || '_evidence', named[3], named[1], named[2]);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', named[1], split_part(named[1], '.', 2) || '_evidence');
  END LOOP;
END
$$;
