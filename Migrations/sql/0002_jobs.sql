-- breaking: yes
-- reason: the queue: live jobs, archive, limit groups, workers, maintenance

SET LOCAL ROLE keyturn_owner;

-- What limits how much runs at once. The lifecycle uses one group per target; the queue does not know that.
-- Lock order everywhere: limit_group before job, jobs in id order.
CREATE TABLE jobs.limit_group (
  bucket smallint NOT NULL CONSTRAINT limit_group_bucket_range CHECK (bucket BETWEEN 0 AND 63),
  id uuid NOT NULL,
  max_running integer NOT NULL CONSTRAINT limit_group_max_running_positive CHECK (max_running BETWEEN 1 AND 10000),
  rate_per_minute integer CONSTRAINT limit_group_rate_per_minute_positive CHECK (rate_per_minute > 0),
  tokens double precision NOT NULL DEFAULT 0,
  tokens_at timestamptz NOT NULL DEFAULT now(),
  breaker text NOT NULL DEFAULT 'closed' CONSTRAINT limit_group_breaker_known CHECK (breaker IN ('closed', 'open', 'half_open')),
  breaker_failures integer NOT NULL DEFAULT 0,
  breaker_until timestamptz,
  paused_at timestamptz,
  paused_reason text CONSTRAINT limit_group_paused_reason_length CHECK (length(paused_reason) <= 500),
  last_claimed_at timestamptz NOT NULL DEFAULT '-infinity',
  CONSTRAINT limit_group_pkey PRIMARY KEY (id, bucket)
) WITH (fillfactor = 50);

