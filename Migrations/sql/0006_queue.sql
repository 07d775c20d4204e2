-- breaking: yes
-- reason: claims that write no index, one cursor through all work, breaker and rate per group, statistics, retention

SET LOCAL ROLE keyturn_owner;

-- Made again at the end.
DROP VIEW keyturn.v_job, keyturn.v_finished_job, keyturn.v_target, keyturn.v_worker;

-- Where a job stands in line. Grows only; whatever becomes claimable again gets a new one. CACHE must stay 1: see
-- jobs.next_position.
CREATE SEQUENCE jobs.job_position;
GRANT USAGE, SELECT ON SEQUENCE jobs.job_position TO keyturn_engine;

-- The transaction has its number before it draws a position. So whoever reads the sequence and then sees that all older
-- transactions have ended knows that no smaller position can still appear: that is what lets claims skip what is finished.
CREATE FUNCTION jobs.next_position() RETURNS bigint
LANGUAGE sql VOLATILE
RETURN CASE WHEN pg_current_xact_id() IS NOT NULL THEN nextval('jobs.job_position') END;

ALTER TABLE jobs.job RENAME TO job_before;
ALTER TABLE jobs.job_before RENAME CONSTRAINT job_pkey TO job_before_pkey;
ALTER TABLE jobs.job_before RENAME CONSTRAINT job_subject_unique TO job_before_subject_unique;
DROP INDEX jobs.job_ready, jobs.job_leased, jobs.job_lease_expiry, jobs.job_lease_owner;

-- Live work only. Finishing is a fenced delete plus an insert into the archive.
--
-- No index covers a column that a claim or a renewal changes, so both are heap-only updates: they write no index, and
-- the room that fillfactor leaves on each page takes the new version of the row.
CREATE TABLE jobs.job (
  position bigint NOT NULL DEFAULT jobs.next_position(),
  fence bigint NOT NULL CONSTRAINT job_fence_positive CHECK (fence >= 0),
  subject uuid NOT NULL,
  id uuid NOT NULL,
  limit_group uuid NOT NULL,
  -- Who works on it until when; null: nobody.
  lease_owner uuid,
  lease_expires_at timestamptz,
  run_at timestamptz NOT NULL,
  deadline_at timestamptz NOT NULL DEFAULT 'infinity',
  created_at timestamptz NOT NULL DEFAULT now(),
  attempt integer NOT NULL DEFAULT 0,
  failures integer NOT NULL DEFAULT 0,
  abandonments integer NOT NULL DEFAULT 0,
  bucket smallint NOT NULL CONSTRAINT job_bucket_range CHECK (bucket BETWEEN 0 AND 63),
  -- 0 leak, 1 hard expiry near, 2 narrowing, 3 operator, 4 routine.
  lane smallint NOT NULL CONSTRAINT job_lane_range CHECK (lane BETWEEN 0 AND 4),
  -- A stronger kind replaces a waiting weaker one; verify < rotate < revoke.
  precedence smallint NOT NULL,
  follow_up_precedence smallint,
  follow_up_lane smallint CONSTRAINT job_follow_up_lane_range CHECK (follow_up_lane BETWEEN 0 AND 4),
  kind text NOT NULL CONSTRAINT job_kind_length CHECK (length(kind) BETWEEN 1 AND 40),
  -- Why it may not be claimed; null: it may, or it is leased.
  hold text CONSTRAINT job_hold_known CHECK (hold IN ('waiting', 'blocked', 'quarantined')),
  hold_reason text CONSTRAINT job_hold_reason_length CHECK (length(hold_reason) <= 500),
  follow_up_kind text CONSTRAINT job_follow_up_kind_length CHECK (length(follow_up_kind) BETWEEN 1 AND 40),
  last_error text CONSTRAINT job_last_error_length CHECK (length(last_error) <= 500),
  -- One live job per subject over all states: a unique rule for some states only is a trap.
  CONSTRAINT job_pkey PRIMARY KEY (subject, bucket),
  CONSTRAINT job_lease_whole CHECK ((lease_owner IS NULL) = (lease_expires_at IS NULL)),
  CONSTRAINT job_lease_free CHECK (lease_owner IS NULL OR hold IS NULL),
  CONSTRAINT job_follow_up_whole CHECK (
    (follow_up_kind IS NULL) = (follow_up_precedence IS NULL) AND (follow_up_kind IS NULL) = (follow_up_lane IS NULL))
) WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

