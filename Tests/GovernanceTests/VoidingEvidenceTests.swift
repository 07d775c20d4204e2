import Foundation
import Postgres
import TestSupport
import Testing

@testable import Governance

/// Many authorizations that end in one statement leave the same leaves as one at a time would.
@Suite struct VoidingEvidenceTests {
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

  /// Openings of reasons that the commitment in the leaf is not of.
  private static let wrongOpenings = """
    SELECT count(*)
    FROM evidence.opening AS o
    JOIN evidence.event AS e ON e.case_id = o.case_id AND e.cs = o.cs
    WHERE o.field = 'reason'
      AND position(evidence.hex(evidence.commitment('reason', o.nonce, o.value)) IN convert_from(e.body, 'UTF8')) = 0
    """

  private static let voidAll =
    "UPDATE governance.authorization SET voided_at = clock_timestamp(), void_code = 'test', void_reason = 'all at once'"

  private func count(_ world: GovernanceWorld, _ sql: String) async throws -> Int {
    try await world.database.count(sql)
  }

  @Test func rowsOfOneRequestFollowEachOther() async throws {
    let world = try await GovernanceWorld.make()
    try await world.authorized("svc_a")
    try await world.addIdentity()
    let request = try await world.submit()
    try await world.approve(request)
    let amended = try await world.transaction {
      try await world.store.amend(request.id, actions: [.rotate], by: "alice", in: $0)
    }
    try await world.approve(amended, by: "dave")
    try await world.database.withOwner { try await $0.executeScript(Self.voidAll) }
    // Granted, voided, granted again, and both changed at once.
    #expect(
      try await count(
        world,
        """
        SELECT count(*) FROM evidence.event
        WHERE case_id = '\(request.id)' AND type IN ('authorization.granted', 'authorization.voided', 'record.changed')
        """) == 5)
    #expect(
      try await count(world, "SELECT count(*) FROM evidence.opening WHERE field = 'reason' AND value = 'all at once'")
        == 3)
    #expect(try await count(world, Self.brokenChains) == 0)
    #expect(try await count(world, Self.wrongOpenings) == 0)
    await world.close()
  }

  @Test func moreThanAThousandTakeNoLockForEach() async throws {
    let world = try await GovernanceWorld.make()
    try await world.addIdentity()
    try await world.database.withOwner {
      try await $0.executeScript(
        """
        WITH asked AS (
          INSERT INTO governance.request (id, revision, origin, identity_id, actions, ticket, core, digest)
          SELECT gen_random_uuid(), 1, 'policy', i.id, ARRAY['revoke'], 'bulk', c.core, sha256(c.core)
          FROM governance.identity AS i
          CROSS JOIN generate_series(1, 1001) AS n
          CROSS JOIN LATERAL (SELECT convert_to('bulk ' || n, 'UTF8') AS core) AS c
          RETURNING id, digest, identity_id
        )
        INSERT INTO governance.authorization (id, request_id, revision, digest, identity_id, actions, valid_until)
        SELECT gen_random_uuid(), id, 1, digest, identity_id, ARRAY['revoke'], 'infinity'
        FROM asked
        """)
    }
    let locks = try await world.database.withOwner { connection in
      try await connection.executeScript("BEGIN")
      try await connection.executeScript(Self.voidAll)
      let rows = try await connection.query(
        "SELECT count(*)::text FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
          as UtilityStatement)
      try await connection.executeScript("COMMIT")
      return try rows.map { row -> String in try row[0] }
    }
    // The one that all other recording waits for.
    #expect(locks == ["1"])
    #expect(try await count(world, "SELECT count(*) FROM evidence.event WHERE type = 'authorization.voided'") == 1001)
    #expect(try await count(world, "SELECT max(count) FROM evidence.batch") == 1001)
    #expect(try await count(world, Self.brokenChains) == 0)
    #expect(try await count(world, Self.wrongOpenings) == 0)
    await world.close()
  }
}