-- Live work only. Finishing is a fenced delete plus an insert into the archive.
CREATE TABLE jobs.job (
  bucket smallint NOT NULL CONSTRAINT job_bucket_range CHECK (bucket BETWEEN 0 AND 63),
  id uuid NOT NULL,
  kind text NOT NULL CONSTRAINT job_kind_length CHECK (length(kind) BETWEEN 1 AND 40),
  -- A stronger kind replaces a waiting weaker one; verify < rotate < revoke.
  precedence smallint NOT NULL,
  subject uuid NOT NULL,
  limit_group uuid NOT NULL,
  -- 0 leak, 1 hard expiry near, 2 narrowing, 3 operator, 4 routine.
  lane smallint NOT NULL CONSTRAINT job_lane_range CHECK (lane BETWEEN 0 AND 4),
  state text NOT NULL CONSTRAINT job_state_known CHECK (state IN ('ready', 'leased', 'blocked', 'quarantined')),
  state_reason text CONSTRAINT job_state_reason_length CHECK (length(state_reason) <= 500),
  deadline_at timestamptz NOT NULL DEFAULT 'infinity',
  run_at timestamptz NOT NULL,
  fence bigint NOT NULL CONSTRAINT job_fence_positive CHECK (fence >= 0),
  attempt integer NOT NULL DEFAULT 0,
  failures integer NOT NULL DEFAULT 0,
  abandonments integer NOT NULL DEFAULT 0,
  lease_owner uuid,
  lease_expires_at timestamptz,
  follow_up_kind text CONSTRAINT job_follow_up_kind_length CHECK (length(follow_up_kind) BETWEEN 1 AND 40),
  follow_up_precedence smallint,
  follow_up_lane smallint CONSTRAINT job_follow_up_lane_range CHECK (follow_up_lane BETWEEN 0 AND 4),
  last_error text CONSTRAINT job_last_error_length CHECK (length(last_error) <= 500),
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT job_pkey PRIMARY KEY (id, bucket),
  -- One live job per subject over all states: a unique rule for some states only is a trap.
  CONSTRAINT job_subject_unique UNIQUE (subject, bucket),
  CONSTRAINT job_lease_whole CHECK (
    (state = 'leased') = (lease_owner IS NOT NULL) AND (lease_owner IS NULL) = (lease_expires_at IS NULL)),
  CONSTRAINT job_follow_up_whole CHECK (
    (follow_up_kind IS NULL) = (follow_up_precedence IS NULL) AND (follow_up_kind IS NULL) = (follow_up_lane IS NULL))
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

CREATE INDEX job_ready ON jobs.job (bucket, limit_group, lane, deadline_at, run_at, id) WHERE state = 'ready';
CREATE INDEX job_leased ON jobs.job (bucket, limit_group) WHERE state = 'leased';
CREATE INDEX job_lease_expiry ON jobs.job (lease_expires_at) WHERE state = 'leased';
CREATE INDEX job_lease_owner ON jobs.job (lease_owner) WHERE state = 'leased';

CREATE TABLE jobs.job_archive (
  bucket smallint NOT NULL,
  id uuid NOT NULL,
  kind text NOT NULL,
  subject uuid NOT NULL,
  limit_group uuid NOT NULL,
  lane smallint NOT NULL,
  outcome text NOT NULL CONSTRAINT job_archive_outcome_known CHECK (outcome IN ('done', 'discarded', 'cancelled')),
  reason text CONSTRAINT job_archive_reason_length CHECK (length(reason) <= 500),
  fence bigint NOT NULL,
  attempt integer NOT NULL,
  failures integer NOT NULL,
  abandonments integer NOT NULL,
  created_at timestamptz NOT NULL,
  finished_at timestamptz NOT NULL DEFAULT now(),
  finished_by uuid
) PARTITION BY RANGE (finished_at);

CREATE INDEX job_archive_subject ON jobs.job_archive (subject, finished_at);

-- Rows land here when a day's partition is missing, so that nothing is lost; upkeep reports it.
CREATE TABLE jobs.job_archive_default PARTITION OF jobs.job_archive DEFAULT;

-- Makes the daily partitions from today to `ahead` days on; returns how many it made. SECURITY DEFINER: the engine may
-- not create tables otherwise.
CREATE FUNCTION jobs.make_archive_partitions(ahead integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  first_day date := (now() AT TIME ZONE 'UTC')::date;
  partition_day date;
  made integer := 0;
BEGIN
  IF ahead NOT BETWEEN 0 AND 60 THEN
    RAISE EXCEPTION 'ahead must be between 0 and 60 days' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtext('keyturn archive partitions'));
  FOR offset_days IN 0..ahead LOOP
    partition_day := first_day + offset_days;
    IF to_regclass('jobs.job_archive_' || to_char(partition_day, 'YYYYMMDD')) IS NULL
      AND NOT EXISTS (
        SELECT FROM jobs.job_archive_default AS stray
        WHERE stray.finished_at >= partition_day::timestamp AT TIME ZONE 'UTC'
          AND stray.finished_at < (partition_day + 1)::timestamp AT TIME ZONE 'UTC')
    THEN
      EXECUTE format(
        'CREATE TABLE jobs.%I PARTITION OF jobs.job_archive FOR VALUES FROM (%L) TO (%L)',
        'job_archive_' || to_char(partition_day, 'YYYYMMDD'),
        partition_day::timestamp AT TIME ZONE 'UTC',
        (partition_day + 1)::timestamp AT TIME ZONE 'UTC');
      made := made + 1;
    END IF;
  END LOOP;
  RETURN made;
END
$$;
REVOKE ALL ON FUNCTION jobs.make_archive_partitions(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jobs.make_archive_partitions(integer) TO keyturn_engine;

SELECT jobs.make_archive_partitions(7);

-- One row per process; a stopped heartbeat lets others reap its leases in seconds.
CREATE TABLE jobs.worker (
  id uuid CONSTRAINT worker_pkey PRIMARY KEY,
  name text NOT NULL CONSTRAINT worker_name_length CHECK (length(name) BETWEEN 1 AND 200),
  started_at timestamptz NOT NULL DEFAULT now(),
  heartbeat_at timestamptz NOT NULL DEFAULT now(),
  heartbeat_seconds double precision NOT NULL CONSTRAINT worker_heartbeat_seconds_positive CHECK (heartbeat_seconds > 0),
  in_flight integer NOT NULL DEFAULT 0,
  stopped_at timestamptz
) WITH (fillfactor = 50);

-- Work that one process at a time does: taken FOR UPDATE SKIP LOCKED, never led.
CREATE TABLE jobs.maintenance (
  name text CONSTRAINT maintenance_pkey PRIMARY KEY,
  next_run_at timestamptz NOT NULL DEFAULT '-infinity',
  last_run_at timestamptz,
  last_result text CONSTRAINT maintenance_last_result_length CHECK (length(last_result) <= 500)
);
