import Foundation
import Jobs
import Lifecycle
import Postgres
import Secrets
import TestSupport
import Testing

/// A target is taken only after the whole life of an identity that is nobody's.
@Suite(.timeLimit(.minutes(3))) struct TargetTrialTests {
  @Test func aSoundTargetIsTriedAndNothingIsLeft() async throws {
    let world = try await TestWorld.make()
    let trial = try await world.text(
      "SELECT concat_ws(' ', passed, steps > 30, failed_step, reason) FROM lifecycle.target_trial")
    #expect(trial == "t t" || trial == "true true", "\(trial)")
    let left = try await world.rolesOfTrials()
    #expect(left == [])
    let test = try await world.keyturn("target", "test", "db", "--json")
    #expect(test.code == 0, "\(test.errors)")
    #expect(try test.object()["sound"] as? String == "yes")
    #expect(try await world.database.count("SELECT count(*) FROM lifecycle.target_trial") == 2)
    #expect(try await world.database.count("SELECT count(*) FROM keyturn.v_target_trial WHERE passed") == 2)
    await world.close(ignoringErrors: ())
  }

  /// Nothing that an examination of the admin would see: it may do all it must, and its identities may not come in.
  @Test func aTargetWhereATrialFailsIsRefusedWithTheStep() async throws {
    let world = try await TestWorld.make(addTarget: false)
    try await world.target.withSuperuser { connection in
      try await connection.executeScript(
        "REVOKE CONNECT ON DATABASE postgres FROM PUBLIC; GRANT CONNECT ON DATABASE postgres TO keyturn_admin")
    }
    let refused = await #expect(throws: LifecycleError.self) { try await world.addTarget() }
    #expect(refused?.code == .unsoundTarget)
    #expect(
      refused?.message.contains("the issued secret logs in as the identity") == true, "\(String(describing: refused))")
    #expect(refused?.message.contains("42501") == true)
    #expect(try await world.database.count("SELECT count(*) FROM governance.target") == 0)
    let kept = try await world.text(
      "SELECT failed_step FROM lifecycle.target_trial WHERE NOT passed AND target_id IS NULL")
    #expect(kept.contains("logs in as the identity"), "\(kept)")
    #expect(try await world.rolesOfTrials() == [])
    try await world.target.withSuperuser { connection in
      try await connection.executeScript("GRANT CONNECT ON DATABASE postgres TO PUBLIC")
    }
    try await world.addTarget()
    await world.close(ignoringErrors: ())
  }

  @Test func whatAKilledTrialLeftIsClearedAwayByTheNext() async throws {
    let world = try await TestWorld.make()
    let old = Int64(Date().timeIntervalSince1970) - 3600
    try await world.target.asAdmin { admin in
      try await admin.executeScript(
        """
        CREATE ROLE keyturn_trial_dead NOLOGIN; COMMENT ON ROLE keyturn_trial_dead IS 'keyturn:trial-dead:fence=\(old)';
        CREATE ROLE keyturn_trial_dead_a LOGIN IN ROLE keyturn_trial_dead;
        COMMENT ON ROLE keyturn_trial_dead_a IS 'keyturn:trial-dead';
        CREATE ROLE keyturn_trial_dead_s LOGIN; COMMENT ON ROLE keyturn_trial_dead_s IS 'keyturn:trial-dead:fence=\(old)';
        CREATE ROLE keyturn_trial_mine LOGIN;
        """)
    }
    _ = try await world.composition.lifecycle.discover("db")
    let stale = try await world.text(
      "SELECT string_agg(name, ' ' ORDER BY name) FROM lifecycle.finding WHERE kind = 'stale_trial' AND state = 'open'")
    #expect(stale == "keyturn_trial_dead keyturn_trial_dead_a keyturn_trial_dead_s")
    let test = try await world.composition.lifecycle.testTarget("db")
    #expect(test.isSound, "\(test)")
    // Not a trial's: it has no mark.
    #expect(try await world.rolesOfTrials() == ["keyturn_trial_mine"])
    await world.close(ignoringErrors: ())
  }

  @Test func aTargetThatAcceptsAnythingIsRefused() async throws {
    let world = try await TestWorld.make(
      hbaLines: [
        "host all keyturn_admin 127.0.0.1/32 scram-sha-256", "host all postgres 127.0.0.1/32 scram-sha-256",
        "host all all 127.0.0.1/32 trust",
      ], addTarget: false)
    let refused = await #expect(throws: LifecycleError.self) { try await world.addTarget() }
    #expect(refused?.code == .unsoundTarget)
    #expect(refused?.message.contains("trust") == true)
    #expect(try await world.rolesOfTrials() == [])
    await world.close(ignoringErrors: ())
  }
}

extension TestWorld {
  func rolesOfTrials() async throws -> [String] {
    try await target.withSuperuser { connection in
      try await connection.query(
        "SELECT rolname::text FROM pg_roles WHERE rolname LIKE 'keyturn_trial%' ORDER BY 1" as UtilityStatement
      ).map { try $0[0] }
    }
  }

  /// At the end of a test, whose own failure matters more.
  func close(ignoringErrors: Void) async {
    do { try await close() } catch { Issue.record("the world was not closed: \(error)") }
  }
}

extension TestTarget {
  /// As the engine's admin.
  func asAdmin<Result: Sendable>(
    _ body: @Sendable (PostgresConnection) async throws -> Result
  ) async throws -> Result {
    var configuration = superuser
    configuration.user = "keyturn_admin"
    configuration.password = adminSecret.withBytes(PostgresPassword.init(copying:))
    let connection = try await PostgresConnection.connect(configuration, logger: TestDatabase.logger)
    do {
      let result = try await body(connection)
      await connection.close()
      return result
    } catch {
      await connection.close()
      throw error
    }
  }
}
