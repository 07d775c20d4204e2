import Foundation
import Postgres
import Secrets
import TestSupport
import Testing

/// Somebody works on the target by hand while the engine does, on a real server: every state is clear, and nothing is lost.
@Suite(.timeLimit(.minutes(5))) struct HandsOnTheTargetTests {
  private func makeWorld() async throws -> TestWorld {
    let world = try await TestWorld.make(settings: ["max_prepared_transactions": "4"])
    try await world.withWorker {
      try await world.issue("svc")
      try await world.settled()
    }
    return world
  }

  private func script(_ world: TestWorld, _ sql: String, in database: String = "postgres") async throws {
    var configuration = world.target.superuser
    configuration.database = database
    let connection = try await PostgresConnection.connect(configuration, logger: TestDatabase.logger)
    do { try await connection.executeScript(sql) } catch {
      await connection.close()
      throw error
    }
    await connection.close()
  }

  private func revoke(_ world: TestWorld) async throws {
    try await world.approve(world.submit([.revoke], "svc"))
  }

  private let done = "SELECT count(*) FROM lifecycle.rotation WHERE action = 'revoke' AND state = 'done'"

  @Test func anIdentityThatWasDroppedByHandWaitsForAPersonAndCanBeRevoked() async throws {
    let world = try await makeWorld()
    let login = try await world.secret("svc").login
    try await script(world, "DROP ROLE \(login); DROP ROLE svc")
    try await world.withWorker {
      try await world.rotate("svc")
      try await world.eventually(
        """
        SELECT count(*) FROM lifecycle.rotation
        WHERE state = 'quarantined' AND resume_state = 'applying' AND state_reason LIKE '%is missing (42704)%'
        """, is: 1)
      #expect(try await world.target.roles() == [])
      try await revoke(world)
      try await world.eventually(done, is: 1)
    }
    #expect(
      try await world.database.count(
        "SELECT count(*) FROM lifecycle.proof WHERE kind = 'residue' AND result = 'passed'") >= 1)
    await world.close(ignoringErrors: ())
  }

  @Test func aRenamedLoginIsCutOffAtOnceAndRemovedWhenItHasItsNameBack() async throws {
    let world = try await makeWorld()
    let current = try await world.secret("svc")
    try await script(world, "ALTER ROLE \(current.login) RENAME TO elsewhere")
    try await world.withWorker {
      try await revoke(world)
      try await world.eventually(
        "SELECT count(*) FROM lifecycle.rotation WHERE state = 'quarantined' AND state_reason LIKE '%elsewhere%'", is: 1
      )
      // Quarantined where everything that takes access away was done.
      #expect(
        try await world.text("SELECT resume_state FROM lifecycle.rotation WHERE action = 'revoke'") == "sessions_ended")
      #expect(try await !world.target.logIn("elsewhere", current.secret))
      try await script(world, "ALTER ROLE elsewhere RENAME TO \(current.login)")
      let again = try await world.operate("jobs", "retry", "svc")
      #expect(again.code == 0, "\(again.errors)")
      try await world.eventually(done, is: 1)
    }
    #expect(try await world.target.roles() == [])
    await world.close(ignoringErrors: ())
  }

  @Test func aRevocationWaitsForWhatOnlyAnAdministratorCanRemoveAndSaysWhatItIs() async throws {
    let world = try await makeWorld()
    let current = try await world.secret("svc")
    let databases = ["postgres", "one", "two", "three", "four"]
    for database in databases.dropFirst() { try await script(world, "CREATE DATABASE \(database)") }
    for database in databases {
      try await script(
        world,
        "CREATE TABLE public.of_svc (n int); ALTER TABLE public.of_svc OWNER TO svc; GRANT CREATE ON SCHEMA public TO keyturn_admin",
        in: database)
    }
    var configuration = world.target.superuser
    configuration.user = current.login
    configuration.password = current.secret.withBytes(PostgresPassword.init(copying:))
    configuration.database = "two"
    let session = try await PostgresConnection.connect(configuration, logger: TestDatabase.logger)
    try await session.executeScript("BEGIN; INSERT INTO of_svc VALUES (1); PREPARE TRANSACTION 'left by svc'")
    await session.close()
    try await script(world, "SELECT pg_create_physical_replication_slot('svc_slot')")
    let waiting = """
      SELECT count(*) FROM lifecycle.effect WHERE state = 'refused' AND outcome_code LIKE 'residue 55006 %
      """
    try await world.withWorker {
      try await revoke(world)
      try await world.database.eventually {
        try await world.database.count(waiting + "prepared transaction left by svc in two'") > 0
      }
      #expect(try await !world.target.logIn(current.login, current.secret))
      try await script(world, "ROLLBACK PREPARED 'left by svc'", in: "two")
      try await world.database.eventually {
        try await world.database.count(waiting + "replication slot svc_slot'") > 0
      }
      try await script(world, "SELECT pg_drop_replication_slot('svc_slot')")
      try await world.eventually(done, is: 1)
    }
    #expect(try await world.target.roles() == [])
    await world.close(ignoringErrors: ())
  }

  /// `DROP ROLE` alone would leave all of them working.
  @Test func sessionsThatActAsSomebodyElseAreGoneAfterARevocation() async throws {
    let world = try await makeWorld()
    let current = try await world.secret("svc")
    try await script(
      world,
      """
      CREATE ROLE somebody LOGIN; GRANT app_writers TO svc; GRANT INSERT ON measurement TO app_writers, somebody;
      ALTER ROLE \(current.login) SUPERUSER
      """)
    let sessions = [
      try await world.session(current), try await world.session(current), try await world.session(current),
    ]
    // Only who logged in as a superuser may do the last; it stays so in that session.
    for (session, act) in zip(
      sessions, ["SET ROLE app_writers", "SET ROLE \(current.login)", "SET SESSION AUTHORIZATION somebody"])
    {
      try await session.executeScript("\(act); INSERT INTO measurement VALUES (\(Int64.random(in: 1...Int64.max)))")
    }
    try await script(world, "ALTER ROLE \(current.login) NOSUPERUSER; REVOKE app_writers FROM svc")
    #expect(try await world.targetCount("SELECT count(*)::text FROM measurement") == 3)
    try await world.withWorker {
      try await revoke(world)
      try await world.eventually(done, is: 1)
    }
    for session in sessions {
      await #expect(throws: PostgresError.self) {
        try await session.executeScript("INSERT INTO measurement VALUES (1)")
      }
      await session.close()
    }
    #expect(try await world.targetCount("SELECT count(*)::text FROM measurement") == 3)
    #expect(
      try await world.database.count(
        """
        SELECT count(*) FROM lifecycle.proof AS p
        JOIN lifecycle.rotation AS r ON r.id = p.rotation_id AND r.action = 'revoke'
        WHERE p.kind = 'sessions_ended' AND p.result = 'passed'
        """) == 1)
    #expect(try await world.target.roles() == [])
    await world.close(ignoringErrors: ())
  }

  @Test func aRightThatSomebodyElseGaveStopsARevocationAndIsNamed() async throws {
    let world = try await makeWorld()
    let current = try await world.secret("svc")
    try await script(
      world,
      """
      CREATE ROLE giver; GRANT SELECT ON measurement TO giver WITH GRANT OPTION;
      SET ROLE giver; GRANT SELECT ON measurement TO svc
      """)
    let left = "residue 2BP01 acl:svc:postgres:table:public.measurement:SELECT by giver"
    try await world.withWorker {
      try await revoke(world)
      try await world.database.eventually {
        try await world.database.count(
          "SELECT count(*) FROM lifecycle.effect WHERE state = 'refused' AND outcome_code = '\(left)'") > 0
      }
      #expect(try await !world.target.logIn(current.login, current.secret))
      #expect(try await world.database.count(done) == 0)
      try await script(world, "SET ROLE giver; REVOKE SELECT ON measurement FROM svc")
      try await world.eventually(done, is: 1)
    }
    #expect(try await world.target.roles() == [])
    await world.close(ignoringErrors: ())
  }
}
