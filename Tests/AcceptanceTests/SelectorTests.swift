import Foundation
import TestSupport
import Testing

/// Rotation of many by a selector, at the command line.
@Suite struct SelectorTests {
  private func rotate(_ world: TestWorld, _ selector: String, _ more: String...) async throws -> CommandTests.Ended {
    try await world.keyturn(
      ["rotate", "--selector", selector, "--by", "alice", "--ticket", "T-9", "--reason", "it's time"] + more)
  }

  @Test func previewsAndThenStartsExactlyThat() async throws {
    let world = try await TestWorld.make()
    for name in ["svc_a", "svc_b", "svc_c", "svc_d", "svcxe"] { try await world.issue(name) }
    try await world.withWorker { try await world.settled() }
    try await world.issue("svc_new")
    try await world.rotate("svc_c")
    let voided = try await world.composition.governance.identity("svc_d", on: nil, in: world.composition.client)
    _ = try await world.composition.lifecycle.voidAuthorizations(of: voided.id, reason: "review")

    // The underscore is a letter, not a wildcard: svcxe does not match.
    let preview = try await rotate(world, "identity=svc_*,target=db", "--json").object()
    #expect(preview["selector"] as? String == "target=db,identity=svc_*")
    #expect(preview["credentials"] as? String == "5")
    #expect(preview["would_start"] as? String == "2")
    #expect(preview["under_way"] as? String == "1")
    #expect(preview["not_active"] as? String == "pending 1")
    #expect(preview["refused"] as? String == "1")
    #expect(preview["reasons"] as? String == "authorization_voided 1")
    #expect(preview["nearest_expiry"] is String)
    let places = try #require(preview["targets"] as? [[String: Any]])
    #expect(places.count == 1)
    #expect(places[0]["environment"] as? String == "test")
    let digest = try #require(preview["digest"] as? String)
    let command = try #require(preview["command"] as? String)
    #expect(command.contains("--selector 'target=db,identity=svc_*'"))
    #expect(command.contains("--reason 'it'\\''s time'"))
    #expect(command.hasSuffix("--yes --expect \(digest)"))
    #expect(try await world.actions() == "")

    let wrong = try await rotate(world, "identity=svc_*", "--yes", "--expect", "000000000000")
    #expect(wrong.code == 3)
    #expect(wrong.errors.contains(digest))
    let started = try await rotate(world, "identity=svc_*,target=db", "--yes", "--expect", digest)
    #expect(started.code == 0, "\(started.errors)")
    #expect(started.output.contains("2"))
    #expect(
      try await world.text("SELECT concat_ws(' ', action, jobs, detail, reason) FROM jobs.operator_action")
        == "enqueue 2 target=db,identity=svc_* it's time")
    #expect(
      try await world.text(
        """
        SELECT string_agg(i.name || j.lane, ' ' ORDER BY i.name) FROM lifecycle.rotation AS r
        JOIN lifecycle.credential AS c ON c.id = r.credential_id JOIN governance.identity AS i ON i.id = c.identity_id
        JOIN jobs.job AS j ON j.subject = c.id WHERE r.ticket = 'T-9' AND r.trigger = 'requested'
        """) == "svc_a3 svc_b3")
    // Again: all is under way, nothing is done twice.
    #expect(try await rotate(world, "identity=svc_*", "--yes", "--expect", digest).code == 0)
    #expect(try await world.actions() == "enqueue")
    try await world.withWorker {
      try await world.eventually(
        "SELECT count(*)::text FROM lifecycle.rotation WHERE ticket = 'T-9' AND state = 'done'", is: 2)
    }
    #expect(try await world.secret("svc_a").version == 2)
    #expect(try await world.secret("svcxe").version == 1)
    try await world.close()
  }

  @Test func everyKeyNarrows() async throws {
    let world = try await TestWorld.make()
    try await world.addPolicy("other")
    try await world.issue("svc_one")
    try await world.issue("svc_two", policy: "other")
    for (selector, matching) in [
      ("identity=*", "2"), ("policy=other", "1"), ("owner=alice", "2"), ("owner=bob", "0"), ("environment=test", "2"),
      ("environment=production", "0"), ("target=d*", "2"), ("target=D*", "0"), ("identity=svc_one,policy=other", "0"),
    ] {
      let preview = try await rotate(world, selector, "--json").object()
      #expect(preview["credentials"] as? String == matching, "\(selector)")
    }
    let empty = try await rotate(world, "owner=bob")
    #expect(empty.code == 0)
    #expect(empty.output.contains("matches no credential"))
    try await world.close()
  }

  @Test func manyGoInBatchesWithALineEach() async throws {
    let world = try await TestWorld.make()
    try await world.issue("svc_seed")
    try await world.withWorker { try await world.settled() }
    try await world.change(
      """
      INSERT INTO governance.identity (id, target_id, bucket, name, login_mode, owner_id, backup_owner_id, purpose,
        environment, workload, rights, policy_id, expires_at)
      SELECT gen_random_uuid(), target_id, bucket, 'bulk_' || n, login_mode, owner_id, backup_owner_id, purpose, environment,
        workload, rights, policy_id, expires_at
      FROM governance.identity, generate_series(1, 1203) AS n;
      INSERT INTO lifecycle.credential (id, identity_id, target_id, bucket, state, authorization_id, hard_expires_at)
      SELECT gen_random_uuid(), i.id, i.target_id, i.bucket, 'active', c.authorization_id, i.expires_at
      FROM governance.identity AS i, lifecycle.credential AS c WHERE i.name LIKE 'bulk%';
      """)
    let preview = try await rotate(world, "identity=bulk_*", "--json").object()
    #expect(preview["would_start"] as? String == "1203")
    let digest = try #require(preview["digest"] as? String)
    let started = try await rotate(world, "identity=bulk_*", "--yes", "--expect", digest, "--json")
    #expect(try started.object()["started"] as? String == "1203")
    #expect(
      try await world.text("SELECT string_agg(jobs::text, ' ' ORDER BY id) FROM jobs.operator_action") == "500 500 203")
    #expect(try await world.database.count("SELECT count(*)::text FROM jobs.job") == 1203)
    #expect(
      try await world.database.count("SELECT count(*)::text FROM lifecycle.rotation WHERE state = 'planned'") == 1203)
    try await world.close()
  }

  @Test func wrongArgumentsAreNamed() async throws {
    let world = try await TestWorld.make()
    let who = ["--by", "alice", "--ticket", "T-1"]
    for (arguments, message) in [
      ([], "either an identity or --selector"),
      (["svc", "--selector", "target=db"], "either an identity or --selector"),
      (["svc", "--reason", "r"], "go with --selector"), (["svc", "--yes"], "go with --selector"),
      (["--selector", "target=db"], "--reason is missing"),
      (["--selector", "target=db", "--reason", "r", "--yes"], "--yes and --expect go together"),
      (["--selector", "target=db", "--reason", "r", "--expect", "000000000000"], "--yes and --expect go together"),
      (["--selector", "target=db", "--reason", "r", "--yes", "--expect", "12"], "12 hexadecimal digits"),
      (["--selector", "target=db", "--reason", "r", "--target", "db"], "write target="),
      (["--selector", "colour=red", "--reason", "r"], "known are target, environment, owner, policy, identity"),
      (["--selector", "", "--reason", "r"], "is empty"),
    ] as [([String], String)] {
      let ended = try await world.keyturn(["rotate"] + arguments + who)
      #expect(ended.code == 64, "\(arguments)")
      #expect(ended.errors.contains(message), "\(ended.errors)")
    }
    let ticket = try await world.keyturn(
      "rotate", "--selector", "target=db", "--by", "alice", "--ticket", " ", "--reason", "r")
    #expect(ticket.code == 1)
    #expect(ticket.errors.contains("ticket is empty"))
    #expect(
      try await world.keyturn("rotate", "--selector", "target=db", "--by", "eve", "--ticket", "T", "--reason", "r").code
        == 4)
    try await world.close()
  }
}
