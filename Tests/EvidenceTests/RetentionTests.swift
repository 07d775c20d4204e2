import Evidence
import Foundation
import MerkleLog
import TestSupport
import Testing

/// How long leaves are kept: by command, with who and why, and never against a hold.
@Suite struct RetentionTests {
  private func keyturn(_ world: EvidenceWorld, _ arguments: String...) async throws -> Program.Ended {
    try await Program.keyturn(
      ["audit"] + arguments + ["--json", "--database-url", world.database.url, "--data-dir", world.folder])
  }

  @Test func itIsSetByAPersonWithinBoundsAndRecorded() async throws {
    let world = try await EvidenceWorld.make()
    func days(_ type: String) async throws -> String? {
      try await keyturn(world, "retention").rows().first { $0["type"] as? String == type }?["days"] as? String
    }
    func set(_ type: String, _ more: String...) async throws -> Program.Ended {
      try await Program.keyturn(
        ["audit", "retention", "set", type, "--by", "alice", "--reason", "new law", "--json"] + more
          + ["--database-url", world.database.url, "--data-dir", world.folder])
    }
    #expect(try await keyturn(world, "retention").rows().count == EventType.allCases.count)
    #expect(try await days("rotation.step") == "2556")
    #expect(try await days("log.begun") == nil)
    let changed = try await set("rotation.step", "--days", "3653")
    #expect(try changed.object()["before"] as? String == "2556", "\(changed.errors)")
    #expect(try await days("rotation.step") == "3653")
    #expect(try await set("rotation.step", "--for-ever").code == 0)
    #expect(try await days("rotation.step") == nil)

    // What is wrong is named, with what would be right.
    for (type, more, words) in [
      ("rotation.stepp", ["--days", "400"], "type: there are no leaves"),
      ("rotation.step", ["--days", "364"], "days: 364"),
      ("rotation.step", ["--days", "36501"], "36500"), ("hold.placed", ["--days", "400"], "kept for ever"),
      ("rotation.step", [], "--for-ever"), ("rotation.step", ["--days", "400", "--for-ever"], "--for-ever"),
    ] {
      let ended = try await Program.keyturn(
        ["audit", "retention", "set", type, "--by", "alice", "--reason", "x"] + more
          + ["--database-url", world.database.url, "--data-dir", world.folder])
      #expect(ended.code != 0 && ended.errors.contains(words), "\(ended.errors)")
    }
    let nobody = try await keyturn(
      world, "retention", "set", "rotation.step", "--days", "400", "--by", "mallory", "--reason", "x")
    #expect(nobody.code == 4)
    // With who and why.
    let leaves = try await world.reader.sealedLeaves(of: [.operatorAction], before: .distantFuture)
    #expect(leaves.isEmpty)
    try await world.seal()
    let actions = try await world.reader.sealedLeaves(of: [.operatorAction], before: .distantFuture)
      .map { try EvidenceLeaf(bytes: $0) }.filter { $0.detail["action"]?.string == "audit.retention" }
    #expect(
      actions.count == 2 && actions[0].detail["days"]?.integer == 3653 && actions[0].detail["was"]?.integer == 2556)
    #expect(actions[1].detail["days"] == nil && actions[0].commitments["reason"] != nil)
    #expect(try await world.reader.pseudonyms()[actions[0].actor] != nil)
    try await world.close()
  }

  /// Leaves older than all that is kept: more than two tiles, the last one with a leaf that is kept for ever.
  private func old() async throws -> EvidenceWorld {
    let world = try await EvidenceWorld.make()
    try await world.live()
    try await world.owner(
      """
      DO $$ BEGIN
        FOR i IN 1 .. 800 LOOP PERFORM evidence.record(gen_random_uuid(), 'operator.action', 'other', '{}'); END LOOP;
      END $$;
      """)
    try await world.seal()
    try await age(world, by: "- interval '10 years'")
    return world
  }

  private func age(_ world: EvidenceWorld, by interval: String) async throws {
    try await world.owner(
      """
      ALTER TABLE evidence.event DISABLE TRIGGER event_append_only;
      UPDATE evidence.event SET at = at \(interval) WHERE at < now() - interval '5 years' OR \(interval.hasPrefix("-"));
      ALTER TABLE evidence.event ENABLE ALWAYS TRIGGER event_append_only;
      """)
  }

  private func prune(_ world: EvidenceWorld) async throws -> String? {
    try await keyturn(world, "prune").object()["tiles_pruned"] as? String
  }

  @Test func aHoldOnAPersonKeepsWhatNamesThemAndNothingElse() async throws {
    let world = try await old()
    func hold(_ verb: String) async throws {
      #expect(try await keyturn(world, verb, "--person", "alice", "--by", "bob", "--reason", "case 9").code == 0)
    }
    try await hold("hold")
    // Alice asked for what is in the first tile; the two after it are about nobody.
    #expect(try await prune(world) == "2")
    #expect(try await world.database.count("SELECT count(*) FROM evidence.pruned WHERE tile = 0") == 0)
    try await hold("release")
    #expect(try await prune(world) == "1")
    #expect(try await prune(world) == "0")
    try await age(world, by: "+ interval '10 years'")
    try await world.seal()
    #expect(try await LogCheck(reader: world.reader, store: nil, key: world.signer.key).run() == nil)
    // Which were pruned is in the log, run by run.
    let pruned = try await world.reader.sealedLeaves(of: [.tilesPruned], before: .distantFuture)
      .map { try EvidenceLeaf(bytes: $0).detail }
    #expect(pruned.map { $0["first"]?.integer } == [1, 0] && pruned.map { $0["count"]?.integer } == [2, 1])
    try await world.close()
  }

  @Test func aTypeThatIsKeptForEverKeepsItsTiles() async throws {
    let world = try await old()
    func set(_ more: String...) async throws {
      let ended = try await Program.keyturn(
        ["audit", "retention", "set", "rotation.opened", "--by", "alice", "--reason", "court order"] + more
          + ["--database-url", world.database.url, "--data-dir", world.folder])
      #expect(ended.code == 0, "\(ended.errors)")
    }
    try await set("--for-ever")
    #expect(try await prune(world) == "2")
    try await set("--days", "365")
    #expect(try await prune(world) == "1")
    try await world.close()
  }
}