-- Claims and exact counting of leases: by group, lane and place in line.
CREATE INDEX job_line ON jobs.job (bucket, limit_group, lane, position) WHERE hold IS NULL;
-- What is new since a worker last looked; and what is leased, for the reaper. On an expression, so that no plan for one
-- group's line can take it for job_line.
CREATE INDEX job_arrival ON jobs.job ((position + 0)) WHERE hold IS NULL;
CREATE INDEX job_waiting ON jobs.job (run_at) WHERE hold = 'waiting';

INSERT INTO jobs.job
  (fence, subject, id, limit_group, run_at, deadline_at, created_at, attempt, failures, abandonments, bucket, lane,
   precedence, kind, hold, hold_reason, last_error)
SELECT fence + 1, subject, id, limit_group, run_at, deadline_at, created_at, attempt, failures, abandonments, bucket,
  LEAST(lane, COALESCE(follow_up_lane, lane)), COALESCE(follow_up_precedence, precedence),
  COALESCE(follow_up_kind, kind),
  CASE WHEN state IN ('blocked', 'quarantined') THEN state WHEN run_at > now() THEN 'waiting' END,
  CASE WHEN state <> 'leased' THEN state_reason END, last_error
FROM jobs.job_before
ORDER BY created_at;
DROP TABLE jobs.job_before;

-- Claims may take rows up to `claim_to` and count leases up to there; raising it is part of the claim. So the count is
-- exact whatever is inserted late or given back, and never reads the whole line.
ALTER TABLE jobs.limit_group
  ADD COLUMN claim_to bigint NOT NULL DEFAULT 0,
  ADD COLUMN rate_burst integer NOT NULL DEFAULT 1
    CONSTRAINT limit_group_rate_burst_positive CHECK (rate_burst BETWEEN 1 AND 10000),
  ADD CONSTRAINT limit_group_rate_per_minute_range CHECK (rate_per_minute <= 1000000),
  DROP COLUMN last_claimed_at;

-- Within a day's partition the subject says enough.
DROP INDEX jobs.job_archive_subject;
CREATE INDEX job_archive_subject ON jobs.job_archive (subject);

ALTER TABLE jobs.worker ADD COLUMN reaped_at timestamptz;

-- What workers know from what they did, per minute; so that nobody counts the live table.
CREATE TABLE jobs.statistic (
  minute timestamptz NOT NULL,
  bucket smallint NOT NULL CONSTRAINT statistic_bucket_range CHECK (bucket BETWEEN 0 AND 63),
  kind text NOT NULL CONSTRAINT statistic_kind_length CHECK (length(kind) BETWEEN 1 AND 40),
  claimed bigint NOT NULL DEFAULT 0,
  done bigint NOT NULL DEFAULT 0,
  failed bigint NOT NULL DEFAULT 0,
  snoozed bigint NOT NULL DEFAULT 0,
  blocked bigint NOT NULL DEFAULT 0,
  quarantined bigint NOT NULL DEFAULT 0,
  lost bigint NOT NULL DEFAULT 0,
  -- Sums and maxima, in seconds: from due to claimed, and from claimed to settled.
  waited double precision NOT NULL DEFAULT 0,
  waited_most double precision NOT NULL DEFAULT 0,
  ran double precision NOT NULL DEFAULT 0,
  ran_most double precision NOT NULL DEFAULT 0,
  CONSTRAINT statistic_pkey PRIMARY KEY (minute, kind, bucket)
) WITH (fillfactor = 50);

