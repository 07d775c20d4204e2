import Postgres
import TestSupport
import Testing

/// What each database role may do.
@Suite struct RoleTests {
  /// True when `role` may run `sql`.
  private func may(_ role: String, _ sql: String, _ database: TestDatabase) async throws -> Bool {
    try await database.withOwner { connection in
      try await connection.execute("SET ROLE \(identifier: role)")
      do {
        try await connection.executeScript(sql)
        return true
      } catch let error as PostgresError where error.sqlState == .insufficientPrivilege {
        return false
      }
    }
  }

  @Test func theDashboardReadsViewsAndNothingElse() async throws {
    let database = try await TestDatabase.make()
    for view in [
      "v_job", "v_finished_job", "v_credential", "v_rotation", "v_target", "v_worker", "v_queue_minute",
      "v_operator_action", "v_finding", "v_discovery", "v_target_trial",
      "v_operator_action", "v_containment", "v_consumer", "v_alarm", "v_break_glass",
    ] {
      #expect(try await may("keyturn_dashboard", "SELECT * FROM keyturn.\(view)", database))
    }
    for table in [
      "jobs.job", "governance.target", "governance.person", "lifecycle.version", "lifecycle.proof",
      "lifecycle.rotation_commit",
    ] {
      #expect(try await !may("keyturn_dashboard", "SELECT * FROM \(table)", database))
    }
    await database.close()
  }

  @Test func theAuditorReadsEverythingButSealedSecrets() async throws {
    let database = try await TestDatabase.make()
    #expect(try await may("keyturn_auditor", "SELECT * FROM lifecycle.proof", database))
    #expect(try await may("keyturn_auditor", "SELECT credential_id, number, state FROM lifecycle.version", database))
    #expect(try await !may("keyturn_auditor", "SELECT envelope FROM lifecycle.version", database))
    #expect(try await !may("keyturn_auditor", "SELECT admin_envelope FROM governance.target", database))
    #expect(try await may("keyturn_auditor", "SELECT login, phase FROM lifecycle.standby_admin", database))
    #expect(try await !may("keyturn_auditor", "SELECT envelope FROM lifecycle.standby_admin", database))
    #expect(try await !may("keyturn_auditor", "SELECT candidate_envelope FROM lifecycle.standby_admin", database))
    #expect(try await !may("keyturn_auditor", "DELETE FROM jobs.job", database))
    await database.close()
  }

  @Test func theEngineCannotChangeTheSchemaOrThePast() async throws {
    let database = try await TestDatabase.make()
    #expect(try await !may("keyturn_engine", "CREATE TABLE jobs.mine (id int)", database))
    #expect(try await !may("keyturn_engine", "DELETE FROM lifecycle.rotation_commit", database))
    #expect(try await !may("keyturn_engine", "TRUNCATE governance.approval", database))
    await database.close()
  }

  @Test func evenTheOwnerCannotChangeApprovalsPermitsAndProofs() async throws {
    let database = try await TestDatabase.make()
    try await database.withOwner { connection in
      try await connection.executeScript(
        """
        INSERT INTO governance.person (id, external_id) VALUES ('00000000-0000-4000-8000-0000000000aa', 'p');
        """)
    }
    for table in [
      "governance.request", "governance.approval", "governance.permit", "lifecycle.rotation_commit",
      "lifecycle.target_trial",
    ] {
      #expect(try await !may("keyturn_owner", "TRUNCATE \(table) CASCADE", database), "\(table)")
    }
    await database.close()
  }
}
