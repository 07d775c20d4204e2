import Foundation
import Governance
import Lifecycle
import Postgres
import Secrets
import TestSupport
import Testing

@Suite struct LifeOfACredentialTests {
  @Test func isIssuedRotatedAndRevokedWithProof() async throws {
    let world = try await TestWorld.make()
    try await world.issue("svc_app")
    let (first, second) = try await world.withWorker {
      try await world.settled()
      let first = try await world.secret("svc_app")
      #expect(try await world.target.logIn(first.login, first.secret))
      try await world.rotate("svc_app")
      try await world.settled()
      let second = try await world.secret("svc_app")
      #expect(second.login != first.login)
      #expect(try await world.target.logIn(second.login, second.secret))
      #expect(try await !world.target.logIn(first.login, first.secret))
      #expect(try await world.target.roles() == ["svc_app", second.login])
      try await world.approve(world.submit([.revoke], "svc_app"))
      try await world.settled()
      return (first, second)
    }
    #expect(try await world.target.roles().isEmpty)
    #expect(try await !world.target.logIn(second.login, second.secret))
    #expect(
      try await world.database.count("SELECT count(*)::text FROM lifecycle.version WHERE envelope IS NOT NULL") == 0)
    #expect(
      try await world.database.count("SELECT count(*)::text FROM lifecycle.effect WHERE state <> 'applied'") == 0)
    let proofs = try await world.database.count(
      "SELECT count(*)::text FROM lifecycle.proof WHERE result = 'passed'")
    // issue: control, login, identity, rights; rotate: those and sessions, old refused, residue; revoke: sessions, refused,
    // residue.
    #expect(proofs == 4 + 7 + 3)
    for secret in [first.secret, second.secret] {
      let text = secret.withBytes { String(decoding: $0, as: UTF8.self) }
      #expect(try !world.target.serverLog.contains(text))
    }
    try await world.close()
  }

  @Test func aSingleLoginKeepsItsNameAndItsOldSecretDies() async throws {
    let world = try await TestWorld.make()
    try await world.issue("svc_one", mode: "single")
    try await world.withWorker {
      try await world.settled()
      let first = try await world.secret("svc_one")
      try await world.rotate("svc_one")
      try await world.settled()
      let second = try await world.secret("svc_one")
      #expect(first.login == "svc_one" && second.login == "svc_one")
      #expect(try await world.target.logIn("svc_one", second.secret))
      #expect(try await !world.target.logIn("svc_one", first.secret))
      try await world.approve(world.submit([.revoke], "svc_one"))
      try await world.settled()
    }
    #expect(try await world.target.roles().isEmpty)
    try await world.close()
  }

  @Test func theEndOfASecretsTimeRotatesIt() async throws {
    let world = try await TestWorld.make()
    try await world.addPolicy("quick", period: 10)
    try await world.issue("svc_due", policy: "quick")
    try await world.withWorker {
      try await world.settled()
      // Time passes, as far as the schedule can tell.
      _ = try await world.database.count(
        "WITH x AS (UPDATE lifecycle.credential SET next_due_at = now() RETURNING 1) SELECT count(*)::text FROM x")
      try await world.eventually(
        "SELECT count(*)::text FROM lifecycle.rotation WHERE trigger = 'due' AND state = 'done'", is: 1)
    }
    try await world.close()
  }

  @Test func theEndOfASecretsTimeRevokesItWherePolicySaysSo() async throws {
    let world = try await TestWorld.make()
    try await world.addPolicy("once", onExpiry: .revoke)
    try await world.issue("svc_once", policy: "once")
    try await world.withWorker {
      try await world.settled()
      _ = try await world.database.count(
        "WITH x AS (UPDATE lifecycle.credential SET next_due_at = now() RETURNING 1) SELECT count(*)::text FROM x")
      try await world.eventually("SELECT count(*)::text FROM lifecycle.credential WHERE state = 'revoked'", is: 1)
    }
    #expect(try await world.target.roles().isEmpty)
    #expect(
      try await world.database.count(
        "SELECT count(*)::text FROM governance.request WHERE origin = 'policy' AND ticket = 'policy:secret_expired'")
        == 1)
    try await world.close()
  }

  @Test func theEndOfTheIdentityRevokesEvenInTheMiddleOfARotation() async throws {
    let world = try await TestWorld.make(overlap: 3000)
    try await world.issue("svc_end")
    try await world.withWorker {
      try await world.settled()
      try await world.rotate("svc_end")
      try await world.eventually("SELECT count(*)::text FROM lifecycle.rotation WHERE state = 'overlap'", is: 1)
      #expect(try await world.target.roles() == ["svc_end", "svc_end_a", "svc_end_b"])
      _ = try await world.database.count(
        "WITH x AS (UPDATE lifecycle.credential SET hard_expires_at = now() RETURNING 1) SELECT count(*)::text FROM x")
      try await world.eventually("SELECT count(*)::text FROM lifecycle.credential WHERE state = 'revoked'", is: 1)
    }
    #expect(try await world.target.roles().isEmpty)
    #expect(
      try await world.database.count("SELECT count(*)::text FROM lifecycle.rotation WHERE state = 'cancelled'") == 1)
    try await world.close()
  }

  @Test func bothSecretsWorkDuringTheOverlap() async throws {
    let world = try await TestWorld.make(overlap: 3000)
    try await world.issue("svc_both")
    try await world.withWorker {
      try await world.settled()
      let old = try await world.secret("svc_both")
      try await world.rotate("svc_both")
      try await world.eventually("SELECT count(*)::text FROM lifecycle.rotation WHERE state = 'overlap'", is: 1)
      let new = try await world.secret("svc_both")
      #expect(new.version == old.version + 1)
      #expect(try await world.target.logIn(old.login, old.secret))
      #expect(try await world.target.logIn(new.login, new.secret))
    }
    try await world.close()
  }
}
