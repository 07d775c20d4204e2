-- breaking: yes
-- reason: first schema; creates the group roles, the schemas and the append-only guard

-- Roles are shared by the whole cluster, so another database may have made them already.
DO $$
DECLARE
  wanted text;
BEGIN
  -- One migration at a time over all databases of the cluster, or two of them race for the same role.
  PERFORM pg_advisory_xact_lock(hashtext('keyturn roles'));
  FOREACH wanted IN ARRAY ARRAY['keyturn_owner', 'keyturn_engine', 'keyturn_auditor', 'keyturn_dashboard'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
      EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
    END IF;
    IF NOT pg_has_role(current_user, wanted, 'MEMBER') THEN
      EXECUTE format('GRANT %I TO %I', wanted, current_user);
    END IF;
  END LOOP;
  EXECUTE format('GRANT CREATE ON DATABASE %I TO keyturn_owner', current_database());
END
$$;

COMMENT ON ROLE keyturn_owner IS 'Owns the schema; used by migrations only.';
COMMENT ON ROLE keyturn_engine IS 'Workers and operator commands: reads and writes rows, never changes the schema.';
COMMENT ON ROLE keyturn_auditor IS 'Reads everything except sealed secrets.';
COMMENT ON ROLE keyturn_dashboard IS 'Reads the views of the keyturn schema and nothing else.';

-- The migration runner made this schema for its own table.
ALTER SCHEMA keyturn OWNER TO keyturn_owner;
GRANT SELECT ON keyturn.schema_migration TO keyturn_engine, keyturn_auditor, keyturn_dashboard;

SET LOCAL ROLE keyturn_owner;

CREATE SCHEMA jobs;
CREATE SCHEMA governance;
CREATE SCHEMA lifecycle;

GRANT USAGE ON SCHEMA keyturn TO keyturn_engine, keyturn_auditor, keyturn_dashboard;
GRANT USAGE ON SCHEMA jobs, governance, lifecycle TO keyturn_engine, keyturn_auditor;

ALTER DEFAULT PRIVILEGES IN SCHEMA jobs GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO keyturn_engine;
ALTER DEFAULT PRIVILEGES IN SCHEMA governance, lifecycle GRANT SELECT, INSERT, UPDATE ON TABLES TO keyturn_engine;
ALTER DEFAULT PRIVILEGES IN SCHEMA jobs, governance GRANT SELECT ON TABLES TO keyturn_auditor;
ALTER DEFAULT PRIVILEGES IN SCHEMA keyturn GRANT SELECT ON TABLES TO keyturn_engine, keyturn_auditor, keyturn_dashboard;

-- The table key that makes a later distribution by target possible without a rewrite: 0…63, from the last byte of the
-- target's (random) id. Swift computes the same in `Bucket`.
CREATE FUNCTION jobs.bucket_of(id uuid) RETURNS smallint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (get_byte(uuid_send(id), 15) & 63)::smallint;

CREATE FUNCTION keyturn.refuse_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '%.% is append-only', TG_TABLE_SCHEMA, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$$;
