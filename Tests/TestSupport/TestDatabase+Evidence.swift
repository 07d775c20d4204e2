extension TestDatabase {
  /// Rows of the sagas' history that no leaf tells of, however they came about. Zero, or evidence is missing.
  package func unrecordedTransitions() async throws -> Int {
    try await count(
      """
      WITH leaf AS MATERIALIZED (
        SELECT e.case_id, e.cs, e.type, convert_from(e.body, 'UTF8')::jsonb -> 'd' AS d
        FROM evidence.event AS e
        WHERE e.type IN ('rotation.opened', 'rotation.step', 'rotation.cancelled')
      ), told AS (
        SELECT l.case_id, m.value ->> 0 AS state, row_number() OVER (PARTITION BY l.case_id ORDER BY l.cs, m.ordinality) AS n
        FROM leaf AS l CROSS JOIN LATERAL jsonb_array_elements(l.d -> 'moves') WITH ORDINALITY AS m (value, ordinality)
        WHERE m.value ->> 0 <> 'cancelled'
      ), kept AS (
        SELECT s.rotation_id, s.to_state, row_number() OVER (PARTITION BY s.rotation_id ORDER BY s.sequence) AS n
        FROM lifecycle.rotation_step AS s
        -- Has a leaf of its own kind, which is asked for below.
        WHERE s.to_state <> 'cancelled'
      )
      SELECT
        (SELECT count(*) FROM told FULL JOIN kept ON kept.rotation_id = told.case_id AND kept.n = told.n
          WHERE kept.to_state IS DISTINCT FROM told.state)
        + (SELECT count(*) FROM lifecycle.rotation AS r
          WHERE NOT EXISTS (SELECT FROM leaf AS l WHERE l.case_id = r.id AND l.type = 'rotation.opened')
            OR r.state = 'cancelled' AND NOT EXISTS (SELECT FROM leaf AS l WHERE l.case_id = r.id AND
              (l.type = 'rotation.cancelled' OR l.d #>> '{moves,-1,0}' = 'cancelled')))
        + (SELECT count(*) FROM lifecycle.effect AS x
          WHERE NOT EXISTS (SELECT FROM leaf AS l WHERE l.case_id = x.rotation_id AND l.d #>> '{intent,effect}' = x.id::text))
        + (SELECT count(*) FROM lifecycle.effect AS x
          WHERE x.state <> 'intended' AND NOT EXISTS (
            SELECT FROM leaf AS l CROSS JOIN LATERAL jsonb_array_elements(l.d -> 'effects') AS o
            WHERE l.case_id = x.rotation_id AND o ->> 0 = x.id::text)
          AND NOT EXISTS (
            SELECT FROM evidence.event AS e
            WHERE e.case_id = x.credential_id AND x.outcome_code = 'repeated' AND e.type = 'record.changed'
              AND convert_from(e.body, 'UTF8')::jsonb #>> '{d,id}' = x.id::text))
        + (SELECT abs(count(*) - (SELECT coalesce(sum(jsonb_array_length(l.d -> 'proofs')), 0) FROM leaf AS l)) FROM lifecycle.proof)
      """)
  }
}
