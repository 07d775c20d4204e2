import Postgres
import TestSupport
import Testing

/// Leaves of statements that change many rows: the same as one row at a time leaves.
@Suite struct StatementEvidenceTests {
  /// Leaves out of order, or that do not carry the hash of the one before.
  private static let brokenChains = """
    SELECT count(*)
    FROM (
      SELECT e.cs, e.body, row_number() OVER w AS place, lag(e.body) OVER w AS before
      FROM evidence.event AS e
      WINDOW w AS (PARTITION BY e.case_id ORDER BY e.cs)
    ) AS e
    WHERE e.cs <> e.place
      OR position('"prev":"' || COALESCE(encode(sha256('\\x00'::bytea || e.before), 'base64'), '') || '"'
        IN convert_from(e.body, 'UTF8')) = 0
    """

  /// Leaves whose commitments are not those of their openings, all of them.
  private static let wrongCommitments = """
    SELECT count(*)
    FROM (SELECT e.*, convert_from(e.body, 'UTF8')::jsonb -> 'pd' AS pd FROM evidence.event AS e) AS e
    WHERE COALESCE(e.pd, '{}') <> COALESCE((
      SELECT jsonb_object_agg(o.field, encode(evidence.commitment(o.field, o.nonce, o.value), 'hex'))
      FROM evidence.opening AS o WHERE o.case_id = e.case_id AND o.cs = e.cs), '{}')
    """

  private static let people = """
    INSERT INTO governance.person (id, external_id)
    SELECT ('00000000-0000-4000-8000-00000000000' || n)::uuid, 'person ' || n FROM generate_series(1, 4) AS n;
    """

  private func texts(_ connection: PostgresConnection, _ sql: UtilityStatement) async throws -> [String] {
    try await connection.query(sql).map { row -> String in try row[0] }
  }

  private func whole(_ database: TestDatabase) async throws {
    #expect(try await database.count(Self.brokenChains) == 0)
    #expect(try await database.count(Self.wrongCommitments) == 0)
  }

  @Test func rowsOfOneCaseFollowEachOtherInTheOrderOfTheStatement() async throws {
    let database = try await TestDatabase.make()
    try await database.withOwner { connection in
      try await connection.executeScript(
        Self.people + """
          INSERT INTO governance.role_assignment (id, person_id, role)
          SELECT gen_random_uuid(), '00000000-0000-4000-8000-000000000001', 'role_' || n FROM generate_series(1, 700) AS n;
          """)
      let roles = try await texts(
        connection,
        """
        SELECT convert_from(body, 'UTF8')::jsonb #>> '{d,role}' FROM evidence.event
        WHERE type = 'record.changed' AND convert_from(body, 'UTF8')::jsonb #>> '{d,record}' = 'governance.role_assignment'
        ORDER BY cs
        """)
      #expect(roles == (1...700).map { "role_\($0)" })
    }
    #expect(try await database.count("SELECT max(count) FROM evidence.batch") == 700)
    try await whole(database)
    await database.close()
  }

  @Test func whatChangedTellsWhoDidItForEachRow() async throws {
    let database = try await TestDatabase.make()
    try await database.withOwner { connection in
      try await connection.executeScript(
        Self.people + """
          INSERT INTO governance.operator_permission (id, person_id, permission, granted_by, reason)
          SELECT gen_random_uuid(), p.id, 'contain', '00000000-0000-4000-8000-000000000004', 'on call'
          FROM governance.person AS p WHERE p.external_id <> 'person 4';
          UPDATE governance.operator_permission
          SET withdrawn_at = clock_timestamp(), withdrawn_by = CASE WHEN person_id::text LIKE '%1'
            THEN '00000000-0000-4000-8000-000000000002' ELSE '00000000-0000-4000-8000-000000000003' END::uuid;
          DELETE FROM governance.operator_permission;
          """)
      let actors = try await texts(
        connection,
        """
        SELECT concat_ws(' ', d ->> 'operation', coalesce(p.external_id, actor), count(*))
        FROM (
          SELECT convert_from(body, 'UTF8')::jsonb -> 'd' AS d, convert_from(body, 'UTF8')::jsonb ->> 'actor' AS actor
          FROM evidence.event WHERE type = 'record.changed'
        ) AS e
        LEFT JOIN evidence.pseudonym AS s ON s.name::text = e.actor
        LEFT JOIN governance.person AS p ON p.id = s.person_id
        WHERE d ->> 'record' = 'governance.operator_permission'
        GROUP BY d ->> 'operation', coalesce(p.external_id, actor)
        ORDER BY 1
        """)
      #expect(
        actors.filter { !$0.hasPrefix("delete") } == [
          "insert person 4 3", "update person 2 1", "update person 3 2",
        ])
      #expect(actors.contains { $0.hasPrefix("delete") && $0.hasSuffix(" 3") && !$0.contains("person") })
    }
    try await whole(database)
    await database.close()
  }

  /// What only beats leaves none, though another row of the statement does; and nothing leaves nothing.
  @Test func onlyRowsThatChangedLeaveALeaf() async throws {
    let database = try await TestDatabase.make()
    try await database.withOwner { connection in
      try await connection.executeScript(
        Self.people + """
          INSERT INTO governance.identity_source (name, kind) VALUES ('one', 'csv'), ('two', 'csv'), ('three', 'csv');
          """)
      let before = try await database.count("SELECT count(*) FROM evidence.event")
      try await connection.executeScript(
        """
        UPDATE governance.identity_source
        SET as_of = clock_timestamp(), sequence = CASE WHEN name = 'two' THEN 7 ELSE sequence END;
        UPDATE governance.identity_source SET sequence = 9 WHERE false;
        DELETE FROM governance.signing_key;
        UPDATE governance.person SET as_of = clock_timestamp();
        """)
      #expect(try await database.count("SELECT count(*) FROM evidence.event") == before + 1)
    }
    try await whole(database)
    await database.close()
  }

  /// The rows before and after are those of the same row, when the key changes too.
  @Test func rowsKeepTheirPairsWhenKeysMove() async throws {
    let database = try await TestDatabase.make()
    try await database.withOwner { connection in
      try await connection.executeScript(
        """
        INSERT INTO governance.identity_source (name, kind, sequence) SELECT 'feed ' || n, 'csv', n FROM generate_series(1, 50) AS n;
        UPDATE governance.identity_source SET name = name || ' moved', as_of = clock_timestamp() WHERE sequence > 40;
        """)
      let moved = try await database.count(
        """
        SELECT count(*) FROM evidence.event
        WHERE type = 'record.changed' AND convert_from(body, 'UTF8')::jsonb #>> '{d,operation}' = 'update'
        """)
      #expect(moved == 10)
    }
    try await whole(database)
    await database.close()
  }
}
