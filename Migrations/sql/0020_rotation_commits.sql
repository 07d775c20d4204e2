-- breaking: yes
-- reason: one row for a commit of a saga instead of one for each of its moves and observations

SET LOCAL ROLE keyturn_owner;

-- What one commit of a saga made durable: the states that it entered and what it observed, each as lists in order. They are
-- true together or not at all, and so they are one row; a rotation has four of them where it had nineteen rows.
CREATE TABLE lifecycle.rotation_commit (
  rotation_id uuid NOT NULL,
  -- New ids sort by the time at which they were made.
  id uuid NOT NULL,
  credential_id uuid NOT NULL,
  fence bigint NOT NULL,
  -- Which step of the saga the first move is, from 1; null: nothing moved.
  first_step integer,
  -- Where the saga stood, and each state that it entered: one more than moves.
  states text[] NOT NULL DEFAULT '{}',
  started_at timestamptz[] NOT NULL DEFAULT '{}',
  entered_at timestamptz[] NOT NULL DEFAULT '{}',
  -- What was observed, and how it came out.
  kinds text[] NOT NULL DEFAULT '{}' CONSTRAINT rotation_commit_kinds_known CHECK (kinds <@ ARRAY[
    'negative_control', 'login', 'identity', 'rights', 'sessions_ended', 'old_refused', 'residue', 'candidate_refused',
    'old_accepted', 'inventory']),
  results text[] NOT NULL DEFAULT '{}' CONSTRAINT rotation_commit_results_known
    CHECK (results <@ ARRAY['passed', 'failed', 'cannot_tell']),
  versions integer[] NOT NULL DEFAULT '{}',
  -- One object for each.
  details jsonb NOT NULL DEFAULT '[]' CONSTRAINT rotation_commit_details_length CHECK (length(details::text) <= 65536),
  observed_at timestamptz[] NOT NULL DEFAULT '{}',
  -- No time above counts as later than this: workers estimate the database's clock.
  recorded_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT rotation_commit_pkey PRIMARY KEY (rotation_id, id),
  CONSTRAINT rotation_commit_rotation_id_known FOREIGN KEY (rotation_id, credential_id)
    REFERENCES lifecycle.rotation (id, credential_id),
  CONSTRAINT rotation_commit_moves_whole CHECK (
    cardinality(started_at) = cardinality(entered_at)
    AND CASE WHEN first_step IS NULL THEN cardinality(states) = 0 AND cardinality(entered_at) = 0
      ELSE first_step > 0 AND cardinality(states) = cardinality(entered_at) + 1 AND cardinality(states) > 1 END),
  CONSTRAINT rotation_commit_observations_whole CHECK (
    cardinality(kinds) = cardinality(results) AND cardinality(kinds) = cardinality(versions)
    AND cardinality(kinds) = cardinality(observed_at) AND cardinality(kinds) = jsonb_array_length(details)),
  CONSTRAINT rotation_commit_not_empty CHECK (first_step IS NOT NULL OR cardinality(kinds) > 0)
);

INSERT INTO lifecycle.rotation_commit
  (rotation_id, id, credential_id, fence, first_step, states, started_at, entered_at, recorded_at)
SELECT s.rotation_id, gen_random_uuid(), r.credential_id, s.fence, s.sequence, ARRAY[s.from_state, s.to_state],
  ARRAY[s.started_at], ARRAY[s.at], GREATEST(s.started_at, s.at)
FROM lifecycle.rotation_step AS s
JOIN lifecycle.rotation AS r ON r.id = s.rotation_id;

INSERT INTO lifecycle.rotation_commit
  (rotation_id, id, credential_id, fence, kinds, results, versions, details, observed_at, recorded_at)
SELECT p.rotation_id, p.id, p.credential_id, p.fence, ARRAY[p.kind], ARRAY[p.result], ARRAY[p.version],
  jsonb_build_array(p.detail), ARRAY[p.observed_at], p.observed_at
FROM lifecycle.proof AS p;

ALTER TABLE lifecycle.proof RENAME TO proof_before;
ALTER TABLE lifecycle.rotation_step RENAME TO rotation_step_before;

CREATE VIEW lifecycle.rotation_step AS
SELECT c.rotation_id, c.first_step + k - 1 AS sequence, c.states[k] AS from_state, c.states[k + 1] AS to_state, c.fence,
  LEAST(c.started_at[k], c.recorded_at) AS started_at, LEAST(c.entered_at[k], c.recorded_at) AS at, c.id AS commit_id
FROM lifecycle.rotation_commit AS c
CROSS JOIN LATERAL generate_series(1, cardinality(c.entered_at)) AS k;
COMMENT ON VIEW lifecycle.rotation_step IS 'When each state of a saga was entered, out of its commits.';

CREATE VIEW lifecycle.proof AS
SELECT c.rotation_id, c.credential_id, c.versions[k] AS version, c.kinds[k] AS kind, c.results[k] AS result,
  c.details -> (k - 1) AS detail, c.fence, LEAST(c.observed_at[k], c.recorded_at) AS observed_at, c.id AS commit_id,
  k AS place
FROM lifecycle.rotation_commit AS c
CROSS JOIN LATERAL generate_series(1, cardinality(c.kinds)) AS k;
COMMENT ON VIEW lifecycle.proof IS 'What sagas observed on the target, out of their commits.';

CREATE OR REPLACE VIEW keyturn.v_rotation AS
SELECT r.id AS rotation_id, r.credential_id, i.name AS identity, t.name AS target, r.action, r.trigger, r.state,
  r.state_reason, r.old_version, r.new_version, r.ticket, r.created_at, r.entered_at, r.finished_at,
  (SELECT count(*) FROM lifecycle.effect AS e WHERE e.rotation_id = r.id) AS effects,
  (SELECT count(*) FROM lifecycle.proof AS p WHERE p.rotation_id = r.id AND p.result = 'passed') AS proofs_passed
FROM lifecycle.rotation AS r
JOIN lifecycle.credential AS c ON c.id = r.credential_id
JOIN governance.identity AS i ON i.id = c.identity_id
JOIN governance.target AS t ON t.id = c.target_id;

DROP TABLE lifecycle.proof_before, lifecycle.rotation_step_before;

CREATE TRIGGER rotation_commit_append_only BEFORE UPDATE OR DELETE ON lifecycle.rotation_commit
  FOR EACH ROW EXECUTE FUNCTION keyturn.refuse_change();
CREATE TRIGGER rotation_commit_no_truncate BEFORE TRUNCATE ON lifecycle.rotation_commit
  EXECUTE FUNCTION keyturn.refuse_change();
ALTER TABLE lifecycle.rotation_commit ENABLE ALWAYS TRIGGER rotation_commit_append_only;
ALTER TABLE lifecycle.rotation_commit ENABLE ALWAYS TRIGGER rotation_commit_no_truncate;

GRANT SELECT ON lifecycle.rotation_commit, lifecycle.rotation_step, lifecycle.proof TO keyturn_auditor;