-- What operators did to the queue. Append-only.
CREATE TABLE jobs.operator_action (
  id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT operator_action_pkey PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  actor text NOT NULL CONSTRAINT operator_action_actor_length CHECK (length(actor) BETWEEN 1 AND 200),
  action text NOT NULL CONSTRAINT operator_action_action_known
    CHECK (action IN ('pause', 'resume', 'limit', 'retry', 'cancel', 'lane', 'enqueue')),
  limit_group uuid,
  subject uuid,
  -- How many jobs it changed.
  jobs integer NOT NULL CONSTRAINT operator_action_jobs_positive CHECK (jobs >= 0),
  detail text CONSTRAINT operator_action_detail_length CHECK (length(detail) <= 500),
  reason text NOT NULL CONSTRAINT operator_action_reason_length CHECK (length(reason) BETWEEN 1 AND 500)
);
CREATE INDEX operator_action_at ON jobs.operator_action (at);
CREATE TRIGGER operator_action_append_only BEFORE UPDATE OR DELETE ON jobs.operator_action
  FOR EACH ROW EXECUTE FUNCTION keyturn.refuse_change();
CREATE TRIGGER operator_action_no_truncate BEFORE TRUNCATE ON jobs.operator_action
  EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE jobs.operator_action ENABLE ALWAYS TRIGGER operator_action_append_only;
ALTER TABLE jobs.operator_action ENABLE ALWAYS TRIGGER operator_action_no_truncate;

