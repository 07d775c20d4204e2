-- breaking: no
-- reason: the stable contract for dashboards

SET LOCAL ROLE keyturn_owner;

CREATE VIEW keyturn.v_job AS
SELECT j.id AS job_id, j.kind, j.state, j.state_reason, j.lane, t.name AS target, i.name AS identity,
  j.subject AS credential_id, j.run_at, j.deadline_at, j.attempt, j.failures, j.abandonments, j.fence,
  w.name AS worker, j.lease_expires_at, j.follow_up_kind, j.last_error, j.created_at
FROM jobs.job AS j
LEFT JOIN governance.target AS t ON t.id = j.limit_group
LEFT JOIN lifecycle.credential AS c ON c.id = j.subject
LEFT JOIN governance.identity AS i ON i.id = c.identity_id
LEFT JOIN jobs.worker AS w ON w.id = j.lease_owner;
COMMENT ON VIEW keyturn.v_job IS 'Live jobs: what waits, runs, is blocked or needs a person.';
COMMENT ON COLUMN keyturn.v_job.lane IS '0 leak, 1 hard expiry near, 2 narrowing, 3 operator, 4 routine';
COMMENT ON COLUMN keyturn.v_job.failures IS 'attempts that ended with an error';
COMMENT ON COLUMN keyturn.v_job.abandonments IS 'attempts whose worker died';
COMMENT ON COLUMN keyturn.v_job.fence IS 'fencing number; grows with every claim, release and reap';

CREATE VIEW keyturn.v_finished_job AS
SELECT a.id AS job_id, a.kind, a.outcome, a.reason, a.lane, t.name AS target, a.subject AS credential_id, a.attempt,
  a.failures, a.abandonments, a.created_at, a.finished_at
FROM jobs.job_archive AS a
LEFT JOIN governance.target AS t ON t.id = a.limit_group;
COMMENT ON VIEW keyturn.v_finished_job IS 'Finished jobs, kept in daily partitions.';

CREATE VIEW keyturn.v_credential AS
SELECT c.id AS credential_id, i.name AS identity, t.name AS target, t.environment, c.state, v.number AS current_version,
  v.login AS current_login, v.published_at, c.next_due_at, c.hard_expires_at, p.name AS policy,
  owner.external_id AS owner, r.id AS open_rotation_id, r.action AS open_action, r.state AS open_state,
  r.state_reason AS open_state_reason, a.voided_at AS authorization_voided_at, a.void_reason
FROM lifecycle.credential AS c
JOIN governance.identity AS i ON i.id = c.identity_id
JOIN governance.target AS t ON t.id = c.target_id
JOIN governance.policy AS p ON p.id = i.policy_id
JOIN governance.person AS owner ON owner.id = i.owner_id
JOIN governance.authorization AS a ON a.id = c.authorization_id
LEFT JOIN lifecycle.version AS v ON v.credential_id = c.id AND v.state = 'current'
LEFT JOIN LATERAL (
  SELECT o.id, o.action, o.state, o.state_reason
  FROM lifecycle.rotation AS o
  WHERE o.credential_id = c.id AND o.finished_at IS NULL
  ORDER BY o.action = 'revoke' DESC
  LIMIT 1
) AS r ON true;
COMMENT ON VIEW keyturn.v_credential IS 'One row per credential with its current version and open rotation. No secrets.';

CREATE VIEW keyturn.v_rotation AS
SELECT r.id AS rotation_id, r.credential_id, i.name AS identity, t.name AS target, r.action, r.trigger, r.state,
  r.state_reason, r.old_version, r.new_version, r.ticket, r.created_at, r.entered_at, r.finished_at,
  (SELECT count(*) FROM lifecycle.effect AS e WHERE e.rotation_id = r.id) AS effects,
  (SELECT count(*) FROM lifecycle.proof AS p WHERE p.rotation_id = r.id AND p.result = 'passed') AS proofs_passed
FROM lifecycle.rotation AS r
JOIN lifecycle.credential AS c ON c.id = r.credential_id
JOIN governance.identity AS i ON i.id = c.identity_id
JOIN governance.target AS t ON t.id = c.target_id;
COMMENT ON VIEW keyturn.v_rotation IS 'Every rotation, issue and revocation with its state, effects and proofs.';

CREATE VIEW keyturn.v_target AS
SELECT t.id AS target_id, t.name, t.kind, t.environment, g.max_running, g.paused_at, g.paused_reason, g.breaker,
  g.breaker_until, t.examined_at
FROM governance.target AS t
LEFT JOIN jobs.limit_group AS g ON g.id = t.id;
COMMENT ON VIEW keyturn.v_target IS 'Targets with their limits and breaker. No secrets.';

CREATE VIEW keyturn.v_worker AS
SELECT w.id AS worker_id, w.name, w.started_at, w.heartbeat_at, w.in_flight, w.stopped_at,
  w.stopped_at IS NULL AND w.heartbeat_at > now() - make_interval(secs => 3 * w.heartbeat_seconds) AS alive
FROM jobs.worker AS w;
COMMENT ON VIEW keyturn.v_worker IS 'Worker processes and whether their heartbeat is fresh.';
