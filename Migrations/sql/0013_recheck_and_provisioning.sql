-- breaking: no
-- reason: how far the nightly check has come; what provisioning clients wrote

SET LOCAL ROLE keyturn_owner;

-- One row. A round begins a day after the one before began, and goes on from `after` until it has seen all.
CREATE TABLE governance.recheck (
  id boolean NOT NULL DEFAULT true CONSTRAINT recheck_pkey PRIMARY KEY CONSTRAINT recheck_id_single CHECK (id),
  after uuid,
  is_running boolean NOT NULL DEFAULT false,
  round_at timestamptz NOT NULL DEFAULT '-infinity',
  finished_at timestamptz,
  checked bigint NOT NULL DEFAULT 0,
  voided bigint NOT NULL DEFAULT 0,
  -- Found by the check though a push should have voided it: a fault of ours.
  unexpected bigint NOT NULL DEFAULT 0
);
INSERT INTO governance.recheck DEFAULT VALUES;

-- What a provisioning client (SCIM 2.0) wrote, as it wrote it; never a password. The person keeps its key when a name changes.
CREATE TABLE governance.scim_resource (
  id uuid CONSTRAINT scim_resource_pkey PRIMARY KEY,
  source text NOT NULL CONSTRAINT scim_resource_source_known REFERENCES governance.identity_source (name),
  kind text NOT NULL CONSTRAINT scim_resource_kind_known CHECK (kind IN ('User', 'Group')),
  name text NOT NULL CONSTRAINT scim_resource_name_length CHECK (length(name) BETWEEN 1 AND 200),
  person_id uuid CONSTRAINT scim_resource_person_id_known REFERENCES governance.person (id),
  body jsonb NOT NULL CONSTRAINT scim_resource_body_length CHECK (length(body::text) <= 1048576),
  version bigint NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  modified_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT scim_resource_person_id_whole CHECK ((kind = 'User') = (person_id IS NOT NULL))
);
CREATE UNIQUE INDEX scim_resource_name_once ON governance.scim_resource (kind, lower(name));
GRANT DELETE ON governance.scim_resource TO keyturn_engine;