-- Rows that went to the default partition while a day had none are moved into the day's own.
CREATE OR REPLACE FUNCTION jobs.make_archive_partitions(ahead integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
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

-- Drops the daily partitions that ended more than `keep` days ago; returns how many. Gives up after two seconds when a
-- long reader holds one: the next run tries again.
CREATE FUNCTION jobs.drop_archive_partitions(keep integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
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
$$;
REVOKE ALL ON FUNCTION jobs.drop_archive_partitions(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jobs.drop_archive_partitions(integer) TO keyturn_engine;

CREATE VIEW keyturn.v_job AS
SELECT j.id AS job_id, j.kind,
  CASE WHEN j.lease_owner IS NOT NULL THEN 'leased' ELSE COALESCE(j.hold, 'ready') END AS state,
  j.hold_reason AS state_reason, j.lane, t.name AS target, i.name AS identity, j.subject AS credential_id, j.run_at,
  NULLIF(j.deadline_at, 'infinity') AS deadline_at, j.position, j.attempt, j.failures, j.abandonments, j.fence,
  w.name AS worker, j.lease_expires_at, j.follow_up_kind, j.last_error, j.created_at
FROM jobs.job AS j
LEFT JOIN governance.target AS t ON t.id = j.limit_group
LEFT JOIN lifecycle.credential AS c ON c.id = j.subject
LEFT JOIN governance.identity AS i ON i.id = c.identity_id
LEFT JOIN jobs.worker AS w ON w.id = j.lease_owner;
COMMENT ON VIEW keyturn.v_job IS 'Live jobs: what waits, runs, is blocked or needs a person.';
COMMENT ON COLUMN keyturn.v_job.job_id IS 'id of this job; the archive has the same';
COMMENT ON COLUMN keyturn.v_job.kind IS 'what is to be done: verify, rotate, revoke';
COMMENT ON COLUMN keyturn.v_job.state IS
  'ready: may be claimed; leased: a worker has it; waiting: not before run_at; blocked: not authorized now; quarantined: needs a person';
COMMENT ON COLUMN keyturn.v_job.state_reason IS 'why it waits, is blocked or quarantined';
COMMENT ON COLUMN keyturn.v_job.lane IS '0 leak, 1 hard expiry near, 2 narrowing, 3 operator, 4 routine';
COMMENT ON COLUMN keyturn.v_job.target IS 'name of the target whose limits it counts against';
COMMENT ON COLUMN keyturn.v_job.identity IS 'name of the identity it is about';
COMMENT ON COLUMN keyturn.v_job.credential_id IS 'credential it is about; one live job each';
COMMENT ON COLUMN keyturn.v_job.run_at IS 'when it became or becomes due';
COMMENT ON COLUMN keyturn.v_job.deadline_at IS 'when it is too late; null: never';
COMMENT ON COLUMN keyturn.v_job.position IS 'place in line within target and lane; smaller goes first';
COMMENT ON COLUMN keyturn.v_job.attempt IS 'tries begun; snoozed and released ones are not counted';
COMMENT ON COLUMN keyturn.v_job.failures IS 'attempts that ended with an error';
COMMENT ON COLUMN keyturn.v_job.abandonments IS 'attempts whose worker died';
COMMENT ON COLUMN keyturn.v_job.fence IS 'fencing number; grows with every claim, release and reap';
COMMENT ON COLUMN keyturn.v_job.worker IS 'name of the worker that has it';
COMMENT ON COLUMN keyturn.v_job.lease_expires_at IS 'when the lease ends unless renewed';
COMMENT ON COLUMN keyturn.v_job.follow_up_kind IS 'what it becomes when it ends: a stronger order came while it ran';
COMMENT ON COLUMN keyturn.v_job.last_error IS 'code of the last failure';
COMMENT ON COLUMN keyturn.v_job.created_at IS 'when it was enqueued';

CREATE VIEW keyturn.v_finished_job AS
SELECT a.id AS job_id, a.kind, a.outcome, a.reason, a.lane, t.name AS target, a.subject AS credential_id, a.fence,
  a.attempt, a.failures, a.abandonments, a.created_at, a.finished_at, w.name AS worker
FROM jobs.job_archive AS a
LEFT JOIN governance.target AS t ON t.id = a.limit_group
LEFT JOIN jobs.worker AS w ON w.id = a.finished_by;
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

CREATE VIEW keyturn.v_target AS
SELECT t.id AS target_id, t.name, t.kind, t.environment, g.max_running, g.rate_per_minute, g.rate_burst, g.paused_at,
  g.paused_reason, g.breaker, g.breaker_failures, g.breaker_until, t.examined_at
FROM governance.target AS t
LEFT JOIN jobs.limit_group AS g ON g.id = t.id;
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

CREATE VIEW keyturn.v_worker AS
SELECT w.id AS worker_id, w.name, w.started_at, w.heartbeat_at, w.in_flight, w.stopped_at,
  w.stopped_at IS NULL AND w.heartbeat_at > now() - make_interval(secs => 3 * w.heartbeat_seconds) AS alive
FROM jobs.worker AS w;
COMMENT ON VIEW keyturn.v_worker IS 'Worker processes and whether their heartbeat is fresh.';
COMMENT ON COLUMN keyturn.v_worker.worker_id IS 'id of the process; new with every start';
COMMENT ON COLUMN keyturn.v_worker.name IS 'name it was given; two processes may share one';
COMMENT ON COLUMN keyturn.v_worker.started_at IS 'when it started';
COMMENT ON COLUMN keyturn.v_worker.heartbeat_at IS 'when it last said that it lives';
COMMENT ON COLUMN keyturn.v_worker.in_flight IS 'jobs it had at its last heartbeat';
COMMENT ON COLUMN keyturn.v_worker.stopped_at IS 'when it stopped in good order; null: it runs or died';
COMMENT ON COLUMN keyturn.v_worker.alive IS 'not stopped, and heard of within three heartbeats';

CREATE VIEW keyturn.v_queue_minute AS
SELECT s.minute, s.kind, sum(s.claimed)::bigint AS claimed, sum(s.done)::bigint AS done, sum(s.failed)::bigint AS failed,
  sum(s.snoozed)::bigint AS snoozed, sum(s.blocked)::bigint AS blocked, sum(s.quarantined)::bigint AS quarantined,
  sum(s.lost)::bigint AS lost, sum(s.waited) / NULLIF(sum(s.claimed), 0) AS waited_mean, max(s.waited_most) AS waited_most,
  sum(s.ran) / NULLIF(sum(s.claimed), 0) AS ran_mean, max(s.ran_most) AS ran_most
FROM jobs.statistic AS s
GROUP BY s.minute, s.kind;
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

CREATE VIEW keyturn.v_operator_action AS
SELECT a.id AS action_id, a.at, a.actor, a.action, t.name AS target, i.name AS identity, a.jobs, a.detail, a.reason
FROM jobs.operator_action AS a
LEFT JOIN governance.target AS t ON t.id = a.limit_group
LEFT JOIN lifecycle.credential AS c ON c.id = a.subject
LEFT JOIN governance.identity AS i ON i.id = c.identity_id;
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
